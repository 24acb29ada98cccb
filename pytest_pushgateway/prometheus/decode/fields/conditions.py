"""Conditions from which the checks of a section are made: what must be set, or not set together.

A *check* is a function ``(decoder, found) -> bool``: it returns whether it reported something, and then the checks
after it are not asked, since Prometheus stops at the first. They run where every field of the section could be decoded.
"""

from __future__ import annotations

from pytest_pushgateway.prometheus.decode.decoder import Struct
from pytest_pushgateway.prometheus.decode.fields.enumerations import has, unknown_value
from pytest_pushgateway.prometheus.values import parse_url, quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from pytest_pushgateway.prometheus.decode.decoder import Decoder

    Check: TypeAlias = Callable[[Decoder, Struct], bool]


def value_of(found: Struct, name: str, default: Any = None) -> Any:
    """Return the value of ``name``, or of the first of ``one|other`` that is set; a ``.`` goes into a section.

    A section that is there counts as set, however empty.
    """
    for one in name.split("|"):
        value: Any = found
        for part in one.split("."):
            value = value.get(part, default) if value is not None else None
        if value or isinstance(value, Struct):
            return True if isinstance(value, Struct) else value
    return None


def _key(name: str) -> str:
    return name.split("|", 1)[0].split(".", 1)[0]


def need(name: str, message: str, default: Any = None, *, blank: bool = True) -> Check:
    """Return a check that ``name`` (or one of ``one|other``) is set; ``default`` is its value if it is not written.

    ``blank`` is whether a text of spaces will do.
    """

    def check(decoder: Decoder, found: Struct) -> bool:
        value = value_of(found, name, default)
        if value and (blank or value.strip()):
            return False
        decoder.report(message, found.value_node(_key(name)))
        return True

    return check


def apart(one: str, other: str, message: str) -> Check:
    """Return a check that ``one`` and ``other`` are not both set."""

    def check(decoder: Decoder, found: Struct) -> bool:
        if not value_of(found, one) or not value_of(found, other):
            return False
        decoder.report(message, found.value_node(_key(one)))
        return True

    return check


def only_with(one: str, other: str, message: str) -> Check:
    """Return a check that ``one`` is set only if ``other`` is."""

    def check(decoder: Decoder, found: Struct) -> bool:
        if not value_of(found, one) or value_of(found, other):
            return False
        decoder.report(message, found.value_node(_key(one)))
        return True

    return check


def both(one: str, other: str, message: str) -> Check:
    """Return a check that ``one`` and ``other`` are both set or neither is."""

    def check(decoder: Decoder, found: Struct) -> bool:
        if bool(value_of(found, one)) == bool(value_of(found, other)):
            return False
        decoder.report(message, found.value_node(_key(one)))
        return True

    return check


def one_of(name: str, values: Mapping[str, str], message: str, default: str = "") -> Check:
    """Return a check that ``name`` has one of ``values``, by the release that has it first."""

    def check(decoder: Decoder, found: Struct) -> bool:
        text = found.get(name, default)
        if has(values, text, decoder.version):
            return False
        node = found.value_node(name)
        unknown_value(decoder, node, text, values, message.format(text=text, quoted=quote(text)))
        return True

    return check


def of(*values: str) -> dict[str, str]:
    """Return ``values`` as `one_of` takes them, known to every release."""
    return dict.fromkeys(values, "")


def a_url(name: str, prefix: str = "", *, host: str = "", scheme: str = "") -> Check:
    """Return a check that Go can parse ``name`` as a URL.

    ``prefix`` comes before Go's error. ``host`` is the error if scheme or host are missing, ``scheme`` the one if it
    is neither http nor https.
    """

    def check(decoder: Decoder, found: Struct) -> bool:
        text = found.get(name) or ""
        message = ""
        try:
            its_scheme, its_host = parse_url(text)
            if scheme and its_scheme not in ("http", "https"):
                message = scheme
            elif host and not (its_scheme and its_host):
                message = host.format(text=text)
        except ValueError as error:
            message = prefix.format(quoted=quote(text)) + str(error)
        if message:
            decoder.report(message, found.value_node(name))
        return bool(message)

    return check


def since(release: str, *checks: Check) -> Check:
    """Return a check that makes ``checks`` from ``release`` on."""

    def check(decoder: Decoder, found: Struct) -> bool:
        return reaches(decoder.version, release) and any(one(decoder, found) for one in checks)

    return check


def before(release: str, *checks: Check) -> Check:
    """Return a check that makes ``checks`` for releases older than ``release``."""

    def check(decoder: Decoder, found: Struct) -> bool:
        return not reaches(decoder.version, release) and any(one(decoder, found) for one in checks)

    return check
