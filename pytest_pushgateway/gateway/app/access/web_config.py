"""``--web.config.file`` as Prometheus's exporter-toolkit reads it: TLS, users, response headers, a rate limit.

The file is read again for each connection and request, as the original does; what it means is worked out again only
when a byte of it, or of the files that it names, has changed. HTTP/2 is not spoken; ``http2`` is accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.app.access.basic_auth import credentials
from pytest_pushgateway.gateway.app.access.web_config_file import TLS_FILES, Contents, WebConfigError, read
from pytest_pushgateway.gateway.app.answers import error
from pytest_pushgateway.gateway.http.host import Answer, HeaderLines
from pytest_pushgateway.gateway.log import Log
from pytest_pushgateway.monotonic import monotonic

if TYPE_CHECKING:
    import ssl

    from pytest_pushgateway.gateway.http.head import Head

_TLS_SIGNS = ("cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type")
_NOBODY = b"$2b$10$50JP/b1RM/qnnV2uQjF9BOIsAYdHRlYQhmRXAm1CktsoOriHQAMTK"
"""A hash to compare with when the user is unknown, so that the time reveals nothing."""
_REMEMBERED = 100
"""The number of verdicts on credentials that are remembered, as in the original."""


def _wants_tls(config: Contents) -> bool:
    return any(config.tls.get(name) for name in _TLS_SIGNS)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except IsADirectoryError:
        raise WebConfigError(f"read {path}: is a directory") from None
    except OSError as problem:
        raise WebConfigError(f"open {path}: {(problem.strerror or '').lower()}") from None
    if len(content) > _LARGEST:
        # A device, perhaps, which never ends.
        raise WebConfigError(f"read {path}: more than {_LARGEST} bytes; name a file")
    return content


_LARGEST = 8 << 20
"""Bytes of a configuration, a certificate or a key that are read."""


class WebConfig:
    """A web configuration file: who may ask, with which headers every answer goes out, and TLS.

    Raises:
        ValueError: the file, or one that it names, cannot be used.

    """

    def __init__(self, path: str, log: Log) -> None:
        self._path = Path(path)
        self._log = log
        self._lock = threads.Lock()
        self._config = read(_read(self._path))
        self._passwords = _Passwords() if self._config.users else None
        self.rate: tuple[float, int] | None = self._config.rate
        """Decided at the start, whatever the file contains later."""
        self._limiter = _Limiter(*self.rate) if self.rate else None
        self._context: tuple[tuple[bytes, ...], ssl.SSLContext] | None = None
        self.tls: Callable[[], ssl.SSLContext] | None = self._make_context if _wants_tls(self._config) else None
        """Returns the TLS context for a new connection; None without TLS, which is decided at the start."""
        if _wants_tls(self._config):
            self._make_context()

    def admit(self, head: Head) -> tuple[Answer | None, HeaderLines]:
        """Return the answer to a request that is not admitted, or None, and the headers of whatever answer it gets."""
        try:
            config = self._current()
        except ValueError as problem:
            self._log("error", "Unable to parse configuration", err=str(problem))
            return error(500, "Internal Server Error"), []
        if self._limiter is not None and not self._limiter.allows():
            return error(429, "Too Many Requests"), []
        if config.users and not self._knows(config, head):
            return error(401, "Unauthorized", [("Www-Authenticate", "Basic")]), config.headers
        return None, config.headers

    def users(self) -> list[str]:
        """Return who may ask with a password, in the file's order, as it was read last."""
        return [user.decode() for user in self._config.users]

    def _current(self) -> Contents:
        content = _read(self._path)
        with self._lock:
            if content != self._config.content:
                self._config = read(content)
            return self._config

    def _knows(self, config: Contents, head: Head) -> bool:
        given = credentials(head)
        if given is None:
            return False
        with self._lock:
            if self._passwords is None:
                self._passwords = _Passwords()
        user, password = given
        hashed = config.users.get(user)
        # The comparison comes first: an unknown user must take as long.
        return self._passwords.match(user, hashed or _NOBODY, password) and hashed is not None

    def _make_context(self) -> ssl.SSLContext:
        from pytest_pushgateway.gateway.http.tls import configured_context

        config = self._current()
        if not _wants_tls(config):
            raise WebConfigError("TLS config is not present")
        settings = dict(config.tls)
        for name in TLS_FILES:
            if settings.get(name):
                settings[name] = os.path.normpath(os.path.join(self._path.parent, settings[name]))
        for one in ("cert", "key"):
            if not settings.get(one) and not settings.get(f"{one}_file"):
                raise WebConfigError(f"missing one of {one} or {one}_file")
        for one in ("cert", "key", "client_ca"):
            name = f"{one}_file"
            if not settings.get(name):
                continue
            try:
                settings[one] = _read(Path(settings[name])).decode("latin-1")
            except WebConfigError as problem:
                raise WebConfigError(
                    str(problem) if one == "client_ca" else f"failed to read {name} ({settings[name]}): {problem}"
                ) from None
        parts = (config.content, *(str(settings.get(one, "")).encode() for one in ("cert", "key", "client_ca")))
        with self._lock:
            if self._context is None or self._context[0] != parts:
                self._context = parts, configured_context(settings)
            return self._context[1]


class _Passwords:
    """Compares passwords with bcrypt hashes, one at a time, and remembers the verdicts without the passwords."""

    def __init__(self) -> None:
        try:
            import bcrypt
        except ImportError:
            text = "basic_auth_users needs bcrypt: install pytest-pushgateway[auth]"
            raise WebConfigError(text) from None
        self._compare = bcrypt.checkpw
        self._key = secrets.token_bytes(32)
        self._lock = threads.Lock()
        self._verdicts: dict[bytes, bool] = {}

    def match(self, user: bytes, hashed: bytes, password: bytes) -> bool:
        """Return whether the password belongs to the hash."""
        parts = b":".join(part.hex().encode() for part in (user, hashed, password))
        digest = hmac.new(self._key, parts, hashlib.sha256).digest()
        verdict = self._verdicts.get(digest)
        if verdict is not None:
            return verdict
        with self._lock:
            try:
                # Bcrypt knows 72 bytes of a password; some versions of the library refuse more.
                verdict = self._compare(password[:72], hashed)
            except ValueError:
                verdict = False
            while len(self._verdicts) >= _REMEMBERED:
                del self._verdicts[next(iter(self._verdicts))]
            self._verdicts[digest] = verdict
        return verdict


class _Limiter:
    """A token bucket: ``burst`` requests at once, then one per ``interval`` seconds; all if that is negative."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._burst = burst
        self._tokens = float(burst)
        self._last = monotonic()
        self._lock = threads.Lock()

    def allows(self) -> bool:
        """Take a token; False if none is left."""
        if self._interval < 0:
            return True
        with self._lock:
            now = monotonic()
            self._tokens = min(float(self._burst), self._tokens + (now - self._last) / self._interval)
            self._last = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
