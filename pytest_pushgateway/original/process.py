"""Processes of Go's Pushgateway: each with its flags on a free port, reused by one gateway after the other."""

from __future__ import annotations

import atexit
import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.app.routes import route_prefix
from pytest_pushgateway.gateway.builds import Build
from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.golang.url import external_path
from pytest_pushgateway.monotonic import monotonic
from pytest_pushgateway.original.relay import WireAnswer, send
from pytest_pushgateway.settings import Settings

_LISTENING = re.compile(r"""Listening on.*?address["=:]+127\.0\.0\.1:(\d+)""")
_START = 30.0
_STOP = 5.0
_SETTLE = 5.0
"""Seconds that it has to start, to stop, and to apply what it answers 202 to."""
_LOG_LINES = 5


class OriginalError(RuntimeError):
    """The original did not start or does not answer; the text has the end of its log."""


class Original:
    """One process. ``flags`` are its command line but for address and persistence file, ``prefix`` is its prefix."""

    def __init__(self, binary: str, flags: Sequence[str], prefix: str) -> None:
        self.flags: tuple[str, ...] = tuple(flags)
        self._prefix = prefix
        self._directory = Path(tempfile.mkdtemp(prefix="pushgateway-original-"))
        self._log = self._directory / "log"
        assets = Path(binary).resolve().parent.parent / "share" / "prometheus" / "pushgateway"
        command = [binary, "--web.listen-address=127.0.0.1:0", f"--persistence.file={self._directory / 'metrics'}"]
        # Debian's build reads its page from files; a package that is only unpacked has them elsewhere.
        command += [f"--web.local-assets={assets}"] if assets.is_dir() else []
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
            )
        self.port: int = self._wait_for_port()
        self._touched = False

    def _wait_for_port(self) -> int:
        deadline = monotonic() + _START
        while monotonic() < deadline and self._process.poll() is None:
            if found := _LISTENING.search(self._log.read_text(encoding="utf-8", errors="replace")):
                return int(found[1])
            genuine.sleep(0.005)
        self.stop()
        raise OriginalError(f"Go's Pushgateway did not start; its log:\n{self.log()}")

    def log(self) -> str:
        """Return the last lines of its log."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(its log is gone)"
        return "\n".join(lines[-_LOG_LINES:])

    def ask(self, request: bytes, method: str, *, half_closed: bool = False) -> WireAnswer:
        """Send the bytes of a request and return the reply; see `send`.

        Raises:
            OriginalError: there is no connection to it.

        """
        self._touched = True
        try:
            return send(self.port, request, method, half_closed=half_closed)
        except OSError as problem:
            raise OriginalError(f"Go's Pushgateway does not answer: {problem}; its log:\n{self.log()}") from None

    def get(self, path: str) -> WireAnswer:
        """Return the reply to a GET of a path, which begins behind the prefix."""
        return self.ask(f"GET {self._prefix}{path} HTTP/1.1\r\nHost: original\r\n\r\n".encode(), "GET")

    def put(self, path: str, body: bytes, content_type: str) -> WireAnswer:
        """Return the reply to a PUT."""
        head = f"PUT {self._prefix}{path} HTTP/1.1\r\nHost: original\r\nContent-Type: {content_type}\r\n"
        return self.ask(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, "PUT")

    def wipe(self) -> None:
        """Empty it, and wait until it is.

        Raises:
            OriginalError: it does not answer, or is not empty in time.

        """
        if not self._touched:
            return
        self.put("/api/v1/admin/wipe", b"", "text/plain")
        deadline = monotonic() + _SETTLE
        while json.loads(self.get("/api/v1/metrics").body).get("data"):
            if monotonic() > deadline:
                raise OriginalError("Go's Pushgateway does not become empty")
            genuine.sleep(0.002)
        self._touched = False

    def stop(self) -> None:
        """End the process and remove what it wrote."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        rmtree(self._directory, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None


class Originals:
    """The processes of one run of tests.

    Args:
        binary: the path of the program.

    Attributes:
        release: its version, such as ``1.11.3``.
        build: the build that it is.

    Raises:
        OriginalError: the program is another one, or does not start.

    """

    def __init__(self, binary: str) -> None:
        self.binary: str = binary
        self._idle: list[Original] = []
        self._all: list[Original] = []
        self._lock = threads.Lock()
        asked = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=_START, check=False)
        found = re.search(r"pushgateway, version (\S+)", asked.stdout + asked.stderr)
        if found is None:
            raise OriginalError(f"{binary} is not Go's Pushgateway: --version does not name it")
        self.release: str = found[1]
        atexit.register(self.stop)
        # Started now: a test may replace what starts a process, or forbid it.
        first = self.take(Settings())
        self.build: Build = _build_of(first)
        self.give_back(first)

    def take(self, settings: Settings) -> Original:
        """Return an empty one with the flags for these settings; it is the caller's until `give_back`.

        Raises:
            OriginalError: it does not start, or does not become empty.

        """
        flags = flags_of(settings)
        with self._lock:
            found = next((one for one in self._idle if one.flags == flags and one.running), None)
            if found is not None:
                self._idle.remove(found)
        if found is None:
            prefix = route_prefix(settings.route_prefix, external_path(settings.external_url))
            found = Original(self.binary, flags, prefix)
            self._all.append(found)
        found.wipe()
        return found

    def give_back(self, original: Original) -> None:
        """Keep one for the next gateway with such flags."""
        with self._lock:
            self._idle.append(original)

    def stop(self) -> None:
        """End all processes."""
        atexit.unregister(self.stop)
        with self._lock:
            ended, self._all, self._idle = self._all, [], []
        for one in ended:
            one.stop()


def _build_of(original: Original) -> Build:
    """Recognise a build by its answers."""
    if original.get("/x%2F%2Fy").header("location") == "/x/y":
        return Build.DEBIAN
    return Build.RELEASE if original.get("//x").status == 307 else Build.GO_1_25


def flags_of(settings: Settings) -> tuple[str, ...]:
    """Return the original's flags for settings. TLS and passwords are not among them: requests arrive decrypted.

    It can always be wiped, which is how it is emptied.
    """
    texts = {
        "web.route-prefix": settings.route_prefix,
        "web.external-url": settings.external_url,
        "web.telemetry-path": "" if settings.telemetry_path == "/metrics" else settings.telemetry_path,
    }
    switches = {
        "push.disable-consistency-check": not settings.consistency_check,
        "push.enable-utf8-names": settings.utf8_names,
        "web.enable-lifecycle": settings.enable_lifecycle,
        "web.enable-admin-api": True,
    }
    given = [f"--{name}={value}" for name, value in texts.items() if value]
    return (*given, *(f"--{name}" for name, value in switches.items() if value))
