"""Every client with every form of address: its connections reach the gateway that intercepts them.

A test whose client is missing is skipped; the tox environment ``neighbours`` has them all.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from .test_interceptors import demand

pytestmark = pytest.mark.slow

ADDRESSES = ("pushgateway.nowhere.example:9091", "localhost:9091", "10.1.2.3:9091", "[fd00::9]:9091", "[::1]:9091")

RAW = """
HEAD = "PUT /metrics/job/{job} HTTP/1.1\\r\\nHost: {address}\\r\\nContent-Length: 7\\r\\nConnection: close\\r\\n\\r\\n"

def raw(address, job):
    return HEAD.format(address=address, job=job).encode() + BODY

def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET
"""

REQUESTS = "import requests\nrequests.put(url, data=BODY, timeout=10).raise_for_status()"

AIOHTTP = """
import aiohttp
async def main():
    connector = aiohttp.TCPConnector(resolver={resolver})
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.put(url, data=BODY) as answer:
            answer.raise_for_status()
{run}
"""

HTTPX = """
import httpx
async def main():
    async with httpx.AsyncClient(timeout=10) as client:
        (await client.put(url, content=BODY)).raise_for_status()
{run}
"""

STREAMS = """
async def main():
    reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 10)
    writer.write(raw(address, job))
    await reader.read()
    writer.close()
{run}
"""

ANYIO = """
import anyio
async def main():
    async with await anyio.connect_tcp(host, port) as stream:
        await stream.send(raw(address, job))
        await stream.receive()
anyio.run(main, backend="{backend}")
"""

# Name: the modules that it needs, and the code that pushes BODY to `url`, or to `host` and `port`.
CLIENTS: dict[str, tuple[tuple[str, ...], str]] = {
    "urllib": (
        (),
        """
        request = urllib.request.Request(url, BODY, method="PUT")
        urllib.request.urlopen(request, timeout=10).read()
        """,
    ),
    "prometheus_client": (
        (),
        """
        import prometheus_client
        registry = prometheus_client.CollectorRegistry()
        prometheus_client.Gauge("rows", "Rows.", registry=registry).set(7)
        prometheus_client.push_to_gateway(address, job, registry, timeout=10)
        """,
    ),
    "http.client": (
        (),
        """
        connection = http.client.HTTPConnection(host, port, timeout=10)
        connection.request("PUT", f"/metrics/job/{job}", BODY)
        connection.getresponse().read()
        """,
    ),
    "connect": (
        (),
        """
        with socket.socket(family(host)) as sock:
            sock.connect((host, port))
            sock.sendall(raw(address, job))
            sock.recv(4096)
        """,
    ),
    "connect_ex that does not block": (
        (),
        """
        import select
        with socket.socket(family(host)) as sock:
            sock.setblocking(False)
            sock.connect_ex((host, port))
            select.select([], [sock], [], 10)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            sock.sendall(raw(address, job))
            select.select([sock], [], [], 10)
            sock.recv(4096)
        """,
    ),
    "create_connection": (
        (),
        """
        with socket.create_connection((host, port), timeout=10) as sock:
            sock.sendall(raw(address, job))
            sock.recv(4096)
        """,
    ),
    "a thread": (
        (),
        """
        import concurrent.futures
        request = urllib.request.Request(url, BODY, method="PUT")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pool.submit(urllib.request.urlopen, request, timeout=10).result().read()
        """,
    ),
    "requests": (("requests",), REQUESTS),
    "urllib3": (
        ("urllib3",),
        """
        import urllib3
        pool = urllib3.PoolManager(retries=False, timeout=10)
        assert pool.request("PUT", url, body=BODY).status == 200
        """,
    ),
    "httpx": (("httpx",), "import httpx\nhttpx.put(url, content=BODY, timeout=10).raise_for_status()"),
    "httpx and asyncio": (("httpx",), HTTPX.format(run="asyncio.run(main())")),
    "httpx and trio": (("httpx", "trio"), HTTPX.format(run="import trio; trio.run(main)")),
    "httpx and uvloop": (("httpx", "uvloop"), HTTPX.format(run="import uvloop; uvloop.run(main())")),
    "aiohttp": (("aiohttp",), AIOHTTP.format(resolver="None", run="asyncio.run(main())")),
    "aiohttp.ThreadedResolver": (
        ("aiohttp",),
        AIOHTTP.format(resolver="aiohttp.ThreadedResolver()", run="asyncio.run(main())"),
    ),
    "aiohttp.AsyncResolver": (
        ("aiohttp", "aiodns"),
        AIOHTTP.format(resolver="aiohttp.AsyncResolver()", run="asyncio.run(main())"),
    ),
    "aiohttp and uvloop": (
        ("aiohttp", "uvloop"),
        AIOHTTP.format(resolver="aiohttp.ThreadedResolver()", run="import uvloop; uvloop.run(main())"),
    ),
    "aioprometheus": (
        ("aioprometheus", "aiohttp"),
        """
        from aioprometheus import Counter, Registry
        from aioprometheus.pusher import Pusher
        async def main():
            registry = Registry()
            Counter("rows", "Rows.", registry=registry).inc({})
            assert (await Pusher(job, f"http://{address}").replace(registry)).status == 200
        asyncio.run(main())
        """,
    ),
    "asyncio": ((), STREAMS.format(run="asyncio.run(main())")),
    "asyncio in debug mode": ((), STREAMS.format(run="asyncio.run(main(), debug=True)")),
    "uvloop": (("uvloop",), STREAMS.format(run="import uvloop; uvloop.run(main())")),
    "sock_connect": (
        (),
        """
        async def main():
            loop = asyncio.get_running_loop()
            with socket.socket(family(host)) as sock:
                sock.setblocking(False)
                await asyncio.wait_for(loop.sock_connect(sock, (host, port)), 10)
                await loop.sock_sendall(sock, raw(address, job))
                await loop.sock_recv(sock, 4096)
        asyncio.run(main())
        """,
    ),
    "anyio and asyncio": (("anyio",), ANYIO.format(backend="asyncio")),
    "anyio and trio": (("anyio", "trio"), ANYIO.format(backend="trio")),
    "trio": (
        ("trio",),
        """
        import trio
        async def main():
            stream = await trio.open_tcp_stream(host, port)
            await stream.send_all(raw(address, job))
            await stream.receive_some()
        trio.run(main)
        """,
    ),
    "tornado": (
        ("tornado",),
        """
        from tornado.httpclient import AsyncHTTPClient
        async def main():
            await AsyncHTTPClient().fetch(url, method="PUT", body=BODY)
        asyncio.run(main())
        """,
    ),
    "tornado and pycurl": (
        ("tornado", "pycurl"),
        """
        from tornado.httpclient import AsyncHTTPClient
        AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")
        async def main():
            await AsyncHTTPClient().fetch(url, method="PUT", body=BODY)
        asyncio.run(main())
        """,
    ),
    "twisted": (
        ("twisted",),
        """
        import io
        from twisted.internet import reactor
        from twisted.internet.protocol import Factory, Protocol
        from twisted.internet.endpoints import HostnameEndpoint
        class Push(Protocol):
            def connectionMade(self):
                self.transport.write(raw(address, job))
            def connectionLost(self, reason):
                done(None)
        def done(result):
            reactor.stop()
        endpoint = HostnameEndpoint(reactor, host.encode(), port, timeout=10)
        endpoint.connect(Factory.forProtocol(Push)).addErrback(done)
        reactor.run(installSignalHandlers=False)
        """,
    ),
    "pycurl": (
        ("pycurl",),
        """
        import pycurl
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.CUSTOMREQUEST, "PUT")
        curl.setopt(pycurl.POSTFIELDS, "rows 7\\n")
        curl.setopt(pycurl.WRITEFUNCTION, lambda data: None)
        curl.perform()
        assert curl.getinfo(pycurl.RESPONSE_CODE) == 200
        """,
    ),
    "gevent": (("gevent", "requests"), REQUESTS),
    "eventlet": (("eventlet", "requests"), REQUESTS),
}

FIRST = {
    "gevent": "import gevent.monkey\ngevent.monkey.patch_all()",
    "eventlet": "import eventlet\neventlet.monkey_patch()",
}
"""Those that patch sockets must come before what uses them."""

PROGRAM = """
{first}
import asyncio
import http.client
import socket
import urllib.request
{early}
from pytest_pushgateway import Pushgateway

