"""``--web.config.file`` as Prometheus's exporter-toolkit reads it: TLS, users, response headers, a rate limit.

The file is read again for each connection and request, as the original does; what it means is worked out again only
when a byte of it, or of the files that it names, has changed. HTTP/2 is not spoken; ``http2`` is accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.gateway.app.answers import error
from pytest_pushgateway.gateway.app.basic_auth import credentials
from pytest_pushgateway.gateway.http.host import Answer, HeaderLines
from pytest_pushgateway.gateway.log import Log
from pytest_pushgateway.golang.duration import parse_duration
from pytest_pushgateway.golang.strconv import quote
from pytest_pushgateway.golang.yaml_schema import ListOf, MapOf, Table, load
from pytest_pushgateway.monotonic import monotonic

if TYPE_CHECKING:
    import ssl

    from pytest_pushgateway.gateway.http.head import Head

_TLS_FILES = ("cert_file", "key_file", "client_ca_file")
_SCHEMA = Table(
    "web.Config",
    {
        "tls_server_config": Table(
            "web.TLSConfig",
            {
                **dict.fromkeys(("cert", "key", "client_ca", *_TLS_FILES, "client_auth_type"), "string"),
                "cipher_suites": ListOf("[]web.Cipher"),
                "curve_preferences": ListOf("[]web.Curve"),
                "min_version": "string",
                "max_version": "string",
                "prefer_server_cipher_suites": "bool",
                "client_allowed_sans": ListOf(),
            },
        ),
        "http_server_config": Table("web.HTTPConfig", {"http2": "bool", "headers": MapOf("map[string]string")}),
        "rate_limit": Table("web.RateLimiterConfig", {"burst": "int", "interval": "string"}),
        "basic_auth_users": MapOf("map[string]config.Secret", "config.plain"),
    },
)
_HEADERS: dict[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
_TLS_SIGNS = ("cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type")
_NOBODY = b"$2b$10$50JP/b1RM/qnnV2uQjF9BOIsAYdHRlYQhmRXAm1CktsoOriHQAMTK"
"""A hash to compare with when the user is unknown, so that the time does not tell."""
_REMEMBERED = 100
"""How many verdicts on credentials are remembered, as in the original."""


class WebConfigError(ValueError):
    """A web configuration that cannot be used; ``str()`` in the original's words."""


@dataclass
class _Config:
    """What one content of the file means."""

    content: bytes
    tls: dict[str, Any] = field(default_factory=dict)
    headers: HeaderLines = field(default_factory=list)
    users: dict[bytes, bytes] = field(default_factory=dict)
    rate: tuple[float, int] | None = None
    """Seconds from one request to the next, and how many may come at once."""

    @property
    def wants_tls(self) -> bool:
        return any(self.tls.get(name) for name in _TLS_SIGNS)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise WebConfigError(f"read {path}: is a directory") from None
    except OSError as problem:
        raise WebConfigError(f"open {path}: {(problem.strerror or '').lower()}") from None


def _decode(content: bytes) -> _Config:
    values = load(content, _SCHEMA)
    config = _Config(content, tls=values.get("tls_server_config", {}))
    for name, value in (values.get("http_server_config", {}).get("headers") or {}).items():
        if name not in _HEADERS:
            raise WebConfigError(f'HTTP header "{name}" can not be configured')
        allowed = _HEADERS[name]
        if allowed and value not in allowed:
            listed = " ".join(f'"{one}"' for one in allowed)
            raise WebConfigError(f"invalid value for {name}. Expected one of: [{listed}], but got: {_quoted(value)}")
        # As Go writes headers: names in its canonical form, and no value ends its line.
        name = "-".join(part.capitalize() for part in name.split("-"))
        config.headers.append((name, re.sub(r"[\r\n]", " ", (value or "").strip(" \t"))))
    rate = values.get("rate_limit", {})
    if interval := parse_duration(rate.get("interval", "0s")):
        config.rate = interval, rate.get("burst", 0)
    for user, hashed in (values.get("basic_auth_users") or {}).items():
        _check_hash(hashed or "")
        config.users[user.encode()] = hashed.encode()
    return config


def _quoted(value: str | None) -> str:
    return quote((value or "").encode())


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


class WebConfig:
    """A web configuration file: who may ask, with which headers every answer goes out, and TLS.

    Raises ValueError where the file or what it names cannot be used.
    """

    def __init__(self, path: str, log: Log) -> None:
        self._path = Path(path)
        self._log = log
        self._lock = threading.Lock()
        self._config = _decode(_read(self._path))
        self._passwords = _Passwords() if self._config.users else None
        self._limiter = _Limiter(*self._config.rate) if self._config.rate else None
        self._context: tuple[tuple[bytes, ...], ssl.SSLContext] | None = None
        self.tls: Callable[[], ssl.SSLContext] | None = self._make_context if self._config.wants_tls else None
        """Returns the TLS context for a new connection; None without TLS, which is decided at the start."""
        if self._config.wants_tls:
            self._make_context()
        if self._limiter is not None:
            log("info", "Rate Limiter is enabled.", burst=self._limiter.burst, interval=self._limiter.interval)

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

    def _current(self) -> _Config:
        content = _read(self._path)
        with self._lock:
            if content != self._config.content:
                self._config = _decode(content)
            return self._config

    def _knows(self, config: _Config, head: Head) -> bool:
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
        if not config.wants_tls:
            raise WebConfigError("TLS config is not present")
        settings = dict(config.tls)
        for name in _TLS_FILES:
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
        self._lock = threading.Lock()
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
    """A token bucket: ``burst`` requests at once, then one per ``interval`` seconds."""

    def __init__(self, interval: float, burst: int) -> None:
        self.interval = interval
        self.burst = burst
        self._tokens = float(burst)
        self._last = monotonic()
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Take a token; False if there is none."""
        with self._lock:
            now = monotonic()
            self._tokens = min(float(self.burst), self._tokens + (now - self._last) / self.interval)
            self._last = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
