"""The way to a test API: its URL, connections that end, and ports behind which nothing, or something else, answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as HttpRequest

from pytest_pushgateway import PushgatewayError, RejectedPushWarning, Settings, connect
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.harness.behind.local import LocalGateway
from pytest_pushgateway.testapi.application import ControlApi
from pytest_pushgateway.testapi.remote.gateway import RemoteGateway
from pytest_pushgateway.testapi.remote.link import ControlPortError, read_url
from pytest_pushgateway.testapi.server import ControlledGateway
from tests.systems import needs_fork

from ..harness.application import send
from .http_client import client_of
from .served import Served


@contextmanager
def listening(answer: Callable[[socket.socket], None] = lambda connection: None) -> Iterator[str]:
    """A port that takes connections; ``answer`` does what comes next, and by default nothing does."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            answer(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in taken:
            connection.close()


def answering(body: bytes, status: str = "200 OK") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body))

    return answer


def test_port_that_refuses() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ControlPortError) as caught:
            connect(url)
    assert str(caught.value) == (
        f"the test API at {url} is gone (does pytest-pushgateway serve --test.listen-address still run there?): "
        "Connection refused"
    )


def test_port_that_never_answers() -> None:
    with listening() as url, pytest.raises(ControlPortError) as caught:
        connect(url)
    assert str(caught.value) == (
        f"the test API at {url} does not answer within 1 s; it hangs or is overloaded: give it more time, as in "
        f"{url}?timeout=10s"
    )


def test_port_that_closes_without_an_answer() -> None:
    with (
        listening(lambda connection: connection.shutdown(socket.SHUT_RDWR)) as url,
        pytest.raises(ControlPortError, match="is gone"),
    ):
        connect(url)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"OK", "200 OK", "does not answer as a test API; is it the gateway's own port?"),
        (b"404 page not found\n", "404 Not Found", "not as a test API; is it the port of pytest-pushgateway serve"),
        (b"Unauthorized\n", "401 Unauthorized", "give user and password in the URL"),
        (b'{"version": "0.0.0", "origin": "x"}', "200 OK", "is of version 0.0.0, and this is"),
    ],
)
def test_port_of_something_else(body: bytes, status: str, text: str) -> None:
    with listening(answering(body, status)) as url, pytest.raises(ControlPortError, match=text.replace("?", r"\?")):
        connect(url)


def test_gateways_own_port(served: Served) -> None:
    with pytest.raises(ControlPortError, match="is it the port of"):
        connect(f"http://127.0.0.1:{served.port}?timeout=60s")


