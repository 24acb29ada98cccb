"""Client libraries that applications push with: each, kept for a whole run or made again for each push."""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

# At the top, though few tests need them: runs of pytest in this process forget what is imported while they last.
import aiohttp
import httpx
import requests
import urllib3

from pytest_pushgateway import Pushgateway

PATH = "/metrics/job/backup"
TIMEOUT = 20
"""Seconds."""

Push = Callable[[bytes], int]
"""Pushes a body and returns the status of the answer."""


@contextmanager
def requests_session(gateway: Pushgateway) -> Iterator[Push]:
    with requests.Session() as session:
        session.trust_env = False  # where a bundle is named, requests trusts that one and no other
        session.verify = gateway.ca_file or True
        yield lambda body: session.put(gateway.url + PATH, data=body, timeout=TIMEOUT).status_code


@contextmanager
def httpx_client(gateway: Pushgateway) -> Iterator[Push]:
    with httpx.Client(verify=_context(gateway) or True, timeout=TIMEOUT, trust_env=False) as client:
        yield lambda body: client.put(gateway.url + PATH, content=body).status_code


@contextmanager
def urllib3_pool(gateway: Pushgateway) -> Iterator[Push]:
    with urllib3.PoolManager(ssl_context=_context(gateway)) as pool:
        # Without retries, which would hide a connection that was closed.
        yield lambda body: pool.request("PUT", gateway.url + PATH, body=body, retries=False, timeout=TIMEOUT).status


@contextmanager
def http_client(gateway: Pushgateway) -> Iterator[Push]:
    context = _context(gateway)
    where = urlsplit(gateway.url)
    assert where.hostname is not None
    if context is None:
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=TIMEOUT)
    else:
        connection = http.client.HTTPSConnection(where.hostname, where.port, timeout=TIMEOUT, context=context)
    connection.connect()
    connection.auto_open = False  # http.client would reconnect without a word

    def push(body: bytes) -> int:
        connection.request("PUT", PATH, body)
        response = connection.getresponse()
        response.read()
        return response.status

    try:
        yield push
    finally:
        connection.close()


@contextmanager
def aiohttp_session(gateway: Pushgateway) -> Iterator[Push]:
    loop = asyncio.new_event_loop()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)

    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=timeout)

    session = loop.run_until_complete(make())
    ssl_context: Any = _context(gateway) or True

    async def put(body: bytes) -> int:
        # aiohttp would send a PUT again where it finds a kept connection closed.
        async with session.post(gateway.url + PATH, data=body, ssl=ssl_context) as response:
            await response.read()
            return response.status

    try:
        yield lambda body: loop.run_until_complete(put(body))
    finally:
        loop.run_until_complete(session.close())
        loop.close()


def _context(gateway: Pushgateway) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=gateway.ca_file) if gateway.scheme == "https" else None


Client = Callable[[Pushgateway], AbstractContextManager[Push]]

KEPT: dict[str, Client] = {
    "requests": requests_session,
    "httpx": httpx_client,
    "urllib3": urllib3_pool,
    "http.client": http_client,
    "aiohttp": aiohttp_session,
}


def reconnecting(client: Client) -> Client:
    """Return a client that connects for each push."""

    @contextmanager
    def pushing(gateway: Pushgateway) -> Iterator[Push]:
        def push(body: bytes) -> int:
            with client(gateway) as push_once:
                return push_once(body)

        yield push

    return pushing
