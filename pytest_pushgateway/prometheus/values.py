"""Scalars with their own grammar: durations, sizes, URLs, label names. Errors are in Prometheus's words."""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_pushgateway.exposition.names import LABEL_NAME
from pytest_pushgateway.golang.strconv import quote as quote_bytes
from pytest_pushgateway.golang.strconv import whole_number
from pytest_pushgateway.golang.utf8 import bytes_of

_UNITS = {
    "y": (1, 365 * 86_400_000),
    "w": (2, 7 * 86_400_000),
    "d": (3, 86_400_000),
    "h": (4, 3_600_000),
    "m": (5, 60_000),
    "s": (6, 1000),
    "ms": (7, 1),
}
_LONGEST = ((1 << 63) - 1) // 1_000_000
"""Go's longest duration, in milliseconds (about 292 years)."""

_PART = re.compile(r"([0-9]+)([^0-9]*)")
_PLAIN_DURATION = re.compile(r"([0-9]{1,9})(ms|[smhdwy])\Z", re.ASCII)
_LABEL_NAME = re.compile(LABEL_NAME, re.ASCII)


def quote(text: str) -> str:
    r"""Return ``text`` as Go's ``%q`` prints it."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'

    return quote_bytes(bytes_of(text))


LATEST = "3.14"
"""The newest Prometheus whose rules are known, and the default."""


def reaches(version: str, release: str) -> bool:
    """Return whether ``version`` (``"3.5"``, ``"3.5.3"``) is ``release`` or newer."""
    return _numbers(version) >= _numbers(release)


@lru_cache(maxsize=256)
def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def parse_duration(text: str, version: str = LATEST) -> float:
    """Return a Prometheus duration (``1h30m``) in seconds.

    Units from ``y`` to ``ms``, each once and in falling order, whole numbers, no sign; ``0`` may stand alone.

    Raises:
        ValueError: the text is not a duration.

    """
    found = _PLAIN_DURATION.match(text)
    if found:
        milliseconds = whole_number(found[1]) * _UNITS[found[2]][1]
        if milliseconds <= _LONGEST:
            return milliseconds / 1000
    if text == "0":
        return 0.0
    if text == "":
        raise ValueError("empty duration string")
    total = at = last = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or not part[2] or whole_number(part[1]) >= 1 << 64:
            raise ValueError(f"not a valid duration string: {quote(text)}")
        order, size = _UNITS.get(part[2], (0, 0))
        if not order and not version.startswith("2.42"):
            raise ValueError(f"unknown unit {quote(part[2])} in duration {quote(text)}")
        if order <= last:
            raise ValueError(f"not a valid duration string: {quote(text)}")
        last, at = order, part.end()
        total += whole_number(part[1]) * size
        if total > _LONGEST:
            raise ValueError("duration out of range")
    return total / 1000


def format_duration(seconds: float) -> str:
    """Return a duration as Prometheus prints it: ``90`` seconds are ``1m30s``, 7 days ``1w``, 8 days ``8d``."""
    left = round(seconds * 1000)
    if left == 0:
        return "0s"
    text = ""
    for unit, (order, size) in _UNITS.items():
        if order <= 2 and left % size:  # years and weeks only where nothing is left over
            continue
        count, left = divmod(left, size)
        if count:
            text += f"{count}{unit}"
    return text


_SIZE_PART = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<rest>[0-9]*))?(?P<unit>[^0-9.]*)")
_PREFIXES = {letter: 1024**power for power, letter in enumerate("KMGTPE", 1)}


def parse_size(text: str) -> int:
    """Return a size (``1.5MB``, ``1KiB5B``; ``KB`` and ``KiB`` both mean 1,024) in bytes.

    A negative size is read as one, as Prometheus does.

    Raises:
        ValueError: the text is not a size.

    """
    try:
        return _parse_size(text, "iB")
    except ValueError:
        return _parse_size(text, "B")


def _parse_size(text: str, suffix: str) -> int:
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total, at = 0.0, 0
    while at < len(rest) or not rest:
        part = _SIZE_PART.match(rest, at)
        if part is None or not (part["whole"] or part["rest"]) or whole_number(part["whole"] or "") >= 1 << 63:
            raise ValueError(f"units: invalid {text}")
        unit = part["unit"]
        factor = 1 if unit == "B" else _PREFIXES.get(unit[: -len(suffix)] if unit.endswith(suffix) else "")
        if factor is None:
            raise ValueError(f"units: unknown unit {unit} in {text}")
        number = float(f"{part['whole'] or 0}.{part['rest'] or 0}")
        total += number * factor
        at = part.end()
    if total >= 1 << 63:
        raise ValueError("units: overflow parsing unit")
    return -int(total) if text[0] == "-" else int(total)


def is_legacy_label_name(name: str) -> bool:
    """Return whether ``name`` is a label name for Prometheus 2.x, and under the ``legacy`` scheme of 3.x."""
    return _LABEL_NAME.fullmatch(name) is not None


def is_label_name(name: str, version: str = LATEST) -> bool:
    """Return whether Prometheus takes ``name`` for a label: since 3.0 any text that is not empty, before a word."""
    if version.startswith("2."):
        return is_legacy_label_name(name)
    return bool(name) and (name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name))


_SCHEME = r"([a-zA-Z][a-zA-Z0-9+.\-]*)(?=:)"
_BAD_ESCAPE = r"%(?![0-9a-fA-F]{2})(.{0,2})"
_HOST = r"[^\x80-\U0010ffff\[\]A-Za-z0-9\-._~!$&'()*+,;=:<>\"%]"


def parse_url(text: str) -> tuple[str, str]:
    """Return scheme (in lower case) and host with port of a URL.

    Raises:
        ValueError: the text is not a URL; with the error of Go's ``url.Parse``.

    """
    problem, scheme, host = _url_problem(text)
    if problem:
        raise ValueError(f"parse {quote(text)}: {problem}")
    return scheme, host


def _url_problem(text: str) -> tuple[str, str, str]:
    if any(letter < " " or letter == "\x7f" for letter in text):
        return "net/url: invalid control character in URL", "", ""
    url, _, fragment = text.partition("#")
    if url == "":
        return _escape_problem(fragment), "", ""
    found = re.match(_SCHEME, url)
    if not found and url[0] == ":":
        return "missing protocol scheme", "", ""
    scheme = found[1].lower() if found else ""
    rest = (url[found.end() + 1 :] if found else url).partition("?")[0]
    if not rest.startswith("/"):
        if scheme:
            return _escape_problem(fragment), scheme, ""  # opaque
        if ":" in rest.partition("/")[0]:
            return "first path segment in URL cannot contain colon", "", ""
    host = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        userinfo, at, host = authority.rpartition("@")
        problem = _host_problem(host)
        if not problem and at and re.search(r"[^A-Za-z0-9\-._:~!$&'()*+,;=%@]", userinfo):
            problem = "net/url: invalid userinfo"
        if problem:
            return problem, scheme, host
    return _escape_problem(rest) or _escape_problem(fragment), scheme, host


def _host_problem(host: str) -> str:
    port = ""
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            return "missing ']' in host"
        port = host[end + 1 :]
    elif ":" in host:
        port = host[host.rindex(":") :]
    if port and not re.match(r":[0-9]*\Z", port):
        return f"invalid port {quote(port)} after host"
    escape = re.search(r"%(?!25|[89a-fA-F][0-9a-fA-F])(.{0,2})", host)
    if escape and not (host.startswith("[") and "%25" in host):
        return f'invalid URL escape "%{escape[1]}"'
    bad = re.search(_HOST, host)
    return f"invalid character {quote(bad[0])} in host name" if bad else ""


def _escape_problem(text: str) -> str:
    found = re.search(_BAD_ESCAPE, text, re.DOTALL)
    return f'invalid URL escape "%{found[1]}"' if found else ""
