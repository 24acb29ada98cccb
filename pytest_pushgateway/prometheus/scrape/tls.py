"""A job's ``tls_config`` as an :class:`ssl.SSLContext`, and Go's words for a certificate that does not convince."""

from __future__ import annotations

import io
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from pytest_pushgateway.golang.tls import VERSIONS

_RECORDS = range(20, 25)
"""The first byte of a TLS record."""
_CERTIFICATE_HAS_EXPIRED = 10
_CERTIFICATE_NOT_YET_VALID = 9


class Unverified(Exception):
    """The server's certificate is not accepted; the text is Go's."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"tls: failed to verify certificate: x509: {reason}")

    @classmethod
    def of(cls, problem: ssl.SSLCertVerificationError) -> Unverified:
        """Translate OpenSSL's verdict."""
        if problem.verify_code in (_CERTIFICATE_HAS_EXPIRED, _CERTIFICATE_NOT_YET_VALID):
            return cls("certificate has expired or is not yet valid")
        return cls("certificate signed by unknown authority")


class NoTls(Exception):
    """The server speaks something else than TLS; the text is Go's."""


class TlsStream(io.RawIOBase):
    """TLS over a socket, as far as an HTTP client needs it.

    Unlike :class:`ssl.SSLSocket` it sees the first bytes that the server sends, which show what kind of server it is.
    """

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, server_name: str) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._started = False

    def handshake(self) -> None:
        """Agree with the server.

        Raises:
            NoTls: the other end does not speak TLS.

        """
        self._until_done(self._tls.do_handshake)

    def certificate(self) -> dict[str, Any]:
        """Return the server's certificate as :meth:`ssl.SSLSocket.getpeercert` does."""
        return self._tls.getpeercert() or {}

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._until_done(lambda: self._tls.write(data))  # a memory buffer takes everything at once

    def makefile(self, mode: str = "rb") -> io.BufferedReader:
        """Return the stream for reading, as :class:`http.client.HTTPResponse` asks for it."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read at most as much as fits; 0 at the end, whether or not the server closed in order."""
        try:
            count: int = self._until_done(lambda: self._tls.read(len(buffer), buffer))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0
        return count

    def close(self) -> None:
        """Do nothing: who opened the socket closes it, when the last byte has been read."""

    def _until_done(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._receive()
                continue
            finally:
                self._flush()
            return result

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._plain.sendall(data)

    def _receive(self) -> None:
        data = self._plain.recv(65536)
        if data and not self._started:
            self._started = True
            if data.startswith(b"HTTP/"):
                raise NoTls("http: server gave HTTP response to HTTPS client")
            if data[0] not in _RECORDS:
                raise NoTls("tls: first record does not look like a TLS handshake")
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


def client_context(settings: Mapping[str, Any], directory: str) -> ssl.SSLContext:
    """Return the context that ``tls_config`` describes; relative file names begin in ``directory``.

    The name of the server is not checked by the context (see :func:`verify_name`).

    Raises:
        OSError: a file cannot be read; with Prometheus's message.
        ValueError: a file cannot be used; with Prometheus's message.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = VERSIONS.get(str(settings.get("min_version", "")), ssl.TLSVersion.TLSv1_2)
    if settings.get("max_version"):
        context.maximum_version = VERSIONS[str(settings["max_version"])]
    if settings.get("insecure_skip_verify"):
        context.verify_mode = ssl.CERT_NONE
    _load_authorities(context, settings, directory)
    _load_client_certificate(context, settings, directory)
    return context


def _load_authorities(context: ssl.SSLContext, settings: Mapping[str, Any], directory: str) -> None:
    text = str(settings.get("ca") or "")
    if settings.get("ca_file"):
        path = os.path.join(directory, str(settings["ca_file"]))
        try:
            with open(path, encoding="utf-8", errors="replace") as opened:
                text = opened.read()
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            raise OSError(f"unable to read CA cert: unable to read file {path}: open {path}: {reason}") from None
    if not text:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cadata=text)
    except ssl.SSLError:
        raise ValueError("unable to use specified CA cert") from None


def _load_client_certificate(context: ssl.SSLContext, settings: Mapping[str, Any], directory: str) -> None:
    cert, key = (str(settings.get(f"{name}_file") or "") for name in ("cert", "key"))
    if not cert or not key:
        return
    cert, key = os.path.join(directory, cert), os.path.join(directory, key)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as problem:
        raise ValueError(f"unable to use specified client cert ({cert}) & key ({key}): {problem}") from None


def verify_name(certificate: Mapping[str, Any], name: str) -> None:
    """Check that ``certificate`` (as ``getpeercert()`` gives it) is one for ``name``.

    As Go: alternative names only, never the common name.

    Raises:
        Unverified: the certificate is for another name.

    """
    alternatives = certificate.get("subjectAltName", ())
    names = [value for kind, value in alternatives if kind == "DNS"]
    addresses = [ipaddress.ip_address(value) for kind, value in alternatives if kind == "IP Address"]
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        if any(_covers(pattern.lower(), name.lower().rstrip(".")) for pattern in names):
            return
        if not alternatives:
            raise Unverified("certificate relies on legacy Common Name field, use SANs instead") from None
        if not names:
            raise Unverified(f"certificate is not valid for any names, but wanted to match {name}") from None
        raise Unverified(f"certificate is valid for {', '.join(names)}, not {name}") from None
    if address in addresses:
        return
    if not addresses:
        raise Unverified(f"cannot validate certificate for {name} because it doesn't contain any IP SANs")
    raise Unverified(f"certificate is valid for {', '.join(str(one) for one in addresses)}, not {name}")


def _covers(pattern: str, name: str) -> bool:
    """Return whether a certificate's name covers ``name``; a ``*`` stands for the whole first part."""
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return pattern == name