def test_name_without_an_address() -> None:
    with pytest.raises(ControlPortError, match=r"the test API at http://gateway.invalid:9092 is gone"):
        connect("http://gateway.invalid:9092")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("gateway:9092", "has a scheme, a host and a port"),
        ("http://gateway", "has a scheme, a host and a port"),
        ("ftp://gateway:9092", "has a scheme, a host and a port"),
        ("http://gateway:9092/v1", "has a scheme, a host and a port"),
        ("http://gateway:x", "is not a URL such as"),
        ("http://gateway:9092?timeouts=1s", "takes timeout, and no timeouts"),
        ("http://gateway:9092?timeout=soon", "timeout must be"),
    ],
)
def test_urls_that_are_not_one(url: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        connect(url)


def test_url_of_another_type() -> None:
    with pytest.raises(TypeError, match="is text such as"):
        connect(9092)  # type: ignore[arg-type]


def test_parts_of_a_url() -> None:
    place = read_url("https://me:p%40ss@[::1]:9092/?timeout=1m")

    assert (place.secure, place.host, place.port, place.credentials, place.timeout) == (
        True,
        "::1",
        9092,
        "me:p@ss",
        60.0,
    )
    assert str(place) == "https://[::1]:9092"


def remote(gateway: object) -> RemoteGateway:
    inner = gateway._gateway  # type: ignore[attr-defined]
    assert isinstance(inner, RemoteGateway)
    return inner


def test_connections_that_were_closed_while_idle_are_made_again(served: Served) -> None:
    with connect(served.url) as gateway:
        for idle in remote(gateway).link._idle:
            idle._socket.shutdown(socket.SHUT_RDWR)
        assert gateway.running


def test_gateway_that_was_killed_is_named() -> None:
    with Served() as other:
        gateway = connect(other.url)
        other.process.kill()
        other.process.wait()
        with pytest.raises(ConnectionError, match="is gone"):
            gateway.assert_exposed("rows")
        assert repr(gateway).endswith(": out of reach>")


def test_two_clients_see_one_gateway(served: Served) -> None:
    with connect(served.url) as one, connect(served.url) as other:
        one.reset()
        send(one, "rows 7\n")
        assert other.assert_pushed("rows", 7).number == 1
        assert one.push("rows 8\n", job="mine").origin == "test"
        assert [push.origin for push in other.pushes] == ["application", "test"]
        with pytest.raises(PushgatewayError, match="has this gateway"):
            other.reset()
        with client_of(served) as api:
            session = remote(one).link.session
            assert api.call("POST", "/v1/reset", {"session": session}).status == 204
        assert one.groups == []
        assert one.pushes == []
        send(one, "rows 9\n")
        assert [push.value("rows") for push in one.pushes] == [9]


def test_requests_that_the_journal_has_dropped() -> None:
    urls: list[str] = []

    def log(level: str, message: str, **fields: object) -> None:
        if message == "Answering the test API":
            urls.append(str(fields["url"]).removesuffix("/v1"))

    def make(settings: Settings, *, after_listening: Callable[[Gateway], None], **more: Any) -> Gateway:
        return Gateway(settings, on_listening=after_listening, **more)

    controlled = ControlledGateway(
        Settings(journal_limit=3), make, listen=["127.0.0.1:0"], control="127.0.0.1:0", advertised=None, log=log
    )
    controlled.start()
    try:
        gateway = connect(f"{urls[0]}?timeout=60s")
        for _ in range(5):
            send(gateway, "rows x\n")
        assert [push.number for push in gateway.pushes] == [3, 4, 5]
        assert remote(gateway).journal.dropped == 2
        with pytest.raises(AssertionError, match="The journal dropped 2 requests"):
            gateway.assert_pushed("rows")
        with pytest.warns(RejectedPushWarning) as caught:
            gateway.reset()
        assert any("the journal" in str(warning.message) for warning in caught)
        remote(gateway).end()
    finally:
        controlled.stop()


@needs_fork
def test_forked_child_uses_its_own_connection(served: Served) -> None:
    code = f"""
import os
from pytest_pushgateway import connect
gateway = connect({served.url!r})
child = os.fork()
found = gateway.groups is not None and gateway.running
if child == 0:
    os._exit(0 if found else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert gateway.running
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_web_configuration_guards_both_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bcrypt = pytest.importorskip("bcrypt", reason="the extra auth is not installed")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(
        f"tls_server_config: {{cert_file: both.pem, key_file: both.pem}}\nbasic_auth_users: {{me: '{hashed}'}}\n"
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    with Served(f"--web.config.file={tmp_path / 'web.yml'}") as other:
        assert other.control.startswith("https://")
        with pytest.raises(ControlPortError, match="give user and password in the URL"):
            connect(other.url)
        with connect(other.url.replace("https://", "https://me:secret@")) as gateway:
            assert gateway.scheme == "https"
            assert gateway.push("rows 7\n", job="mine").status == 200
            gateway.assert_exposed("rows", 7)


def test_advertised_address() -> None:
    with Served("--test.advertise-address=gateway.example:9091") as other, connect(other.url) as gateway:
        assert gateway.url == "http://gateway.example:9091"
        assert gateway.address == "gateway.example:9091"
        assert gateway.push("rows 7\n", job="mine").status == 200  # forwarded by the test API


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "gateway"), ("", "gateway"), ("127.0.0.1", "127.0.0.1")])
def test_gateway_on_all_addresses_has_the_host_of_the_api(host: str, shown: str) -> None:
    api = ControlApi(LocalGateway(Settings(host=host, port=9091), managed=True))
    request = HttpRequest(EnvironBuilder("/v1", "http://gateway:9092").get_environ())

    assert api._place(request) == (shown, 9091)


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--test.advertise-address=gateway:9091"], "add --test.listen-address"),
        (["--test.listen-address=127.0.0.1:0", "--test.advertise-address=gateway"], "missing port in address"),
        (["--test.listen-address=127.0.0.1:0", "--test.advertise-address=:9091"], "expected host and port"),
        (["--test.listen-address=127.0.0.1"], "missing port in address"),
    ],
)
def test_flags_that_make_no_sense(flags: list[str], text: str) -> None:
    command = [sys.executable, "-m", "pytest_pushgateway", "serve", "--web.listen-address=127.0.0.1:0", *flags]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert text in result.stderr.splitlines()[-1]


def test_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "pytest_pushgateway", "serve", "--web.listen-address=127.0.0.1:0"]
        result = subprocess.run(
            [*command, f"--test.listen-address={address}"], capture_output=True, text=True, timeout=120
        )
    assert result.returncode == 1
    assert "choose another --web.listen-address or --test.listen-address" in result.stderr


def test_without_the_flag_there_is_no_test_api() -> None:
    code = """
import sys
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.cli import serve
from pytest_pushgateway import (Settings)
gateway = Gateway(Settings(host="127.0.0.1"))
gateway.start()
gateway.stop()
print([name for name in sys.modules if "testapi" in name or name.startswith("werkzeug")])
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    assert result.stdout == "[]\n", result.stderr
