"""One scrape over HTTP, as Prometheus does it, with Prometheus's words where it fails.

The request is made for the URL of the target; the connection may go elsewhere (to the gateway that a test runs in the
place of the configured one). Proxies are not used, neither configured nor from the environment.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import io
import os
import re
import socket
import ssl
import threading
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

from pytest_pushgateway.golang.strconv import whole_number
from pytest_pushgateway.golang.tls import problem_text
from pytest_pushgateway.prometheus.scrape.tls import NoTls, TlsStream, Unverified, client_context, verify_name
from pytest_pushgateway.prometheus.values import parse_url, quote

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.model import HttpClient

Address = tuple[str, int]

_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}


# Not urlsplit(), which refuses hosts in brackets that Go takes, others in each patch release of Python.
_URL = re.compile(r"(?:(?P<scheme>[^:/?#]+):)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?")


class FetchError(Exception):
    """The scrape failed; the text is what Prometheus shows as the target's last error."""


class NoClient(Exception):
    """Prometheus cannot even make a client from these settings: it logs the text and does not scrape the job."""


class Fetched(NamedTuple):
    """A successful answer: the body, decompressed, and its content type."""

    body: bytes
    content_type: str


class ScrapeClient:
    """The HTTP client of a job.

    ``directory`` is where relative file names begin; ``connect_to`` (host, port) takes the place of every target's
    address.

    Raises:
        NoClient: the TLS files cannot be read.

    """

    def __init__(
        self,
        settings: HttpClient,
        *,
        directory: str = "",
        connect_to: Address | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings
        self.directory = directory
        self.connect_to = connect_to
        self.headers: dict[str, str] = dict(headers or {})
        try:
            self._tls = client_context(settings.tls_config, directory)
        except (OSError, ValueError) as problem:
            raise NoClient(str(problem)) from problem

    def get(self, url: str, *, timeout: float, size_limit: int = 0) -> Fetched:
        """Return the answer to a GET, redirects followed. ``timeout`` is seconds, for everything together.

        ``size_limit`` is bytes of the decompressed body, 0 or less for none.

        Raises:
            FetchError: the scrape failed; in Prometheus's words.

        """
        try:
            parse_url(url)
        except ValueError as problem:
            raise FetchError(str(problem)) from None
        location = ""
        for _ in range(10):
            exchange = _Exchange(self, url, timeout)
            try:
                answer = exchange.run(size_limit)
            finally:
                exchange.close()
            if isinstance(answer, Fetched):
                return answer
            location, url = answer, _redirected(url, answer)
        raise FetchError(f"Get {quote(location)}: stopped after 10 redirects")

    def credentials(self) -> dict[str, str]:
        """Return the headers that authenticate.

        Raises:
            FetchError: a file cannot be read.

        """
        settings = self.settings
        headers = {}
        for name, values in settings.http_headers.items():
            texts = [*_texts(values.get("values")), *_texts(values.get("secrets"))]
            texts += [self._read(file, "headers") for file in _texts(values.get("files"))]
            headers[name] = ", ".join(texts)
        if settings.basic_auth is not None:
            user, password = (self._secret(settings.basic_auth, key, "basic auth") for key in ("username", "password"))
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        elif settings.authorization is not None:
            kind = settings.authorization.get("type") or "Bearer"
            headers["Authorization"] = f"{kind} {self._secret(settings.authorization, 'credentials', 'authorization')}"
        elif settings.oauth2 is not None:
            raise FetchError("oauth2 asks a token server, which this simulation does not")
        return headers

    def _secret(self, section: Mapping[str, str], key: str, what: str) -> str:
        file = section.get(f"{key}_file")
        return self._read(file, f"{what} {key}") if file else section.get(key, "")

    def _read(self, file: str, what: str) -> str:
        path = os.path.join(self.directory, file)
        try:
            with open(path, encoding="utf-8") as opened:
                return opened.read().strip()
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            raise FetchError(f"unable to read {what}: unable to read file {path}: open {path}: {reason}") from None

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context of the job."""
        return self._tls


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else []


class _Exchange:
    """One request and its answer, under one deadline."""

    def __init__(self, client: ScrapeClient, url: str, timeout: float) -> None:
        self.client = client
        parts = _URL.match(url)
        assert parts is not None  # it matches any text
        self.scheme = (parts["scheme"] or "").lower()
        # The URL as error messages show it: the scheme in lower case, no colon without a port after it.
        self.url = f"{self.scheme}{url[len(self.scheme) :]}"
        self.authority = parts["authority"] or ""
        if self.authority.endswith(":"):
            self.url = self.url.replace(self.authority, self.authority[:-1], 1)
            self.authority = self.authority[:-1]
        self.path = (parts["path"] or "/") + (f"?{parts['query']}" if parts["query"] else "")
        self.timeout = timeout
        self.socket: socket.socket | None = None
        self.stream: TlsStream | None = None
        self.mine = ""
        self.expired = False
        self.timer = threading.Timer(timeout, self._expire)
        self.timer.name = "pushgateway-fetch"
        self.timer.daemon = True

    def _expire(self) -> None:
        self.expired = True
        if self.socket is not None:
            with contextlib.suppress(OSError):  # it may be closed already
                self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.timer.cancel()
        if self.socket is not None:
            self.socket.close()

    def _get_error(self, problem: str) -> FetchError:
        return FetchError(f"Get {quote(self.url)}: {'context deadline exceeded' if self.expired else problem}")

    def run(self, size_limit: int) -> Fetched | str:
        """Return the answer, or where a redirect leads, as sent."""
        if self.scheme not in _PORTS:
            raise self._get_error(f"unsupported protocol scheme {quote(self.scheme)}")
        try:
            headers = self.client.credentials()
        except FetchError as problem:
            raise self._get_error(str(problem)) from None
        self.timer.start()
        self._connect()
        connection = http.client.HTTPConnection("ignored")
        connection.sock = self.stream or self.socket
        connection.putrequest("GET", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": self.authority, **self.client.headers, **headers}.items():
            connection.putheader(name, value)
        try:
            connection.endheaders()
            response = connection.getresponse()
        except http.client.RemoteDisconnected:
            raise self._get_error("EOF") from None
        except (http.client.HTTPException, OSError) as problem:
            raise self._get_error(self._response_problem(problem)) from None
        with response:
            location = response.getheader("Location")
            if response.status in _REDIRECTS and location and self.client.settings.follow_redirects:
                return location
            if response.status != 200:
                raise FetchError(f"server returned HTTP status {response.status} {response.reason}".rstrip())
            return Fetched(self._body(response, size_limit), response.getheader("Content-Type") or "")

    def _connect(self) -> None:
        host, port = self._address()
        host, port = self.client.connect_to or (host, port)
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self.socket = socket.create_connection((host, port), timeout=self.timeout)
        except socket.gaierror:
            raise self._get_error(f"dial tcp: lookup {host}: no such host") from None
        except TimeoutError:
            self.expired = True
            raise self._get_error("") from None
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            raise self._get_error(f"dial tcp {shown}: connect: {reason}") from None
        self.socket.settimeout(None)
        self.mine = "{}:{}".format(*self.socket.getsockname()[:2])
        if self.expired:
            raise self._get_error("")
        if self.scheme == "https":
            self._handshake()

    def _address(self) -> Address:
        """Return host and port of the URL; a port that none is fails as in Go's dialler."""
        host, port = self.authority, _PORTS[self.scheme]
        if not host.endswith("]") and ":" in host:
            host, _, digits = host.rpartition(":")
            port = whole_number(digits)
            if port > 65535:
                raise self._get_error(f"dial tcp: address {digits}: invalid port")
        if ":" in host.strip("[]") and not host.startswith("["):
            raise self._get_error(f"dial tcp: lookup {host.rstrip(':') or ':'}: no such host")
        return host.strip("[]"), port

    def _handshake(self) -> None:
        assert self.socket is not None
        tls_config = self.client.settings.tls_config
        name = str(tls_config.get("server_name") or self._address()[0])
        context = self.client.tls()
        self.stream = stream = TlsStream(self.socket, context, name)
        try:
            stream.handshake()
            if context.verify_mode == ssl.CERT_REQUIRED:
                verify_name(stream.certificate(), name)
        except NoTls as problem:
            raise self._get_error(str(problem)) from None
        except Unverified as problem:
            raise self._get_error(str(problem)) from None
        except ssl.SSLCertVerificationError as problem:
            raise self._get_error(str(Unverified.of(problem))) from None
        except ssl.SSLError as problem:
            raise self._get_error(problem_text(problem)) from None
        except OSError as problem:
            raise self._get_error(self._response_problem(problem)) from None

    def _response_problem(self, problem: Exception) -> str:
        if isinstance(problem, ssl.SSLError):
            return problem_text(problem)
        if isinstance(problem, ConnectionResetError):
            theirs = "{}:{}".format(*(self.client.connect_to or self._address()))
            return f"read tcp {self.mine}->{theirs}: read: connection reset by peer"
        if isinstance(problem, http.client.BadStatusLine):
            shown = quote(str(problem.args[0]).strip())
            return f"net/http: HTTP/1.x transport connection broken: malformed HTTP response {shown}"
        return "EOF" if isinstance(problem, OSError) else f"net/http: HTTP/1.x transport connection broken: {problem}"

    def _body(self, response: http.client.HTTPResponse, size_limit: int) -> bytes:
        limit = size_limit if size_limit > 0 else -1
        try:
            if response.getheader("Content-Encoding") == "gzip":
                # Prometheus limits the decompressed size; so do we, without decompressing more than that.
                with gzip.GzipFile(fileobj=io.BufferedReader(response)) as unzipped:
                    body = unzipped.read(limit)
            else:
                body = response.read() if limit < 0 else response.read(limit)
                if limit < 0 or len(body) < limit:
                    _check_length(response)
        except http.client.IncompleteRead:
            raise FetchError("context deadline exceeded" if self.expired else "unexpected EOF") from None
        except (EOFError, zlib.error, OSError) as problem:
            raise FetchError(self._body_problem(problem)) from None
        if 0 <= limit <= len(body):
            raise FetchError("body size limit exceeded")
        return body

    def _body_problem(self, problem: Exception) -> str:
        if self.expired:
            return "context deadline exceeded"
        if isinstance(problem, EOFError):
            return "unexpected EOF"
        if isinstance(problem, gzip.BadGzipFile):
            return "gzip: invalid header"
        told = isinstance(problem, (ConnectionResetError, ssl.SSLError))
        return self._response_problem(problem) if told else str(problem)


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads.

    Raises:
        FetchError: that is not a URL.

    """
    try:
        scheme, _ = parse_url(location)
    except ValueError as problem:
        reason = f"failed to parse Location header {quote(location)}: {problem}"
        raise FetchError(f"Get {quote(url)}: {reason}") from None
    if scheme:
        return location
    return f"{url.partition(':')[0]}:{location}" if location.startswith("//") else urljoin(url, location)


def _check_length(response: http.client.HTTPResponse) -> None:
    """Notice a body that ends early, which ``read(amount)`` passes over in silence."""
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
