"""One scrape over HTTP and TLS, and Prometheus's words where it fails."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from pytest_pushgateway.prometheus.model import HttpClient
from pytest_pushgateway.prometheus.scrape.fetch import FetchError, NoClient, ScrapeClient

from .exposer import Exposer, Page


def get(
    url: str, *, connect_to: tuple[str, int] | None = None, directory: str = "", limit: int = 0, **http: Any
) -> bytes:
    client = ScrapeClient(
        HttpClient(**http), connect_to=connect_to, directory=directory, headers={"Accept": "text/plain"}
    )
    return client.get(url, timeout=10, size_limit=limit).body


def error(url: str, **options: Any) -> str:
    with pytest.raises(FetchError) as caught:
        get(url, **options)
    return str(caught.value)


@contextmanager
def saying(answer: bytes, *, reset: bool = False) -> Iterator[str]:
    """A server that gives one answer, whatever it is asked, and goes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(answer)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_connection_goes_to_gateway_and_host_header_stays() -> None:
    with Exposer({"/metrics": Page(b"a 1\n", needs={"Host": "pg.example:9091", "Accept": "text/plain"})}) as exposer:
        assert get("http://pg.example:9091/metrics", connect_to=("127.0.0.1", exposer.port)) == b"a 1\n"


def test_redirects() -> None:
    pages = {"/": Page(status=302, headers={"Location": "/b?x=1"}), "/b?x=1": Page(b"b 1\n")}
    with Exposer(pages) as exposer:
        assert get(f"http://{exposer.address}") == b"b 1\n"
        assert error(f"http://{exposer.address}/", follow_redirects=False) == "server returned HTTP status 302 Found"


def test_host_in_brackets_is_not_an_address() -> None:
    """Go looks it up as a name; Python's urlsplit() refuses it, in words of each patch release."""
    assert error("http://[foo]:1/") == 'Get "http://[foo]:1/": dial tcp: lookup foo: no such host'


@pytest.mark.parametrize("location", ["http://[::1", "http://a b/", "http://h:x/"])
def test_redirect_to_invalid_url(location: str) -> None:
    with Exposer({"/": Page(status=302, headers={"Location": location})}) as exposer:
        url = f"http://{exposer.address}/"
        assert error(url).startswith(f'Get "{url}": failed to parse Location header "{location}": parse "{location}": ')


@pytest.mark.parametrize("location", ["/b", "b", "//{}/b", "http://{}/b"])
def test_redirect_may_omit_unchanged_parts(location: str) -> None:
    pages = {"/": Page(status=302), "/b": Page(b"b 1\n")}
    with Exposer(pages) as exposer:
        pages["/"].headers["Location"] = location.format(exposer.address)
        assert get(f"http://{exposer.address}/") == b"b 1\n"


@pytest.mark.parametrize(
    ("http", "needs"),
    [
        ({"basic_auth": {"username": "u", "password": "p"}}, {"Authorization": "Basic dTpw"}),
        ({"basic_auth": {"username_file": "u", "password_file": "p"}}, {"Authorization": "Basic dTpw"}),
        ({"authorization": {"credentials": "t"}}, {"Authorization": "Bearer t"}),
        ({"authorization": {"type": "Custom", "credentials_file": "p"}}, {"Authorization": "Custom p"}),
        ({"http_headers": {"X-A": {"values": ["1", "2"], "files": ["p"]}}}, {"X-A": "1, 2, p"}),
    ],
)
def test_credentials(http: Mapping[str, Any], needs: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "u").write_text("u\n")
    (tmp_path / "p").write_text("p\n")
    with Exposer({"/": Page(b"a 1\n", needs=needs)}) as exposer:
        assert get(f"http://{exposer.address}/", directory=str(tmp_path), **http) == b"a 1\n"
        assert error(f"http://{exposer.address}/") == "server returned HTTP status 401 Unauthorized"


def test_credentials_that_cannot_be_had(tmp_path: Path) -> None:
    missing = {"username": "u", "password_file": "/nothing"}
    assert error("http://127.0.0.1:1/", basic_auth=missing) == (
        'Get "http://127.0.0.1:1/": unable to read basic auth password: '
        "unable to read file /nothing: open /nothing: no such file or directory"
    )
    assert "oauth2 asks a token server" in error("http://127.0.0.1:1/", oauth2={"client_id": "a"})


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1/m", 'Get "http://127.0.0.1:1/m": dial tcp 127.0.0.1:1: connect: connection refused'),
        ("http://[::1]:1/", 'Get "http://[::1]:1/": dial tcp [::1]:1: connect: connection refused'),
        ("http://127.0.0.1:70000/", 'Get "http://127.0.0.1:70000/": dial tcp: address 70000: invalid port'),
        ("http://h:x/", 'parse "http://h:x/": invalid port ":x" after host'),
        ("http://nosuch.invalid:/", 'Get "http://nosuch.invalid/": dial tcp: lookup nosuch.invalid: no such host'),
        ("http://::1/", 'Get "http://::1/": dial tcp: lookup :: no such host'),
        ("ftp://h/", 'Get "ftp://h/": unsupported protocol scheme "ftp"'),
        ("//h/", 'Get "//h/": unsupported protocol scheme ""'),
    ],
)
def test_addresses_that_lead_nowhere(url: str, message: str) -> None:
    assert error(url) == message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", 'Get "{url}": EOF'),
        (
            b"hello\r\n\r\n",
            'Get "{url}": net/http: HTTP/1.x transport connection broken: malformed HTTP response "hello"',
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1\n", "unexpected EOF"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\na 1\n", "unexpected EOF"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\na 1\n", "gzip: invalid header"),
        (b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", "server returned HTTP status 404"),
    ],
)
def test_invalid_answers(answer: bytes, message: str) -> None:
    with saying(answer) as address:
        url = f"http://{address}/"
        assert error(url) == message.replace("{url}", url)