BODY = b"rows 7\\n"
{raw}

def push(url, address, host, port, job):
{code}

before = socket.socket.connect
with Pushgateway({options}) as gateway:
    for number, address in enumerate({addresses!r}):
        host, _, port = address.rpartition(":")
        with gateway.intercept(address) as interception:
            url = f"{{gateway.scheme}}://{{address}}/metrics/job/{{number}}"
            push(url, address, host.strip("[]"), int(port), str(number))
        print(address, [(one.job, one.headers["Host"]) for one in gateway.pushes[number:]], interception.connections)
assert socket.socket.connect is before
"""


def run(folder: Path, client: str, addresses: tuple[str, ...], *, early: bool = True, options: str = "") -> list[str]:
    modules, code = CLIENTS[client]
    demand(*modules)
    program = folder / "program.py"
    program.write_text(
        PROGRAM.format(
            first=FIRST.get(client, ""),
            early="\n".join(f"import {module}" for module in modules) if early else "",
            raw=RAW,
            code=indent(dedent(code), "    "),
            addresses=addresses,
            options=options,
        ),
        encoding="utf-8",
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDEVMODE"}
    command = [sys.executable, "-W", "ignore", str(program)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize("client", sorted({*CLIENTS} - {"twisted"}))
def test_client_reaches_the_gateway(tmp_path: Path, client: str) -> None:
    pushed = run(tmp_path, client, ADDRESSES)

    assert pushed == [
        f"{address} {[(str(number), address)]} { ({address: 1}) }" for number, address in enumerate(ADDRESSES)
    ]


@pytest.mark.parametrize("client", ["requests", "uvloop", "aiohttp.AsyncResolver", "pycurl"])
def test_client_that_is_imported_meanwhile(tmp_path: Path, client: str) -> None:
    (pushed,) = run(tmp_path, client, ADDRESSES[:1], early=False)

    assert pushed == f"{ADDRESSES[0]} [('0', {ADDRESSES[0]!r})] { ({ADDRESSES[0]: 1}) }"


@pytest.mark.parametrize("address", ADDRESSES)
def test_twisted(tmp_path: Path, address: str) -> None:
    """Its reactor runs once in a process."""
    (pushed,) = run(tmp_path, "twisted", (address,))

    assert pushed == f"{address} [('0', {address!r})] { ({address: 1}) }"


WITH_TLS = ("urllib", "requests", "urllib3", "httpx", "httpx and trio", "httpx and uvloop", "aiohttp", "tornado")


@pytest.mark.parametrize("client", WITH_TLS)
def test_client_trusts_the_authority_meanwhile(tmp_path: Path, client: str) -> None:
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("pushgateway.nowhere.example", "10.1.2.3")
    certificate, key, ca = (tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem"))
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)

    addresses = ("pushgateway.nowhere.example:9091", "10.1.2.3:9091")
    pushed = run(tmp_path, client, addresses, options=f"tls={(str(certificate), str(key), str(ca))!r}")

    assert pushed == [f"{one} {[(str(number), one)]} { ({one: 1}) }" for number, one in enumerate(addresses)]
