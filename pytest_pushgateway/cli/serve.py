"""``serve``: the gateway by itself, with the flags, the log and the exit of Pushgateway 1.11.

Unlike the original it exits with status 1 and one line if it cannot listen, or cannot write at its end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from pytest_pushgateway._version import __version__
from pytest_pushgateway.cli.kingpin import KINGPIN, Command, Flag
from pytest_pushgateway.cli.log import FORMATS, LEVELS, make_log
from pytest_pushgateway.cli.signals import QUIT, Ending, as_in_go, dump_and_exit, ending
from pytest_pushgateway.gateway.app.original_flags import as_flags
from pytest_pushgateway.gateway.build_info import BRANCH, GOOS, VERSION, goarch, version_text
from pytest_pushgateway.gateway.builds import RELEASE, Build
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.http.listeners import split_address, systemd_sockets
from pytest_pushgateway.gateway.http.open_files import raise_limit
from pytest_pushgateway.gateway.log import Log
from pytest_pushgateway.golang.duration import format_duration, parse_flag_duration
from pytest_pushgateway.golang.strconv import whole_number
from pytest_pushgateway.golang.url import external_path
from pytest_pushgateway.later import later
from pytest_pushgateway.settings import OPTIONS, Settings, SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.testapi import server as testapi
else:
    testapi = later("pytest_pushgateway.testapi.server")

PROGRAM = "pytest-pushgateway serve"
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
"""glibc's M_ARENA_MAX and M_MMAP_THRESHOLD, which <malloc.h> defines."""
_MAPPED_FROM = 128 << 10
"""Bytes of an allocation that has pages to itself: glibc's own default, which it would raise with each one freed."""
_NO_SOCKETS = "leave --web.systemd-socket to a service that systemd starts with a socket unit"
_GRACE = 0.5
"""Seconds that requests under way have to end."""


def _level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise ValueError(f"unrecognized log level {text}")
    return text.lower()


def _format(text: str) -> str:
    if text not in FORMATS:
        raise ValueError(f"unrecognized log format {text}")
    return text


def _url(text: str) -> str:
    try:
        external_path(text)
    except ValueError as problem:
        raise ValueError(f"invalid URL: {problem}") from None
    return text


def _address(text: str) -> str:
    split_address(text or ":0")
    return text or ":0"


def _advertised(text: str) -> str:
    host, port = split_address(text)
    if not (host and port):
        raise ValueError(f"expected host and port such as gateway:9091 but got {text!r}")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and whole_number(text) > 0):
        raise ValueError(f"expected a positive number but got {text!r}")
    return whole_number(text)


_BY_FLAG = {option.flag: option for option in OPTIONS.values() if option.flag}


def _flag(name: str, text: str = "", default: str = "", parse: Callable[[str], Any] | None = None) -> Flag:
    """Return the flag of a row of the option table; ``text`` is the original's help, if the original has the flag."""
    option = _BY_FLAG[name]
    text = text or f"{option.help[0].upper()}{option.help[1:]}."
    if option.kind == "bool":
        return Flag(name, text)
    if option.kind == "float":
        return Flag(name, text, default or format_duration(option.default), parse_flag_duration)
    if option.kind == "int":
        return Flag(name, text, str(option.default), _count)
    return Flag(name, text, option.default or "", parse or str)


_AS_THE_ORIGINAL = (
    Flag("web.systemd-socket", "Use systemd socket activation listeners instead of port listeners (Linux only)."),
    Flag(
        "web.listen-address",
        "Addresses on which to expose metrics and web interface. Repeatable for multiple addresses. Examples: "
        "`:9100` or `[::1]:9100`.",
        ":9091",
        _address,
        repeatable=True,
    ),
    _flag("web.config.file", "Path to configuration file that can enable TLS or authentication."),
    _flag("web.telemetry-path", "Path under which to expose metrics."),
    _flag("web.external-url", "The URL under which the Pushgateway is externally reachable.", parse=_url),
    _flag(
        "web.route-prefix",
        "Prefix for the internal routes of web endpoints. Defaults to the path of --web.external-url.",
    ),
    _flag("web.enable-lifecycle", "Enable shutdown via HTTP request."),
    _flag("web.enable-admin-api", "Enable API endpoints for admin control actions."),
    _flag("persistence.file", "File to persist metrics. If empty, metrics are only kept in memory."),
    _flag(
        "persistence.interval",
        "The minimum interval at which to write out the persistence file; 0s writes before each answer.",
        "5m",
    ),
    _flag("push.disable-consistency-check", "Do not check consistency of pushed metrics. DANGEROUS."),
    _flag("push.enable-utf8-names", "Allow UTF-8 characters in metric and label names."),
)
_NAMES = {flag.name for flag in _AS_THE_ORIGINAL}
FLAGS = (
    *_AS_THE_ORIGINAL,
    Flag(
        "persistence.required",
        "Answer 503 to what cannot be written to the persistence file, and change nothing; writes before each answer.",
    ),
    *(_flag(name) for name in _BY_FLAG if name not in _NAMES),
    Flag(
        "test.listen-address",
        "Address on which tests in other processes control the gateway; it needs trust. If empty, there is no such "
        "address.",
        "",
        _address,
    ),
    Flag(
        "test.advertise-address",
        "Host and port at which applications reach the gateway, for tests that ask the test API.",
        "",
        _advertised,
    ),
    Flag(
        "log.level",
        "Only log messages with the given severity or above. One of: [debug, info, warn, error]",
        "info",
        _level,
        choices=LEVELS,
    ),
    Flag("log.format", "Output format of log messages. One of: [logfmt, json]", "logfmt", _format, choices=FORMATS),
)
"""The original's flags in its order, and ours, from the option table but for three."""