def test_connection_reset() -> None:
    with saying(b"", reset=True) as address:
        url = f"http://{address}/"
        problem = error(url)
    assert problem.startswith(f'Get "{url}": read tcp 127.0.0.1:')
    assert problem.endswith(f"->{address}: read: connection reset by peer")


def test_size_limits() -> None:
    with Exposer({"/": Page(b"a" * 10), "/z": Page(b"a" * 10, gzipped=True)}) as exposer:
        for path in ("/", "/z"):
            assert len(get(f"http://{exposer.address}{path}", limit=11)) == 10
            assert error(f"http://{exposer.address}{path}", limit=10) == "body size limit exceeded"


def test_deadline_holds_for_everything() -> None:
    with Exposer({"/": Page(hang=True)}) as exposer:
        url = f"http://{exposer.address}/"
        with pytest.raises(FetchError) as caught:
            ScrapeClient(HttpClient()).get(url, timeout=0.05)
    assert str(caught.value) == f'Get "{url}": context deadline exceeded'


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def secure(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def test_certificates(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trusted: dict[str, Any] = {"tls_config": {"ca_file": "ca.pem"}, "directory": str(tmp_path)}
    with Exposer({"/": Page(b"a 1\n")}, secure(authority, "pg.example", "*.wild.example")) as exposer:
        here = ("127.0.0.1", exposer.port)
        for host in ("pg.example", "PG.example", "x.wild.example"):
            assert get(f"https://{host}/", connect_to=here, **trusted) == b"a 1\n"
        begin = 'Get "https://{}/": tls: failed to verify certificate: x509: '
        assert error("https://other.example/", connect_to=here, **trusted) == begin.format("other.example") + (
            "certificate is valid for pg.example, *.wild.example, not other.example"
        )
        assert error("https://a.b.wild.example/", connect_to=here, **trusted).endswith("not a.b.wild.example")
        assert error(f"https://{exposer.address}/", **trusted) == begin.format(exposer.address) + (
            "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"
        )
        ca = authority.cert_pem.bytes().decode()
        assert get(f"https://{exposer.address}/", tls_config={"ca": ca, "server_name": "pg.example"}) == b"a 1\n"
        assert error("https://pg.example/", connect_to=here) == begin.format("pg.example") + (
            "certificate signed by unknown authority"
        )
        assert get("https://x/", connect_to=here, tls_config={"insecure_skip_verify": True}) == b"a 1\n"
    with Exposer({"/": Page(b"a 1\n")}, secure(authority, "127.0.0.2")) as exposer:
        assert error(f"https://{exposer.address}/", **trusted).endswith(
            "certificate is valid for 127.0.0.2, not 127.0.0.1"
        )
        assert error("https://n/", connect_to=("127.0.0.1", exposer.port), **trusted).endswith(
            "certificate is not valid for any names, but wanted to match n"
        )


def test_no_tls_at_the_other_end() -> None:
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        assert error(f"https://{address}/").endswith("http: server gave HTTP response to HTTPS client")
    with saying(b"hello") as address:
        assert error(f"https://{address}/").endswith("tls: first record does not look like a TLS handshake")
    with saying(b"") as address:
        assert error(f"https://{address}/") == f'Get "https://{address}/": EOF'


def test_handshake_without_answer_if_early_end_is_ignored() -> None:
    """Python 3.11.0 to 3.11.2 ask OpenSSL 3 to take every end of a connection for an orderly one."""
    client = ScrapeClient(HttpClient())
    client.tls().options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    with saying(b"") as address, pytest.raises(FetchError) as caught:
        client.get(f"https://{address}/", timeout=10)
    assert str(caught.value) == f'Get "https://{address}/": EOF'


def test_client_certificate_is_sent(authority: trustme.CA, tmp_path: Path) -> None:
    context = secure(authority, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    mine = authority.issue_cert("client.example")
    mine.private_key_pem.write_to_path(tmp_path / "key.pem")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    shown = {"ca_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem"}
    with Exposer({"/": Page(b"a 1\n")}, context) as exposer:
        assert get(f"https://{exposer.address}/", tls_config=shown, directory=str(tmp_path)) == b"a 1\n"
        without = {"ca_file": "ca.pem", "max_version": "TLS12"}
        assert "tls:" in error(f"https://{exposer.address}/", tls_config=without, directory=str(tmp_path))


@pytest.mark.parametrize(
    ("tls_config", "message"),
    [
        ({"ca_file": "/nothing"}, "unable to read CA cert: unable to read file /nothing"),
        ({"ca": "nonsense"}, "unable to use specified CA cert"),
        ({"cert_file": "/nothing", "key_file": "/nothing"}, "unable to use specified client cert"),
    ],
)
def test_missing_files_prevent_a_client(tls_config: dict[str, str], message: str) -> None:
    with pytest.raises(NoClient, match=message):
        ScrapeClient(HttpClient(tls_config=tls_config))
