"""The options of a gateway and where each came from. Standard library only, cheap to import."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MIB = 1024 * 1024
_NO_SOURCES: Mapping[str, str] = MappingProxyType({})


class SettingsError(ValueError):
    """An option is unknown, invalid or in conflict with another."""


class Option:
    """One row of the option table, as an attribute of `Settings` that was not set: reading it gives the default.

    Attributes:
        kind: what it holds: ``str``, ``int``, ``float`` (seconds), ``bool``, ``path``, ``tls`` or ``auth``.
        default: its value where nothing sets it.
        help: one line for pytest's ``--help``, the documentation, and ``serve --help`` where the flag is ours.
        environment: whether an environment variable also sets it.
        flag: its flag of ``serve``, without the dashes; empty if there is none.
        inverted: whether that flag means the contrary.

    """

    __slots__ = ("default", "environment", "flag", "help", "inverted", "kind", "name")

    def __init__(
        self,
        default: Any,
        text: str,
        *,
        kind: str = "",
        environment: bool = False,
        flag: str = "",
        inverted: bool = False,
    ) -> None:
        self.name: str = ""
        self.kind: str = kind or ("path" if default is None else type(default).__name__)
        self.default: Any = default
        self.help: str = text
        self.environment: bool = environment
        self.flag: str = flag
        self.inverted: bool = inverted

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self.default

    @property
    def shown_default(self) -> str:
        """The default as a reader wants it: ``yes``, ``256 MiB``, ``none``."""
        default = self.default
        if default is None or default == "":
            return "none"
        if self.kind == "bool":
            return "yes" if default else "no"
        if self.kind == "int" and default and default % MIB == 0:
            return f"{default // MIB} MiB"
        return f"{default:g}" if self.kind == "float" else f"{default}"


def _option(default: Any, text: str, **more: Any) -> Any:
    # Typed as anything, so that each field below has the type that its readers see.
    return Option(default, text, **more)


# The option table. From a row come the option of Pushgateway() and of the marker, pytest's command line and ini file,
# the flag of `serve` (where `flag=` names it), the server's limit, and the line of docs/options.md.
# Not a dataclass: that costs each start of a gateway by itself 15 ms.
class Settings:
    """Every option of a gateway, frozen. Sizes are bytes, durations seconds.

    ``sources`` tells where each option that was set came from; it takes no part in comparisons.

    Raises:
        SettingsError: an option is unknown, has a value it cannot have, or contradicts another.

    """

    host: str = _option("127.0.0.1", "address to listen on", environment=True)
    port: int = _option(0, "port to listen on; 0 takes a free one", environment=True)
    telemetry_path: str = _option("/metrics", "path of the exposed metrics", flag="web.telemetry-path")
    route_prefix: str = _option("", "prefix of all paths", flag="web.route-prefix")
    external_url: str = _option("", "URL under which the gateway is reached from outside", flag="web.external-url")
    persistence_file: str | None = _option(None, "file that keeps metrics across restarts", flag="persistence.file")
    persistence_interval: float = _option(
        0.0, "seconds between writes to it; 0 writes before each answer", flag="persistence.interval"
    )
    consistency_check: bool = _option(
        True, "reject pushes that contradict stored metrics", flag="push.disable-consistency-check", inverted=True
    )
    utf8_names: bool = _option(
        False, "allow UTF-8 label names in grouping keys and metric names", flag="push.enable-utf8-names"
    )
    enable_admin_api: bool = _option(False, "enable PUT /api/v1/admin/wipe", flag="web.enable-admin-api")
    enable_lifecycle: bool = _option(False, "enable PUT /-/quit", flag="web.enable-lifecycle")
    tls: Any = _option(None, "serve HTTPS: comma-separated paths of certificate, key and optional CA", kind="tls")
    basic_auth: tuple[str, str] | None = _option(None, "require this user and password, as user:password", kind="auth")
    web_config_file: str | None = _option(
        None, "the original's --web.config.file (excludes tls and basic_auth)", flag="web.config.file"
    )
    journal_limit: int = _option(10_000, "number of requests that the journal keeps")
    lint: bool = _option(False, "warn about problems in what is pushed")
    max_body_size: int = _option(
        256 * MIB, "largest request body in bytes, as sent; a larger one gets 413", flag="web.max-body-size"
    )
    max_decoded_body_size: int = _option(
        64 * MIB,
        "largest body of a push in bytes, decompressed; a larger one gets 413",
        flag="web.max-decoded-body-size",
    )
    max_header_size: int = _option(
        1 * MIB, "largest header section of a request in bytes; a larger one gets 431", flag="web.max-header-size"
    )
    max_headers: int = _option(
        10_000, "maximum number of header lines in a request; more get 431", flag="web.max-headers"
    )
    max_request_line: int = _option(
        1 * MIB, "longest request line in bytes; a longer one gets 414", flag="web.max-request-line"
    )
    max_connections: int = _option(
        5000,
        "maximum number of open connections; idle ones are closed for new ones, then new ones get 503",
        flag="web.max-connections",
    )
    request_timeout: float = _option(
        300.0, "time limit for a client to send its request; a slower one gets 408", flag="web.request-timeout"
    )
    idle_timeout: float = _option(300.0, "time after which an idle connection is closed", flag="web.idle-timeout")
    sources: Mapping[str, str]

    def __init__(self, *, sources: Mapping[str, str] = _NO_SOURCES, **options: Any) -> None:
        # The server reads some with every request: they are found here sooner than by the rows of the table.
        vars(self).update(_DEFAULTS)
        for name, value in options.items():
            object.__setattr__(self, name, check(name, value, sources.get(name, "Settings")))
        object.__setattr__(self, "sources", sources or dict.fromkeys(options, "Settings"))
        if self.web_config_file is not None:
            for other in ("tls", "basic_auth"):
                if getattr(self, other) is not None:
                    raise SettingsError(
                        f"web_config_file ({self.sources['web_config_file']}) excludes {other} "
                        f"({self.sources[other]}): the file already says who may connect and how"
                    )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Settings cannot be changed: {name!r} is set when they are made")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Settings cannot be changed: {name!r} stays")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in OPTIONS)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in OPTIONS))

    def __repr__(self) -> str:
        """Show only what was set, and where; never a password."""
        given = ", ".join(
            f"{name}={'...' if name == 'basic_auth' else repr(getattr(self, name))} ({source})"
            for name, source in self.sources.items()
        )
        return f"Settings({given})"


OPTIONS: dict[str, Option] = {name: row for name, row in vars(Settings).items() if isinstance(row, Option)}
"""The option table, by name."""
_DEFAULTS = {name: row.default for name, row in OPTIONS.items()}

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the known name most like ``name``, or an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def unknown(name: str, source: str) -> SettingsError:
    """Return the error for an option that is not there."""
    if name == "intercept":
        return SettingsError(f"{source}: {name!r} is not an option of a gateway; call gateway.intercept(...)")
    return SettingsError(f"{source}: unknown option {name!r}{nearest(name, OPTIONS)}")


def parse(name: str, text: str, source: str) -> Any:
    """Return the value of an option written as text, on a command line or in an ini file.

    Raises:
        SettingsError: the option is unknown or the text is no value of it.

    """
    if name not in OPTIONS:
        raise unknown(name, source)
    kind = OPTIONS[name].kind
    text = text.strip()
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
        if kind == "bool":
            if text.lower() in _TRUE:
                return True
            if text.lower() in _FALSE:
                return False
            raise ValueError
        if kind == "auth":
            user, separator, password = text.partition(":")
            if not separator:
                raise ValueError
            return user, password
        if kind == "tls":
            return check(name, tuple(part.strip() for part in text.split(",")), source)
    except ValueError:
        expected = EXPECTED[kind]
        raise SettingsError(f"{source}: {name} must be {expected}, not {text!r}") from None
    return text


EXPECTED = {
    "str": "a string",
    "path": "a path",
    "int": "a whole number",
    "float": "a number of seconds",
    "bool": "true or false",
    "auth": "a pair of user and password (user:password)",
    "tls": "an ssl.SSLContext or the paths of certificate, key and, if wanted, CA",
}


def check(name: str, value: Any, source: str) -> Any:
    """Return ``value`` in the form that `Settings` keeps.

    Raises:
        SettingsError: the option is unknown or cannot have that value.

    """
    if name not in OPTIONS:
        raise unknown(name, source)
    kind = OPTIONS[name].kind
    if kind in ("auth", "tls") and isinstance(value, str):
        return parse(name, value, source)
    if value is None and kind in ("path", "auth", "tls"):
        return None
    if kind == "path" and isinstance(value, os.PathLike):
        value = os.fspath(value)
    elif kind == "float" and type(value) is int:
        value = float(value)
    elif kind in ("auth", "tls") and isinstance(value, (list, tuple)):
        value = tuple(os.fspath(part) if isinstance(part, os.PathLike) else part for part in value)
    if not _fits(kind, value):
        shown = type(value).__name__ if kind in ("auth", "tls") else repr(value)
        raise SettingsError(f"{source}: {name} must be {EXPECTED[kind]}, not {shown}")
    if kind in ("int", "float") and not value >= 0:
        raise SettingsError(f"{source}: {name} must not be negative, got {value!r}")
    if name == "port" and value > 65535:
        raise SettingsError(f"{source}: port must be at most 65535, got {value}")
    if name == "telemetry_path" and not value.startswith("/"):
        raise SettingsError(f"{source}: telemetry_path must begin with '/', got {value!r}")
    return value


def _fits(kind: str, value: Any) -> bool:
    if kind in ("str", "path"):
        return isinstance(value, str)
    if kind == "int":
        return type(value) is int
    if kind == "float":
        return type(value) is float
    if kind == "bool":
        return type(value) is bool
    if isinstance(value, tuple):
        allowed = (2,) if kind == "auth" else (2, 3)
        return len(value) in allowed and all(isinstance(part, str) for part in value)
    return kind == "tls" and hasattr(value, "wrap_socket")


def resolve(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> Settings:
    """Return the settings that layers of options give, a later layer going before an earlier one.

    Each layer is its source, as messages name it, and its options. Files named by a relative path are those
    that it names now: a test that goes elsewhere must not lose them.

    Raises:
        SettingsError: an option is unknown, has a value it cannot have, or contradicts another.

    """
    options: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in layers:
        for name, value in layer.items():
            options[name] = _from_here(name, value)
            sources[name] = source
    return Settings(sources=sources, **options)


def _from_here(name: str, value: Any) -> Any:
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if (
        name not in OPTIONS
        or OPTIONS[name].kind != "path"
        or not isinstance(path, str)
        or not path
        or os.path.isabs(path)
    ):
        return value
    return os.path.join(os.getcwd(), path)


def options_of(settings: Settings) -> dict[str, Any]:
    """Return the options that were set, by name: what a gateway that inherits them starts from."""
    return {name: getattr(settings, name) for name in settings.sources}