COMMAND = Command(PROGRAM, "The Pushgateway, in Python", FLAGS, version=version_text, words=KINGPIN, status=1)
"""Its exit status for a wrong flag is the original's."""


def settings_of(options: dict[str, Any]) -> Settings:
    """Return the settings that parsed flags mean.

    Raises:
        SettingsError: a value is invalid; the message names the flag.

    """
    values: dict[str, Any] = {}
    for flag, option in _BY_FLAG.items():
        value = not options[flag] if option.inverted else options[flag]
        values[option.name] = None if option.kind == "path" and not value else value
    values["persistence_interval"] = max(0.0, values["persistence_interval"])
    return Settings(sources={option.name: f"--{flag}" for flag, option in _BY_FLAG.items()}, **values)


def scrape_config(gateway: Gateway) -> str:
    """Return a scrape job for the gateway: one line of YAML, to be pasted below ``scrape_configs:``.

    Where a password is asked for, PASSWORD stands in its place: the gateway knows no more than its hash.
    """
    address = gateway.addresses[0].replace("[::]", "localhost").replace("0.0.0.0", "localhost")
    parts = ["job_name: pushgateway", "honor_labels: true"]
    path = gateway.prefix + "/" + gateway.settings.telemetry_path.lstrip("/")
    if path != "/metrics":
        parts.append(f"metrics_path: {_quoted(path)}")
    if gateway.scheme == "https":
        parts.append("scheme: https")
    if gateway.user is not None:
        parts.append(f"basic_auth: {{username: {_quoted(gateway.user)}, password: PASSWORD}}")
    parts.append(f"static_configs: [{{targets: ['{address}']}}]")
    return "- {" + ", ".join(parts) + "}"


def _quoted(text: str) -> str:
    # In single quotes, which a line of the log need not escape.
    return "'" + text.replace("'", "''") + "'"


class _GoUrl(dict[str, object]):
    """A URL as the original logs it: its text in logfmt, its parts in JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        scheme, mark, rest = text.partition("://")
        host, slash, path = rest.partition("/") if mark else ("", "", scheme)
        parts: dict[str, object] = {
            "Scheme": scheme if mark else "",
            "Opaque": "",
            "User": None,
            "Host": host,
            "Path": slash + path,
        }
        parts |= {"RawPath": "", "OmitHost": False, "ForceQuery": False, "RawQuery": ""}
        super().__init__(parts | {"Fragment": "", "RawFragment": ""})

    def __str__(self) -> str:
        return self.text


def main(arguments: Sequence[str], *, build: Build = RELEASE) -> int:
    """Run until a signal or ``/-/quit`` ends it, with the answers of a build of the original.

    Returns:
        The exit status.
    """
    options = COMMAND.read(arguments)
    if isinstance(options, int):
        return options
    log = make_log(options["log.level"], options["log.format"])
    with ending() as end, as_in_go():
        return _serve(options, log, build, end)


def _serve(options: dict[str, Any], log: Log, build: Build, end: Ending) -> int:
    raise_limit()
    log("info", "starting pushgateway", version=f"(version={__version__}, branch={BRANCH})")
    context = f"(python={VERSION}, platform={GOOS}/{goarch()})"
    log("info", "Build context", build_context=context)
    try:
        gateway, asked = _start(options, settings_of(options), log, build, end.request)
    except Exception as problem:
        # Whatever it is that hinders the start: a port, the persistence file, the web configuration, a path.
        sys.stderr.write(f"{PROGRAM}: error: {_hindrance(problem, options)}\n")
        return 1
    _keep_memory_flat()
    if end.wait() == QUIT:
        dump_and_exit()
    if asked:
        log("warn", "received termination request via web service, exiting gracefully...")
    else:
        log("info", "received SIGINT/SIGTERM; exiting gracefully...")
    gateway.stop(_GRACE)
    log("info", "HTTP server stopped")
    if gateway.persistence_trouble is not None:
        log("error", "problem shutting down metric storage", err=gateway.persistence_trouble)
        return 1
    return 0


def _keep_memory_flat() -> None:
    """Use one heap of glibc, and return large pieces at once, so that days of pushes do not make it grow.

    glibc gives each of the first threads a heap, eight for each processor. Each grows to the largest answers that its
    threads have rendered, and its holes serve no other thread. Python holds its lock around nearly every allocation, so
    that several heaps gain nothing. Not at the start, where loading ctypes would keep the first client waiting.
    """
    if sys.platform != "linux":
        return
    # Python may be built without ctypes, musl has no mallopt, and a hardened unit may hinder both.
    with suppress(ImportError, AttributeError, OSError, MemoryError):
        import ctypes

        library = ctypes.CDLL(None)
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, _MAPPED_FROM)


def _hindrance(problem: Exception, options: dict[str, Any]) -> str:
    """Return in one line what hinders the start, in the original's words, and which flag to look at."""
    from pytest_pushgateway.gateway.persistence.database import PersistenceError

    reason = " ".join((getattr(problem, "strerror", None) or str(problem)).split())
    if reason.startswith("listen "):
        controls = options["test.listen-address"]
        another = "--web.listen-address" if not controls else "--web.listen-address or --test.listen-address"
        return f"{reason}; choose another {another}"
    if isinstance(problem, PersistenceError):
        return f"{reason}; choose another --persistence.file"
    if options["web.config.file"] and isinstance(problem, ValueError) and not isinstance(problem, SettingsError):
        return f"--web.config.file: {reason}"
    return reason


