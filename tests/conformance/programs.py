"""The two programs, run side by side with the same flags: the real Pushgateway and ours."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_pushgateway.gateway.builds import Build
from tests.conformance import webconfigs, wire
from tests.conformance.records import Headers, request
from tests.wire import build_of

START_TIMEOUT = 30.0
STOP_TIMEOUT = 15.0
_OURS = Path(__file__).with_name("ours.py")
_LISTENING = re.compile(r"""Listening on.*?address["=:]+127\.0\.0\.1:(\d+)""")


@dataclass(frozen=True)
class Flags:
    """A named set of command-line flags, and how to reach what it starts."""

    arguments: tuple[str, ...] = ("--web.enable-admin-api",)
    prefix: str = ""
    web_config: str = ""
    """Name of a configuration of ``webconfigs``; its files are in the working directory of either program."""
    tls: bool = False
    client: str = ""
    """Name of the client certificate that the suite presents."""
    headers: Headers = ()
    """Headers that the suite's own requests (wipe, look) need."""

    @property
    def admin(self) -> bool:
        return "--web.enable-admin-api" in self.arguments


ADMIN = "--web.enable-admin-api"
FLAGS: Mapping[str, Flags] = {
    "default": Flags(),
    "bare": Flags(()),
    "debug": Flags(("--log.level=debug",)),
    "json_log": Flags(("--log.level=debug", "--log.format=json")),
    "utf8": Flags((ADMIN, "--push.enable-utf8-names")),
    "unchecked": Flags((ADMIN, "--push.disable-consistency-check")),
    "prefix": Flags((ADMIN, "--web.route-prefix=/pfx"), prefix="/pfx"),
    "prefix_without_slashes": Flags((ADMIN, "--web.route-prefix=nolead/"), prefix="/nolead"),
    "prefix_metrics": Flags((ADMIN, "--web.route-prefix=/metrics"), prefix="/metrics"),
    "external": Flags((ADMIN, "--web.external-url=http://ex.test/ext/path/"), prefix="/ext/path"),
    "external_at_root": Flags((ADMIN, "--web.external-url=http://ex.test/ext/path/", "--web.route-prefix=/")),
    "external_opaque": Flags((ADMIN, "--web.external-url=ex.test:80")),
    "external_word": Flags((ADMIN, "--web.external-url=notaurl"), prefix="/notaurl"),
    "telemetry": Flags((ADMIN, "--web.telemetry-path=/tele/metry")),
    "telemetry_prefix": Flags((ADMIN, "--web.telemetry-path=/tele", "--web.route-prefix=/pfx"), prefix="/pfx"),
    "lifecycle": Flags((ADMIN, "--web.enable-lifecycle")),
    "lifecycle_prefix": Flags((ADMIN, "--web.enable-lifecycle", "--web.route-prefix=/pfx"), prefix="/pfx"),
    "persistent": Flags((ADMIN, "--persistence.file=pushgateway.data", "--persistence.interval=0s")),
    "persistent_seldom": Flags((ADMIN, "--persistence.file=pushgateway.data", "--persistence.interval=1h")),
    "persistent_lifecycle": Flags(
        (ADMIN, "--web.enable-lifecycle", "--persistence.file=pushgateway.data", "--persistence.interval=1h")
    ),
    "auth": Flags(web_config="auth.yml", headers=webconfigs.AUTHORISED),
    "headers": Flags(web_config="headers.yml"),
    "empty_config": Flags(web_config="empty.yml"),
    "tls": Flags(web_config="tls.yml", tls=True),
    "tls_auth_headers": Flags(web_config="tls_auth_headers.yml", tls=True, headers=webconfigs.AUTHORISED),
    "tls13": Flags(web_config="tls13.yml", tls=True),
    "mutual": Flags(web_config="mutual.yml", tls=True, client="client"),
    "mutual_without": Flags(web_config="mutual.yml", tls=True),
    "mutual_stranger": Flags(web_config="mutual.yml", tls=True, client="stranger"),
    "mutual_if_given": Flags(web_config="verify_if_given.yml", tls=True),
    "mutual_if_given_stranger": Flags(web_config="verify_if_given.yml", tls=True, client="stranger"),
    "mutual_request": Flags(web_config="request_certificate.yml", tls=True),
    "inline_tls": Flags(web_config="inline.yml", tls=True),
}


class DoesNotStart(Exception):
    """A program did not listen in time; the log is in the message."""


