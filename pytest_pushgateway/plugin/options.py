"""The plugin's options from command line, ini file and environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_pushgateway.settings import EXPECTED, OPTIONS, SettingsError, nearest, parse, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import Any


PROGRAMS: dict[str, str] = {
    "promtool": "path of promtool, for rules and alerts (default: PROMTOOL_BINARY, else on PATH)",
    "prometheus": "path of Prometheus, for prometheus_server (default: PROMETHEUS_BINARY, else on PATH)",
}
"""Settings of pytest besides the options of a gateway: the places of programs."""


TEMPLATE_FIELDS = ("url", "address", "host", "port", "scheme")
"""Fields that a template of ``pushgateway_env_vars`` may hold."""


_OTHERS = ("intercept", "connect", "compare", "report")
"""Options of pytest that are neither a gateway's nor programs for tests."""


_VARIABLE = "PYTEST_PUSHGATEWAY_"
CONNECT = f"{_VARIABLE}CONNECT"
"""The environment variable that has the URL of a gateway in another process."""


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
            known = [flag_of(name) for name in (*OPTIONS, *PROGRAMS, *_OTHERS, "summary", "pause_on_failure")]
            known += [
                flag_of(name).replace("--", "--no-", 1) for name, option in OPTIONS.items() if option.kind == "bool"
            ]
            if flag not in known:
                raise SettingsError(f"unknown option {flag}{nearest(flag, known)}")


def from_command_line(get: Callable[[str, Any], Any], base: Path) -> dict[str, Any]:
    """Return the options that the command line sets; ``get`` gives a parsed option, paths are relative to ``base``."""
    options: dict[str, Any] = {}
    for name in OPTIONS:
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
    others = ("env_vars", *_OTHERS, *PROGRAMS)
    for key in keys:
        if key.startswith("pushgateway_") and key[len("pushgateway_") :] not in others:
            name, source = key[len("pushgateway_") :], f"ini option {key}"
            if name not in OPTIONS:
                raise unknown(name, "ini file")
            try:
                value = get(key)
            except Exception as error:  # pytest converts numbers and truth values, and its errors are Python's
                raise SettingsError(f"{source}: {name} must be {EXPECTED[OPTIONS[name].kind]}: {error}") from None
            value = parse(name, value, source) if isinstance(value, str) else value
            options[name] = _absolute(name, value, base)
    return options


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that environment variables set: host and port alone."""
    options: dict[str, Any] = {}
    known = {f"{_VARIABLE}{name.upper()}": name for name, option in OPTIONS.items() if option.environment}
    for variable, value in environment.items():
        if variable.startswith(_VARIABLE) and variable != CONNECT:
            if variable not in known:
                hint = nearest(variable, [*known, CONNECT])
                raise SettingsError(
                    f"environment: unknown variable {variable}{hint} (only {', '.join(known)} and {CONNECT} are read)"
                )
            options[known[variable]] = parse(known[variable], value, f"environment variable {variable}")
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
    if OPTIONS[name].kind == "path" and value:
        return str(base / value)
    if OPTIONS[name].kind == "tls" and isinstance(value, tuple):
        return tuple(str(base / part) for part in value)
    return value
