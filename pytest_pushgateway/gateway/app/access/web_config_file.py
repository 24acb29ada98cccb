"""The web configuration file, read as the original reads it: by yaml.v2 into the exporter-toolkit's types.

A decoder takes a node and what its field holds already, and returns what the field holds then. yaml.v2 collects what
does not fit and leaves the field as it is; a type that the toolkit defines, such as a TLS version, ends the reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_pushgateway.gateway.http.host import HeaderLines
from pytest_pushgateway.golang.duration import parse_duration
from pytest_pushgateway.golang.strconv import quote
from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.golang.yaml_aliases import Aliases
from pytest_pushgateway.golang.yaml_v2 import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    SyntaxProblem,
    TooDeep,
    compose,
    integer_value,
    is_merge,
    is_null,
    merged,
    misfit,
    resolve,
    string_value,
)

_MAX_DEPTH = 200
"""Deepest nesting that is read: a web configuration needs four levels, and libyaml's binding takes stack for each."""
_INT64 = 1 << 63
_HEADERS: dict[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}


class WebConfigError(ValueError):
    """A web configuration that cannot be used; ``str()`` in the original's words."""


@dataclass
class Contents:
    """One content of the file, decoded."""

    content: bytes
    tls: dict[str, Any] = field(default_factory=dict)
    """The keys of ``tls_server_config`` that are there, with their values."""
    headers: HeaderLines = field(default_factory=list)
    users: dict[bytes, bytes] = field(default_factory=dict)
    rate: tuple[float, int] | None = None
    """Seconds from one request to the next, and how many may come at once."""


def read(content: bytes) -> Contents:
    """Return the contents of the file's first document.

    Raises:
        WebConfigError: the file is invalid; in the original's words.

    """
    values = _load(content)
    tls = {name: value for name, value in values.get("tls_server_config", {}).items() if value is not None}
    config = Contents(content, tls=tls)
    for name, value in (values.get("http_server_config", {}).get("headers") or {}).items():
        config.headers.append(_header(name, value))
    rate = values.get("rate_limit", {})
    if interval := rate.get("interval", 0):
        config.rate = interval / 1e9, rate.get("burst", 0)
    for user, hashed in (values.get("basic_auth_users") or {}).items():
        _check_hash(hashed)
        config.users[user.encode()] = hashed.encode()
    return config


def _header(name: str, value: str) -> tuple[str, str]:
    if name not in _HEADERS:
        raise WebConfigError(f'HTTP header "{name}" can not be configured')
    allowed = _HEADERS[name]
    if allowed and value not in allowed:
        listed = " ".join(f'"{one}"' for one in allowed)
        given = quote(bytes_of(value))
        raise WebConfigError(f"invalid value for {name}. Expected one of: [{listed}], but got: {given}")
    # As Go writes headers: names in its canonical form, and no value ends its line.
    name = "-".join(part.capitalize() for part in name.split("-"))
    return name, re.sub(r"[\r\n]", " ", value.strip(" \t"))


def _check_hash(hashed: str) -> None:
    problem = ""
    if len(hashed) < 59:
        problem = "hashedSecret too short to be a bcrypted password"
    elif hashed[0] != "$":
        problem = f"bcrypt hashes must start with '$', but hashedSecret started with '{hashed[0]}'"
    elif hashed[1] > "2":
        problem = f"bcrypt algorithm version '{hashed[1]}' requested is newer than current version '2'"
    elif not (cost := re.match(r"\$2[a-z]?\$([0-9]{2})\$[./A-Za-z0-9]{53}$", hashed)):
        problem = "hashedSecret is no bcrypt hash"
    elif not 4 <= int(cost[1]) <= 31:
        problem = f"cost {int(cost[1])} is outside allowed inclusive range 4..31"
    if problem:
        raise WebConfigError(f"crypto/bcrypt: {problem}")


# Reading by type


class _Reading:
    """One document that is read: the aliases in it, and what did not fit."""

    def __init__(self, content: bytes) -> None:
        self.aliases = Aliases(content)
        self.errors: list[str] = []

    def report(self, node: Node, text: str) -> None:
        self.errors.append(f"line {node.start_mark.line + 1}: {text}")

    def misfit(self, node: Node, go_type: str) -> None:
        self.report(node, misfit(node, go_type))


_Decode = Callable[[_Reading, Node, Any], Any]


def _load(content: bytes) -> dict[str, Any]:
    reading = _Reading(content)
    try:
        node = compose(content, _MAX_DEPTH)
        value = None if node is None else _CONFIG(reading, node, None)
    except TooDeep as problem:
        line = problem.position.line if problem.position else 0
        raise WebConfigError(f"yaml: line {line}: exceeded max depth of {_MAX_DEPTH}") from None
    except SyntaxProblem as problem:
        raise WebConfigError(problem.promtool) from None
    if reading.errors:
        raise WebConfigError("yaml: unmarshal errors:\n" + "\n".join(f"  {error}" for error in reading.errors))
    return value or {}


def _text_as(go_type: str) -> _Decode:
    def decode(reading: _Reading, node: Node, before: Any) -> Any:
        if isinstance(node, ScalarNode):
            return string_value(node)
        reading.misfit(node, go_type)
        return before

    return decode


_string = _text_as("string")


def _bool(reading: _Reading, node: Node, before: Any) -> Any:
    value = resolve(node)[1] if isinstance(node, ScalarNode) else node
    if value is None or isinstance(value, bool):
        return value
    reading.misfit(node, "bool")
    return before


