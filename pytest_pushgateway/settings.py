"""The options of a gateway and where each came from. Standard library only, cheap to import."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

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

PROGRAMS: dict[str, str] = {
    "promtool": "path of promtool, for rules and alerts (default: PROMTOOL_BINARY, else on PATH)",
    "prometheus": "path of Prometheus, for prometheus_server (default: PROMETHEUS_BINARY, else on PATH)",
}
"""What pytest can be told besides the options of a gateway: where programs are."""

TEMPLATE_FIELDS = ("url", "address", "host", "port", "scheme")
"""What a template of ``pushgateway_env_vars`` may hold."""

_VARIABLE = "PYTEST_PUSHGATEWAY_"
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


def flag_of(name: str) -> str:
    """Return an option's flag on pytest's command line."""
    return "--pushgateway-" + name.replace("_", "-")


def check_flags(arguments: Iterable[str]) -> None:
    """Look for misspelt flags of ours among a command line's arguments.

    Raises:
        SettingsError: there is one; the message names the nearest.

    """
    for argument in arguments:
        flag = argument.partition("=")[0]
        if flag.startswith(("--pushgateway-", "--no-pushgateway-")):
            known = [flag_of(name) for name in (*KINDS, *PROGRAMS, "summary", "pause_on_failure")]
            known += [flag_of(name).replace("--", "--no-", 1) for name, kind in KINDS.items() if kind == "bool"]
            if flag not in known:
                raise SettingsError(f"unknown option {flag}{nearest(flag, known)}")


def from_command_line(get: Callable[[str, Any], Any], base: Path) -> dict[str, Any]:
    """Return the options that the command line sets; ``get`` gives a parsed option, paths are relative to ``base``."""
    options: dict[str, Any] = {}
    for name in KINDS:
        value = get(f"pushgateway_{name}", None)
        if value is not None:
            value = parse(name, value, flag_of(name)) if isinstance(value, str) else value
            options[name] = _absolute(name, value, base)
    return options


def from_ini(keys: Iterable[str], get: Callable[[str], Any], base: Path) -> dict[str, Any]:
    """Return the options that an ini file sets.

    ``keys`` are all that it holds; ``get`` gives a value, as text or converted; paths are relative to ``base``.
    """
    options: dict[str, Any] = {}
    others = ("env_vars", *PROGRAMS)
    for key in keys:
        if key.startswith("pushgateway_") and key[len("pushgateway_") :] not in others:
            name, source = key[len("pushgateway_") :], f"ini option {key}"
            if name not in KINDS:
                raise unknown(name, "ini file")
            try:
                value = get(key)
            except Exception as error:  # pytest converts numbers and truth values, and says no more than Python
                raise SettingsError(f"{source}: {name} must be {_EXPECTED[KINDS[name]]}: {error}") from None
            value = parse(name, value, source) if isinstance(value, str) else value
            options[name] = _absolute(name, value, base)
    return options


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that environment variables set: host and port alone."""
    options: dict[str, Any] = {}
    for variable, value in environment.items():
        if variable.startswith(_VARIABLE):
            name = variable[len(_VARIABLE) :].lower()
            if name not in ("host", "port"):
                known = (f"{_VARIABLE}HOST", f"{_VARIABLE}PORT")
                hint = nearest(variable, known)
                raise SettingsError(
                    f"environment: unknown variable {variable}{hint} (only {' and '.join(known)} are read)"
                )
            options[name] = parse(name, value, f"environment variable {variable}")
    return options


def programs(
    get: Callable[[str, Any], Any], get_ini: Callable[[str], Any], base: Path, ini_base: Path
) -> dict[str, tuple[str, str]]:
    """Return the path and its source for every program that the command line, or else the ini file, names.

    Paths are relative to ``base`` and ``ini_base``; a bare name is one to look for on PATH.
    """
    found: dict[str, tuple[str, str]] = {}
    for name in PROGRAMS:
        for value, directory, source in (
            (get(f"pushgateway_{name}", None), base, flag_of(name)),
            (get_ini(f"pushgateway_{name}"), ini_base, f"the ini option pushgateway_{name}"),
        ):
            if value:
                found[name] = (str(directory / value) if os.path.dirname(value) else value, source)
                break
    return found


def templates(lines: Iterable[str]) -> list[tuple[str, str]]:
    """Return the names and templates of the ini option ``pushgateway_env_vars``."""
    pairs = []
    for line in lines:
        name, equals, template = line.partition("=")
        if not equals or not name.strip():
            raise SettingsError(f"ini option pushgateway_env_vars: expected NAME=template, not {line!r}")
        try:
            template.format(**dict.fromkeys(TEMPLATE_FIELDS, ""))
        except KeyError as error:
            field_name = str(error.args[0])
            hint = nearest(field_name, TEMPLATE_FIELDS)
            raise SettingsError(
                f"ini option pushgateway_env_vars: unknown field {{{field_name}}} in {line!r}{hint}"
            ) from None
        except (ValueError, IndexError) as error:
            raise SettingsError(f"ini option pushgateway_env_vars: {line!r}: {error}") from None
        pairs.append((name.strip(), template.strip()))
    return pairs


def _absolute(name: str, value: Any, base: Path) -> Any:
    if KINDS[name] == "path" and value:
        return str(base / value)
    if KINDS[name] == "tls" and isinstance(value, tuple):
        return tuple(str(base / part) for part in value)
    return value