def _start(
    options: dict[str, Any], settings: Settings, log: Log, build: Build, end: Callable[[], None]
) -> tuple[Gateway | testapi.ControlledGateway, list[bool]]:
    sockets = []
    if options["web.systemd-socket"]:
        log("info", "Listening on systemd activated listeners instead of port listeners.")
        sockets = systemd_sockets()
        if not sockets:
            raise OSError(f"no socket activation file descriptors found; {_NO_SOCKETS}")
    _check_combination(options, settings)
    asked: list[bool] = []

    def quit_asked() -> None:
        asked.append(True)
        end()

    def make(settings: Settings, *, log: Log, listen: Sequence[str], **seams: Any) -> Gateway:
        after = seams.pop("after_listening", None)

        def on_listening(gateway: Gateway) -> None:
            if after is not None:
                after(gateway)
            _tell(gateway, log)

        gateway = Gateway(
            settings,
            log=log,
            listen=listen,
            sockets=sockets,
            synchronous="NORMAL",
            persistence_required=options["persistence.required"],
            on_listening=on_listening,
            on_quit=quit_asked,
            build=build,
            **seams,
        )
        gateway.flags = as_flags(
            settings,
            options["web.listen-address"],
            gateway.prefix,
            log_level=options["log.level"],
            log_format=options["log.format"],
            systemd_socket=options["web.systemd-socket"],
        )
        log("debug", "external URL", url=_GoUrl(settings.external_url))
        log("debug", "path prefix used externally", path=external_path(settings.external_url))
        log("debug", "path prefix for internal routing", path=gateway.prefix)
        return gateway

    listen, control = options["web.listen-address"], options["test.listen-address"]
    gateway: Gateway | testapi.ControlledGateway
    if control:
        advertised = options["test.advertise-address"]
        gateway = testapi.ControlledGateway(
            settings,
            make,
            listen=listen,
            control=control,
            advertised=split_address(advertised) if advertised else None,
            log=log,
        )
    else:
        gateway = make(settings, log=log, listen=listen)
    gateway.start()
    return gateway, asked


def _check_combination(options: dict[str, Any], settings: Settings) -> None:
    """Check that flags go together.

    Raises:
        SettingsError: flags exclude each other; the message names one of them.

    """
    if options["persistence.required"] and settings.persistence_file is None:
        raise SettingsError("--persistence.required needs a file to write to; add --persistence.file")
    if options["test.advertise-address"] and not options["test.listen-address"]:
        raise SettingsError("--test.advertise-address is for the test API; add --test.listen-address")
    if options["test.listen-address"] and options["web.systemd-socket"]:
        raise SettingsError(
            "--test.listen-address stops and starts the gateway, which systemd's sockets do not outlive; leave "
            "--web.systemd-socket out"
        )


def _tell(gateway: Gateway, log: Log) -> None:
    for address in gateway.addresses:
        log("info", "Listening on", address=address)
        if gateway.rate is not None:
            interval, burst = gateway.rate
            log("info", "Rate Limiter is enabled.", burst=burst, interval=format_duration(interval))
        enabled = gateway.scheme == "https"
        log("info", "TLS is enabled." if enabled else "TLS is disabled.", http2=False, address=address)
    if sys.stderr is not None and sys.stderr.isatty():
        _greet(gateway)


def _greet(gateway: Gateway) -> None:
    """Show the URL of the page, and the scrape job to paste, on a terminal."""
    host = gateway.addresses[0].replace("[::]", "localhost").replace("0.0.0.0", "localhost")
    page = f"{gateway.scheme}://{host}{gateway.prefix}/"
    with suppress(OSError):  # the terminal may be gone
        sys.stderr.write(_GREETING.format(page=page, job=scrape_config(gateway)))
        sys.stderr.flush()


_GREETING = """
  Web page:    {page}
  Scrape job:  {job}
  Paste the scrape job below scrape_configs of Prometheus. Press Ctrl-C to stop.

"""