class Program:
    """One running program: a child process, its log, its address."""

    def __init__(
        self,
        name: str,
        command: list[str],
        directory: Path,
        flags: Flags,
        context: ssl.SSLContext | None = None,
        godebug: str = "",
    ):
        self.name = name
        self._environment = {**os.environ, "GODEBUG": godebug} if godebug else None
        self.directory = directory
        self.flags = flags
        self._command = [*command, "--web.listen-address=127.0.0.1:0", *flags.arguments]
        if flags.web_config:
            self._command.append(f"--web.config.file={flags.web_config}")
        if not any(argument.startswith("--persistence.file") for argument in flags.arguments):
            self._command.append("--persistence.file=")
        self._context = context
        self._process: subprocess.Popen[str] | None = None
        self._changed = threading.Condition()
        self.log: list[str] = []
        self._port = 0
        self._ended = False
        self.served = False
        """Whether it has answered anything since its start."""

    def start(self) -> None:
        self.log, self._port, self._ended, self.served = [], 0, False, False
        self._process = subprocess.Popen(
            self._command,
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        self._follower = threading.Thread(target=self._follow, args=(self._process,), daemon=True)
        self._follower.start()
        with self._changed:
            self._changed.wait_for(lambda: self._port or self._ended, START_TIMEOUT)
        if not self._port:
            raise DoesNotStart(f"{self.name} {self.flags.arguments} did not listen:\n" + "\n".join(self.log))
        self.address = wire.Address("127.0.0.1", self._port, self._context)

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for line in stream:
                with self._changed:
                    self.log.append(line.rstrip("\n"))
                    if found := _LISTENING.search(line):
                        self._port = int(found[1])
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | str:
        """Send a signal and return the exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self.wait()

    def wait(self) -> int | str:
        assert self._process is not None
        try:
            status: int | str = self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            status = f"still running after {STOP_TIMEOUT:.0f} s"
        self._follower.join()
        return status

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def port(self) -> int:
        return self._port

    def ask(self, method: str, target: str, body: bytes | None = None, headers: Headers = ()) -> wire.Answer:
        """Send one plain request and return the answer."""
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        pairs += list(self.flags.headers.items() if isinstance(self.flags.headers, Mapping) else self.flags.headers)
        return wire.exchange(self.address, request(method, target, body, pairs).data, method)[-1]

    def empty(self) -> None:
        """Bring it back to its first day: wiped where it can be, started again where not."""
        if not self.running:
            self.start()
        elif not self.served:
            return
        elif self.flags.admin:
            self.ask("PUT", self.flags.prefix + "/api/v1/admin/wipe")
            until(lambda: self.ask("GET", self.flags.prefix + "/api/v1/metrics").body.endswith(b'"data":[]}'))
        else:
            self.stop()
            self.start()
        self.served = False


def until(condition: Callable[[], bool], timeout: float = 5.0) -> bool:
    """Poll the original, which applies deletions and writes files behind its answer."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


class Pair:
    """The original and ours with the same flags, each in its own working directory."""

    def __init__(self, original: list[str], ours: list[str], flags: Flags, godebug: str = "") -> None:
        self.flags = flags
        self._directory = Path(tempfile.mkdtemp(prefix="conformance-"))
        programs = []
        for name, command in (("original", original), ("ours", ours)):
            directory = self._directory / name
            directory.mkdir()
            if flags.web_config:
                webconfigs.write(directory)
            context = webconfigs.client_context(directory, flags.client) if flags.tls else None
            programs.append(Program(name, command, directory, flags, context, godebug))
        self.original, self.ours = programs

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter((self.original, self.ours))

    def close(self) -> None:
        for program in self:
            if program.running:
                program.stop(signal.SIGKILL)
        shutil.rmtree(self._directory, ignore_errors=True)


class Pairs:
    """The pairs that stand, one for each set of flags, started when first asked for."""

    def __init__(self, original: Path, ours: str | None = None, *, godebug: str = "") -> None:
        """Set up with the original's path, the command that starts the other, and ``GODEBUG`` for the original.

        ``CONFORMANCE_OURS`` may name another command; the original's own path judges the suite itself.
        """
        ours = ours or os.environ.get("CONFORMANCE_OURS")
        # Debian's build reads its page from files; where the package is only unpacked they are beside it.
        assets = original.resolve().parent.parent / "share" / "prometheus" / "pushgateway"
        self._original = [str(original), *([f"--web.local-assets={assets}"] if assets.is_dir() else [])]
        self._godebug = godebug
        self.build: Build = self._recognise()
        """The build that the original was recognised to be; ours answers as it does."""
        self._ours = shlex.split(ours) if ours else [sys.executable, str(_OURS), str(self.build.value)]
        self._standing: dict[str, Pair] = {}

    @property
    def version(self) -> str:
        """The original's name for itself: the first line of its ``--version``."""
        asked = subprocess.run([*self._original, "--version"], capture_output=True, text=True, timeout=START_TIMEOUT)
        return (asked.stdout or asked.stderr).partition("\n")[0]

    def _recognise(self) -> Build:
        with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
            program = Program("original", self._original, Path(directory), Flags(), godebug=self._godebug)
            program.start()
            try:
                return build_of(program.port)
            finally:
                program.stop(signal.SIGKILL)

    def new(self, flags: str) -> Pair:
        """Make a pair that nobody else uses; the caller closes it."""
        return Pair(self._original, self._ours, FLAGS[flags], self._godebug)

    def standing(self, flags: str) -> Pair:
        """Return the pair that runs with these flags, emptied."""
        if flags not in self._standing:
            self._standing[flags] = self.new(flags)
        pair = self._standing[flags]
        for program in pair:
            program.empty()
        return pair

    def close(self) -> None:
        for pair in self._standing.values():
            pair.close()
        self._standing.clear()
