"""The options of a gateway and where each came from. Standard library only, cheap to import."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

_NO_SOURCES: Mapping[str, str] = MappingProxyType({})


class SettingsError(ValueError):
    """An option is unknown, has a value it cannot have, or contradicts another."""


# Methods written by hand: to have them generated takes 1 ms of every test run's start, used or not.
@dataclass(frozen=True, init=False, repr=False, eq=False)
class Settings:
    """Every option of a gateway. Sizes are bytes, durations seconds.

    ``sources`` tells where each option that was set came from; it takes no part in comparisons.

    Raises:
        SettingsError: an option is unknown, has a value it cannot have, or contradicts another.

    """

    host: str = "127.0.0.1"
    port: int = 0
    telemetry_path: str = "/metrics"
    route_prefix: str = ""
    external_url: str = ""
    persistence_file: str | None = None
    persistence_interval: float = 0.0
    consistency_check: bool = True
    utf8_names: bool = False
    enable_admin_api: bool = False
    enable_lifecycle: bool = False
    tls: Any = None
    basic_auth: tuple[str, str] | None = None
    web_config_file: str | None = None
    journal_limit: int = 10_000
    lint: bool = False
    max_body_size: int = 256 * 1024 * 1024
    max_decoded_body_size: int = 1024 * 1024 * 1024
    max_header_size: int = 1024 * 1024
    max_headers: int = 1000
    max_request_line: int = 1024 * 1024
    max_connections: int = 5000
    request_timeout: float = 300.0
    idle_timeout: float = 300.0
    sources: Mapping[str, str] = field(init=False)

    def __init__(self, *, sources: Mapping[str, str] = _NO_SOURCES, **options: Any) -> None:
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in KINDS)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in KINDS))

    def __repr__(self) -> str:
        """Show only what was set, and where; never a password."""
        given = ", ".join(
            f"{name}={'...' if name == 'basic_auth' else repr(getattr(self, name))} ({source})"
            for name, source in self.sources.items()
        )
        return f"Settings({given})"


KINDS: dict[str, str] = {
    "host": "str",
    "port": "int",
    "telemetry_path": "str",
    "route_prefix": "str",
    "external_url": "str",
    "persistence_file": "path",
    "persistence_interval": "float",
    "consistency_check": "bool",
    "utf8_names": "bool",
    "enable_admin_api": "bool",
    "enable_lifecycle": "bool",
    "tls": "tls",
    "basic_auth": "auth",
    "web_config_file": "path",
    "journal_limit": "int",
    "lint": "bool",
    "max_body_size": "int",
    "max_decoded_body_size": "int",
    "max_header_size": "int",
    "max_headers": "int",
    "max_request_line": "int",
    "max_connections": "int",
    "request_timeout": "float",
    "idle_timeout": "float",
}
"""What each option holds; the names are the options."""

HELP: dict[str, str] = {
    "host": "address to listen on (default: 127.0.0.1)",
    "port": "port to listen on; 0 takes a free one (default: 0)",
    "telemetry_path": "path of the exposed metrics (default: /metrics)",
    "route_prefix": "prefix of all paths",
    "external_url": "URL under which the gateway is reached from outside",
    "persistence_file": "file that keeps the metrics over a restart",
    "persistence_interval": "seconds between writes to it; 0 writes before each answer (default: 0)",
    "consistency_check": "refuse pushes inconsistent with what is stored (default: yes)",
    "utf8_names": "allow UTF-8 label names in grouping keys and metric names (default: no)",
    "enable_admin_api": "enable PUT /api/v1/admin/wipe (default: no)",
    "enable_lifecycle": "enable PUT /-/quit (default: no)",
    "tls": "serve HTTPS: paths of certificate, key and, if wanted, CA, separated by commas",
    "basic_auth": "require this user and password, as user:password",
    "web_config_file": "the original's --web.config.file (excludes tls and basic_auth)",
    "journal_limit": "number of requests that the journal keeps (default: 10000)",
    "lint": "warn about problems in what is pushed (default: no)",
    "max_body_size": "largest request body in bytes, as sent",
    "max_decoded_body_size": "largest request body in bytes, decompressed",
    "max_header_size": "largest request header in bytes",
    "max_headers": "most header lines of a request",
    "max_request_line": "longest request line in bytes",
    "max_connections": "most connections open at a time",
    "request_timeout": "seconds that a client has to send its request",
    "idle_timeout": "seconds that an idle connection is kept",
}


_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the known name most like ``name``, or an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def unknown(name: str, source: str) -> SettingsError:
    """Return the error for an option that is not there."""
    return SettingsError(f"{source}: unknown option {name!r}{nearest(name, KINDS)}")


def parse(name: str, text: str, source: str) -> Any:
    """Return the value of an option written as text, on a command line or in an ini file.

    Raises:
        SettingsError: the option is unknown or the text is no value of it.

    """
    kind = KINDS.get(name)
    if kind is None:
        raise unknown(name, source)
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
        expected = _EXPECTED[kind]
        raise SettingsError(f"{source}: {name} must be {expected}, not {text!r}") from None
    return text


_EXPECTED = {
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
    kind = KINDS.get(name)
    if kind is None:
        raise unknown(name, source)
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
        raise SettingsError(f"{source}: {name} must be {_EXPECTED[kind]}, not {shown}")
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
    if KINDS.get(name) != "path" or not isinstance(path, str) or not path or os.path.isabs(path):
        return value
    return os.path.join(os.getcwd(), path)


def options_of(settings: Settings) -> dict[str, Any]:
    """Return the options that were set, by name: what a gateway that inherits them starts from."""
    return {name: getattr(settings, name) for name in settings.sources}


# Where options are written: command line, ini file, environment
