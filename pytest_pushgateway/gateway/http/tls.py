"""TLS for the server; imported only where it is asked for, as ``ssl`` takes a while to import."""

from __future__ import annotations

import _socket as socket  # what nobody replaces
import ssl
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.http.readiness import receive, wait
from pytest_pushgateway.golang.tls import VERSIONS
from pytest_pushgateway.monotonic import monotonic

LOOKS_PLAIN = frozenset({b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"})
"""First bytes by which Go knows that a client speaks plain HTTP on a TLS port."""

PLAIN_ON_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
"""Go's answer to plain HTTP on a TLS port."""

CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
"""Curves as Go names them, with OpenSSL's names."""
_ALWAYS = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})
"""Suites of TLS 1.3, which Go does not let anybody choose either."""
CIPHERS = {
    **dict.fromkeys(_ALWAYS, ""),
    **{
        f"TLS_ECDHE_{kind}_WITH_{name}": f"ECDHE-{kind}-{openssl}"
        for kind in ("ECDSA", "RSA")
        for name, openssl in (
            ("AES_128_CBC_SHA", "AES128-SHA"),
            ("AES_256_CBC_SHA", "AES256-SHA"),
            ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
            ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
            ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
        )
    },
}
"""Suites as Go names them, with OpenSSL's names; none for those that nobody may choose."""
_CLIENT_AUTH = {
    "": ssl.CERT_NONE,
    "NoClientCert": ssl.CERT_NONE,
    # Go asks for a certificate and takes any or none: nobody can distinguish that from not asking.
    "RequestClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class TlsError(ValueError):
    """A TLS configuration that cannot be used."""


def server_context(tls: Any) -> ssl.SSLContext:
    """Return the context of the ``tls`` setting: a context as it is, or made from paths ``(cert, key[, ca])``.

    The CA is what clients trust; the server does not need it.

    Raises:
        OSError: a file cannot be loaded.

    """
    if isinstance(tls, ssl.SSLContext):
        return tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls[0], tls[1])
    return context


_APPLICATION_DATA = b"\x17"
"""First byte of a TLS record that carries what is neither an alert nor, before TLS 1.3, of a handshake."""


class Stream:
    """TLS on a connection that a server accepted: its handshake, and the first bytes of its requests.

    The handshake is made step by step, each when something has come, so that whoever begins a new generation can take
    the step that is due: only then it is known whether what waits in the socket is of the handshake or of a request.

    Args:
        context: the server's.
        sock: the accepted socket; `sock` takes its place.
        is_over: whether another thread has ended the connection.
    """

    def __init__(self, context: ssl.SSLContext, sock: socket.socket, is_over: Callable[[], bool]) -> None:
        sock.setblocking(False)
        plain: Any = sock  # where the types want one of Python's own class, any will do
        self.sock: ssl.SSLSocket = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.established: bool = False
        """Whether the handshake is over, so that bytes from now on are of requests."""
        self._context = context
        self._is_over = is_over
        self._stepping = threads.Lock()
        self._problem: BaseException | None = None

    def shake_hands(self, timeout: float) -> None:
        """Make the whole handshake, in at most ``timeout`` seconds.

        Raises:
            OSError: it failed, took too long, or the client's certificate carries no allowed name.
        """
        deadline = monotonic() + timeout
        while not self.established:
            to_write = self._step()
            left = max(0.0, deadline - monotonic())
            if not self.established and not wait(self.sock, left, self._is_over, to_write=to_write):
                raise TimeoutError("_ssl.c: The handshake operation timed out")
        if isinstance(self._context, TlsContext) and not self._context.accepts(self.sock):
            raise OSError("could not find allowed SANs in client cert")

    def forget_connection(self) -> None:
        """Drop what refers to the connection, which refers to this object; to be called when it has ended."""
        self._is_over = bool
        self._problem = None

    def step(self) -> None:
        """Take the step of the handshake for which the bytes have come, if there is one; from any thread."""
        if self.established:
            return
        try:
            # Without a look whether there is something: while the connection's own thread reads, the kernel may hide
            # what has come meanwhile.
            self._step()
        except (OSError, ValueError, RuntimeError) as problem:  # the last one by PyPy: see `is_broken_off`
            self._problem = problem  # for the connection's own thread, which reports it

    def _step(self) -> bool:
        """Go on with the handshake as far as what has come allows; return whether it waits to send."""
        with self._stepping:
            if self._problem is not None:
                raise self._problem
            if self.established:
                return False
            try:
                self.sock.do_handshake()
            except ssl.SSLWantReadError:
                return False
            except ssl.SSLWantWriteError:
                return True
            self.established = True
            return False

    def receive_first(self, size: int, boundary: AbstractContextManager[object], begin: Callable[[], None]) -> bytes:
        """Wait for a request and receive its first bytes.

        Args:
            size: how many bytes at most.
            boundary: held while they are taken from the socket and ``begin`` is called.
            begin: called when the first byte has been taken.

        Returns:
            The bytes; none at the end of the stream.
        """
        timeout = self.sock.gettimeout()
        while True:
            kind = receive(self.sock, 1, self._is_over, socket.MSG_PEEK)
            with boundary:
                self.sock.settimeout(0)
                try:
                    data = self.sock.recv(size)
                except (ssl.SSLWantReadError, BlockingIOError):
                    if kind != _APPLICATION_DATA:
                        continue  # something of TLS itself, such as an update of its keys
                    data = None  # part of a record, which cannot be decrypted yet
                finally:
                    self.sock.settimeout(timeout)
                begin()
            return receive(self.sock, size, self._is_over) if data is None else data

    @staticmethod
    def is_broken_off(problem: Exception) -> bool:
        """Return whether an error is the RuntimeError of PyPy's ``ssl`` for a client that breaks off."""
        trace = problem.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        module = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
        return isinstance(problem, RuntimeError) and module.startswith("_cffi_ssl.")

    def say_goodbye(self) -> None:
        """Send close_notify, without which some clients take the end for an attack; do not wait for theirs."""
        with suppress(OSError, ValueError):
            try:
                self.sock.settimeout(0)
                self.sock.unwrap()
            except RuntimeError as problem:
                if not self.is_broken_off(problem):
                    raise


