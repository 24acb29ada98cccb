"""Libraries that intercept HTTP requests: a failing test names the one that kept its pushes, and the way through it.

Where a library is not installed its test is skipped; the tox environment ``neighbours`` has them all.
"""

from __future__ import annotations

import importlib.util
import os
from textwrap import dedent

import pytest

pytestmark = pytest.mark.slow

PUSHES = {
    "aiohttp": """
        import asyncio, aiohttp

        async def send(url):
            async with aiohttp.ClientSession() as session:
                await session.put(url, data="rows 7\\n")

        def push(url):
            asyncio.run(send(url))
    """,
    "httpx": """
        import httpx

        def push(url):
            httpx.put(url, content="rows 7\\n", trust_env=False)
    """,
    "requests": """
        import requests

        def push(url):
            requests.put(url, data="rows 7\\n")
    """,
    "socket": """
        import http.client

        def push(url):
            connection = http.client.HTTPConnection(url.split("/")[2], timeout=3)
            connection.request("PUT", "/metrics/job/nightly", "rows 7\\n")
            connection.getresponse()
    """,
}

# Library: the client whose requests it intercepts, what makes it active, what lets those for the gateway through.
LIBRARIES = {
    "aioresponses": (
        "aiohttp",
        "aioresponses.aioresponses()",
        "aioresponses.aioresponses(passthrough=[gateway.url])",
        "",
    ),
    "httpretty": (
        "socket",
        "httpretty.enabled(allow_net_connect=False)",
        "httpretty.enabled(allow_net_connect=True)",
        "",
    ),
    "pook": ("requests", "pook.use()", "pook.use()", "pook.enable_network(gateway.host)"),
    "requests_mock": ("requests", "requests_mock.Mocker()", "requests_mock.Mocker(real_http=True)", ""),
    "responses": ("requests", "responses.mock", "responses.mock", "responses.add_passthru(gateway.url)"),
    "respx": ("httpx", "respx.mock", "respx.mock", "respx.route(host=gateway.host).pass_through()"),
    "vcr": (
        "requests",
        "vcr.use_cassette('none.yaml', record_mode='none')",
        "vcr.VCR(ignore_hosts=[gateway.host]).use_cassette('none.yaml', record_mode='none')",
        "",
    ),
}

TEST = """
import contextlib
import http.client
import {library}
from application import push

def test_intercepted(pushgateway):
    with {active}:
        with contextlib.suppress(Exception):
            push(pushgateway.url + "/metrics/job/nightly")
        pushgateway.assert_pushed("rows")

def test_let_through(pushgateway):
    gateway = pushgateway
    with {passing}:
        {then}
        with contextlib.suppress(http.client.RemoteDisconnected):  # httpretty loses the answer
            push(gateway.url + "/metrics/job/nightly")
        gateway.wait_for_push("rows")
"""


def demand(*libraries: str) -> None:
    for library in libraries:
        if importlib.util.find_spec(library) is None:
            if os.environ.get("TOX_ENV_NAME") == "neighbours":
                pytest.fail(f"{library} is not installed", pytrace=False)
            pytest.skip(f"{library} is not installed")


@pytest.mark.parametrize("library", LIBRARIES)
def test_interceptor_is_named(project: pytest.Pytester, library: str) -> None:
    client, active, passing, then = LIBRARIES[library]
    demand(library, *({client} - {"socket"}))
    project.makepyfile(application=dedent(PUSHES[client]))
    project.makepyfile(TEST.format(library=library, active=active, passing=passing, then=then or "pass"))
    result = project.runpytest_subprocess("-W", "ignore")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*AssertionError: expected rows to have been pushed, but nothing was pushed",
            f"E*{library} intercepts *, so requests may not reach the gateway: *",
            "E*This gateway is at 127.0.0.1:*",
        ]
    )


def test_httpx_mock_is_named(project: pytest.Pytester) -> None:
    demand("pytest_httpx", "httpx")
    project.makepyfile(application=dedent(PUSHES["httpx"]))
    project.makepyfile(
        """
        import contextlib
        import pytest
        from application import push

        @pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
        def test_intercepted(pushgateway, httpx_mock):
            with contextlib.suppress(Exception):
                push(pushgateway.url + "/metrics/job/nightly")
            pushgateway.assert_pushed("rows")

        @pytest.mark.httpx_mock(should_mock=lambda request: request.url.host != "127.0.0.1")
        def test_let_through(pushgateway, httpx_mock):
            push(pushgateway.url + "/metrics/job/nightly")
            pushgateway.assert_pushed("rows")
        """
    )
    result = project.runpytest_subprocess("-p", "pytest_httpx", "-W", "ignore")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E*pytest_httpx intercepts httpx.HTTPTransport.handle_request, so requests*"])