def _int(reading: _Reading, node: Node, before: Any) -> Any:
    value = integer_value(node, -_INT64, _INT64 - 1) if isinstance(node, ScalarNode) else None
    if value is None:
        reading.misfit(node, "int")
    return before if value is None else value


def _duration(reading: _Reading, node: Node, before: Any) -> Any:
    """Read a ``time.Duration``: a text as Go reads one, or a number of nanoseconds."""
    if isinstance(node, ScalarNode):
        text = resolve(node)[1]
        try:
            value = integer_value(node, -_INT64, _INT64 - 1)
            if value is None and isinstance(text, str):
                value = round(parse_duration(text) * 1e9)
        except ValueError:
            value = None
        if value is not None:
            return value
    reading.misfit(node, "time.Duration")
    return before


def _one_of(what: str, known: Callable[[], Mapping[str, object]]) -> _Decode:
    """Read a name that the toolkit knows; null is none."""

    def decode(reading: _Reading, node: Node, before: Any) -> Any:
        if is_null(node):
            return before
        name = _string(reading, node, None)
        if name is not None and name not in known():
            raise WebConfigError(f"unknown {what}: {name}")
        return before if name is None else name

    return decode


def _list_of(item: _Decode, go_type: str) -> _Decode:
    def decode(reading: _Reading, node: Node, before: Any) -> Any:
        if is_null(node):
            return None
        if not isinstance(node, SequenceNode):
            reading.misfit(node, go_type)
            return before
        return [item(reading, one, "") for one in node.value]

    return decode


def _mapping(read_pair: Callable[[_Reading, Node, Node, dict[str, Any], set[str]], None], go_type: str) -> _Decode:
    """Read a mapping pair by pair; merged pairs come at the place of their ``<<``, and may repeat keys."""

    def decode(reading: _Reading, node: Node, before: Any) -> Any:
        if not isinstance(node, MappingNode):
            reading.misfit(node, go_type)
            return before
        values = {} if before is None else before
        again = reading.aliases.enter(node)
        done: set[str] = set()
        for key_node, value_node in node.value:
            if is_merge(key_node):
                for one in merged(value_node):
                    decode(reading, one, values)
            else:
                read_pair(reading, key_node, value_node, values, done)
        reading.aliases.leave(node, again)
        return values

    return decode


def _struct(go_type: str, fields: Mapping[str, _Decode]) -> _Decode:
    def read_pair(reading: _Reading, key_node: Node, value_node: Node, values: dict[str, Any], done: set[str]) -> None:
        name = _string(reading, key_node, None)
        if name in done:
            reading.report(key_node, f"field {name} already set in type {go_type}")
        elif name in fields:
            done.add(name)
            values[name] = fields[name](reading, value_node, values.get(name))
        elif name is not None:
            reading.report(key_node, f"field {name} not found in type {go_type}")

    mapping = _mapping(read_pair, go_type)

    def decode(reading: _Reading, node: Node, before: Any) -> Any:
        if isinstance(node, ScalarNode) and resolve(node)[1] is None:
            return {} if before is None else before
        return mapping(reading, node, {} if before is None else before) or {}

    return decode


def _map_of(value: _Decode, go_type: str) -> _Decode:
    def read_pair(reading: _Reading, key_node: Node, value_node: Node, values: dict[str, Any], _: set[str]) -> None:
        name = _string(reading, key_node, None)
        found = value(reading, value_node, None)
        if name is None or found is None:
            return
        if name in values:
            reading.report(value_node, f'key "{name}" already set in map')
        else:
            values[name] = found

    mapping = _mapping(read_pair, go_type)

    def decode(reading: _Reading, node: Node, before: Any) -> Any:
        return None if is_null(node) else mapping(reading, node, before)

    return decode


def _versions() -> Mapping[str, object]:
    from pytest_pushgateway.golang.tls import VERSIONS

    return VERSIONS


def _ciphers() -> Mapping[str, object]:
    from pytest_pushgateway.gateway.http.tls import CIPHERS

    return CIPHERS


def _curves() -> Mapping[str, object]:
    from pytest_pushgateway.gateway.http.tls import CURVES

    return CURVES


TLS_FILES = ("cert_file", "key_file", "client_ca_file")
_CONFIG = _struct(
    "web.Config",
    {
        "tls_server_config": _struct(
            "web.TLSConfig",
            {
                **dict.fromkeys(("cert", "client_ca", *TLS_FILES, "client_auth_type"), _string),
                "key": _text_as("config.plain"),
                "cipher_suites": _list_of(_one_of("cipher", _ciphers), "[]web.Cipher"),
                "curve_preferences": _list_of(_one_of("curve", _curves), "[]web.Curve"),
                "min_version": _one_of("TLS version", _versions),
                "max_version": _one_of("TLS version", _versions),
                "prefer_server_cipher_suites": _bool,
                "client_allowed_sans": _list_of(_string, "[]string"),
            },
        ),
        "http_server_config": _struct(
            "web.HTTPConfig", {"http2": _bool, "headers": _map_of(_string, "map[string]string")}
        ),
        "rate_limit": _struct("web.RateLimiterConfig", {"burst": _int, "interval": _duration}),
        "basic_auth_users": _map_of(_text_as("config.plain"), "map[string]config.Secret"),
    },
)