class TlsContext(ssl.SSLContext):
    """A context that may ask for one of some names in the client's certificate."""

    allowed_names: frozenset[str] | None = None

    def accepts(self, connection: ssl.SSLSocket) -> bool:
        """Return whether the client's certificate carries an allowed name, where names are given."""
        if self.allowed_names is None:
            return True
        certificate: dict[str, Any] = dict(connection.getpeercert() or {})
        return any(value in self.allowed_names for _, value in certificate.get("subjectAltName", ()))


def configured_context(settings: dict[str, Any]) -> ssl.SSLContext:
    """Return the context of a web configuration's ``tls_server_config``.

    Args:
        settings: the section, with its files already read into ``cert``, ``key`` and ``client_ca``.

    Returns:
        The context.

    Raises:
        TlsError: it cannot be used; in the original's words if it has any.

    """
    client_auth = settings.get("client_auth_type", "")
    if client_auth in ("RequireAnyClientCert", "RequireClientCert"):
        raise TlsError(
            f"client_auth_type {client_auth} is not supported: Python's TLS cannot ask for a certificate without "
            "verifying it; use RequireAndVerifyClientCert"
        )
    minimum, maximum = _version(settings, "min_version", "TLS12"), _version(settings, "max_version", "TLS13")
    ciphers = _known(settings.get("cipher_suites"), CIPHERS, "cipher")
    curves = _known(settings.get("curve_preferences"), CURVES, "curve")
    context = TlsContext(ssl.PROTOCOL_TLS_SERVER)
    _load_pair(context, settings["cert"], settings["key"])
    context.minimum_version, context.maximum_version = minimum, maximum
    if chosen := [cipher for cipher in ciphers if cipher]:
        context.set_ciphers(":".join(chosen))
    if len(curves) == 1:
        # Python takes one curve or all.
        context.set_ecdh_curve(curves[0])
    if client_auth not in _CLIENT_AUTH:
        raise TlsError(f"invalid ClientAuth: {client_auth}")
    authority = settings.get("client_ca")
    if authority and client_auth in ("", "NoClientCert"):
        raise TlsError("client CA's have been configured without a Client Auth Policy")
    context.verify_mode = _CLIENT_AUTH[client_auth]
    if context.verify_mode != ssl.CERT_NONE:
        if authority:
            context.load_verify_locations(cadata=authority)
        else:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    if settings.get("client_allowed_sans") is not None:
        context.allowed_names = frozenset(settings["client_allowed_sans"])
    return context


def _version(settings: dict[str, Any], name: str, default: str) -> ssl.TLSVersion:
    given = settings.get(name, default)
    if given not in VERSIONS:
        raise TlsError(f"unknown TLS version: {given}")
    return VERSIONS[given]


def _known(given: list[str] | None, names: dict[str, str], what: str) -> list[str]:
    for name in given or ():
        if name not in names:
            raise TlsError(f"unknown {what}: {name}")
    return [names[name] for name in given or ()]


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    problem = "failed to load X509KeyPair: "
    if "-----BEGIN " not in certificate:
        raise TlsError(problem + "tls: failed to find any PEM data in certificate input")
    if "-----BEGIN " not in key:
        raise TlsError(problem + "tls: failed to find any PEM data in key input")
    # OpenSSL takes both from a file only; this one is readable by its owner alone and gone at once.
    # In a directory of its owner rather than an open file, which Windows opens no second time.
    with tempfile.TemporaryDirectory(prefix="pushgateway-") as directory:
        file = Path(directory, "pair.pem")
        file.write_text(certificate.rstrip() + "\n" + key, encoding="latin-1")
        try:
            context.load_cert_chain(file)
        except ssl.SSLError as error:
            raise TlsError(f"{problem}{error.reason or error}") from None
