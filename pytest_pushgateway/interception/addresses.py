"""Addresses to intercept: how they are written, and when two of them are the same."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import Any, NamedTuple

from pytest_pushgateway.settings import SettingsError

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)
_OLD_NOTATION = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Address(NamedTuple):
    """A host, in its canonical form, and a port."""

    host: str
    port: int

    @property
    def keys(self) -> tuple[tuple[str, int], ...]:
        """Every host and port that it means: ``localhost`` is 127.0.0.1 and ::1 too."""
        hosts = _LOOPBACK if self.host == "localhost" else (self.host,)
        return tuple((host, self.port) for host in hosts)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_addresses(values: Any, source: str) -> tuple[Address, ...]:
    """Return the addresses that an option or a call gives, one as text or several in a list or tuple.

    Raises:
        SettingsError: one is not an address, or is not text.

    """
    several = values if isinstance(values, (list, tuple)) else [values]
    return tuple(dict.fromkeys(_read(value, source) for value in several))


def _read(value: Any, source: str) -> Address:
    wrong = f"{source}: an address to intercept must be HOST:PORT or an http or https URL without a path, not {value!r}"
    if not isinstance(value, str):
        raise SettingsError(wrong)
    text = value.strip()
    scheme, separator, rest = text.partition("://")
    if separator:
        if scheme.lower() not in _PORTS:
            raise SettingsError(wrong)
        text = rest[:-1] if rest.endswith("/") else rest
        if "/" in text or "?" in text or "#" in text:
            raise SettingsError(f"{wrong}; leave out what follows host and port")
        if "@" in text:
            raise SettingsError(f"{wrong}; leave out user and password")
    elif "/" in text:
        raise SettingsError(f"{wrong}; leave out what follows host and port")
    host, port = _split(text)
    if not port and separator:
        port = str(_PORTS[scheme.lower()])
    if not port:
        raise SettingsError(f"{wrong}; add a port, such as {text or 'pushgateway'}:9091")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise SettingsError(f"{wrong}; a port is a number from 1 to 65535")
    address = Address(canonical(host), int(port))
    if not host or not (is_ip(address.host) or _NAME.fullmatch(address.host)):
        raise SettingsError(wrong)
    return address


def _split(text: str) -> tuple[str, str]:
    """Return host and port; the port is empty if it is missing."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not is_ip(host) or (rest and not rest.startswith(":")):
            return "", rest[1:] or "0"
        return host, rest[1:]
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, ""
    return ("" if ":" in host else host), port


def canonical(host: str | bytes | bytearray) -> str:
    """Return a host in its canonical form: lower case, in IDNA, an address in its shortest form."""
    return _canonical(bytes(host) if isinstance(host, bytearray) else host)


@lru_cache(1024)
def _canonical(host: str | bytes) -> str:
    text = host.decode("utf-8", "replace") if isinstance(host, bytes) else host
    text = text.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return _name(text)
    return str(getattr(address, "ipv4_mapped", None) or address)


def _name(text: str) -> str:
    if _OLD_NOTATION.fullmatch(text):  # 127.1 and the like, which resolvers take for addresses
        try:
            return socket.inet_ntoa(socket.inet_aton(text))
        except OSError:
            return text
    try:
        return text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        return text


@lru_cache(1024)
def is_ip(host: str) -> bool:
    """Return whether a host is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
