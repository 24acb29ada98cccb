"""Which format and which encoding a scrape asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cmp_to_key
from typing import NamedTuple

from pytest_pushgateway.exposition.escaping import ALLOW_UTF8, DOTS, UNDERSCORES, VALUES

TEXT = "text"
PROTOBUF_DELIMITED = "protobuf-delimited"
PROTOBUF_TEXT = "protobuf-text"
PROTOBUF_COMPACT_TEXT = "protobuf-compact-text"

_ESCAPINGS = (ALLOW_UTF8, UNDERSCORES, DOTS, VALUES)
_PROTOBUF = "application/vnd.google.protobuf"
_MESSAGE = "io.prometheus.client.MetricFamily"
_ENCODINGS = {"delimited": PROTOBUF_DELIMITED, "text": PROTOBUF_TEXT, "compact-text": PROTOBUF_COMPACT_TEXT}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TOKEN = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z/]*)[ \t\r\n]*")
_QUALITY = re.compile(r";[ \t\r\n]*(?:q=([01](?:\.[0-9]*)?)[ \t\r\n]*)?")
_COMMA = re.compile(r",[ \t\r\n]*")
_FEW = 100
"""Clauses that are put in order one by one; nobody sends as many."""


class Format(NamedTuple):
    """A format of exposition: ``kind`` is one of this module's constants, ``escaping`` the scheme for names."""

    kind: str = TEXT
    escaping: str = UNDERSCORES

    @property
    def content_type(self) -> str:
        """The Content-Type header, the escaping scheme always named, as the original's."""
        if self.kind == TEXT:
            return f"text/plain; version=0.0.4; charset=utf-8; escaping={self.escaping}"
        encoding = self.kind.removeprefix("protobuf-")
        return f"{_PROTOBUF}; proto={_MESSAGE}; encoding={encoding}; escaping={self.escaping}"


class _Clause(NamedTuple):
    type: str
    subtype: str
    quality: float
    parameters: dict[str, str]

    def precedes(self, other: _Clause) -> bool:
        return (
            self.quality > other.quality
            or (self.type != "*" and other.type == "*")
            or (self.subtype != "*" and other.subtype == "*")
        )

    def compare(self, other: _Clause) -> int:
        return other.precedes(self) - self.precedes(other)


def _clauses(accept: str) -> list[_Clause]:
    """Split an Accept header into its clauses, best first.

    The order is that of an insertion sort by the original's comparison, which is no consistent order: a clause comes
    before its neighbour if any one of quality, type and subtype says so. Only very long headers, whose order nobody can
    foretell in the original either, are sorted in less than the square of their length.
    """
    clauses = list(_read_clauses(accept))
    if len(clauses) > _FEW:
        return sorted(clauses, key=cmp_to_key(_Clause.compare))
    ordered: list[_Clause] = []
    for clause in clauses:
        position = len(ordered)
        while position and clause.precedes(ordered[position - 1]):
            position -= 1
        ordered.insert(position, clause)
    return ordered


def _read_clauses(accept: str) -> Iterator[_Clause]:
    for text in accept.split(","):
        media, *parameters = text.strip(" ").split(";")
        kind, slash, subtype = media.partition("/")
        kind, subtype = kind.strip(" "), subtype if slash else ""
        if subtype == "":
            if kind != "*":
                continue
            subtype = "*"
        elif subtype.rstrip("/") != subtype and subtype.count("/") == 1:
            subtype = subtype[:-1]  # "text/plain/" passes for "text/plain"
        elif "/" in subtype:
            continue
        yield _Clause(kind, subtype.strip(" "), *_parameters(parameters))


def _parameters(texts: list[str]) -> tuple[float, dict[str, str]]:
    quality, parameters = 1.0, {}
    for text in texts:
        name, _, value = text.partition("=")
        if value.endswith("=") and value.count("=") == 1:
            value = value[:-1]
        elif not value or "=" in value:
            continue
        name = name.strip(" ")
        if name == "q":
            quality = float(value) if _NUMBER.fullmatch(value) else 0.0
        else:
            parameters[name] = value.strip(" ")
    return quality, parameters


def negotiate(accept: str | None, *, default_escaping: str = UNDERSCORES) -> Format:
    """Choose the format of a scrape as the original does.

    Clauses are walked best first; a valid ``escaping`` of any clause up to the matching one applies, even of one that
    does not match itself. There is no OpenMetrics; whatever is not understood gets the text format.
    """
    escaping = default_escaping
    for clause in _clauses(accept or ""):
        parameters = clause.parameters
        if parameters.get("escaping") in _ESCAPINGS:
            escaping = parameters["escaping"]
        if f"{clause.type}/{clause.subtype}" == _PROTOBUF and parameters.get("proto") == _MESSAGE:
            kind = _ENCODINGS.get(parameters.get("encoding", ""))
            if kind:
                return Format(kind, escaping)
        if (clause.type, clause.subtype) == ("text", "plain") and parameters.get("version", "") in ("", "0.0.4"):
            break
    return Format(TEXT, escaping)


def accepts_gzip(*headers: str) -> bool:
    """Return whether a scrape with these Accept-Encoding headers gets a gzip answer.

    As the original: the token is case-sensitive, ``*`` does not ask for gzip, ``identity`` wins with a higher quality,
    and in a header what follows a specification that cannot be read is not read.
    """
    gzip = identity = -1.0
    for header in headers:
        for coding, quality in _codings(header):
            if coding in ("gzip", "*"):
                gzip = max(gzip, quality)
            if coding in ("identity", "*"):
                identity = max(identity, quality)
    return gzip > max(identity, 0.0)


def _codings(text: str) -> Iterator[tuple[str, float]]:
    position = 0
    while True:
        token = _TOKEN.match(text, position)
        assert token is not None
        coding, position, quality = token[1], token.end(), 1.0
        if parameter := _QUALITY.match(text, position):
            if parameter[1] is None:
                return
            quality, position = float(parameter[1]), parameter.end()
        if coding:
            yield coding, quality
        comma = _COMMA.match(text, position)
        if not coding or comma is None:
            return
        position = comma.end()
