from __future__ import annotations

import os

import pytest

# Runs in this process forget what they import; what is here already they need not import again, each time; libyaml's
# module could not even be.
import pytest_pushgateway.exposition.protobuf.reader
import pytest_pushgateway.harness.pushgateway
import pytest_pushgateway.prometheus.config
import pytest_pushgateway.prometheus.server  # noqa: F401

APPLICATION = """
import http.client

def send(gateway, body="backup_bytes 7\\n", path="/metrics/job/backup", method="PUT"):
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    connection.request(method, path, body if method != "DELETE" else None)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status
"""


COMPARE = os.environ.get("PUSHGATEWAY_COMPARE", "")
"""A binary to compare the runs with that tests start, if it is set."""
PLUGIN = "-p pytest_pushgateway.plugin"


@pytest.fixture
def pytester(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> pytest.Pytester:
    """As pytest's own; the runs it starts load this plugin, xdist where the test is marked so, and no others."""
    xdist = " -p xdist" if request.node.get_closest_marker("workers") else ""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    compare = f" --pushgateway-compare={COMPARE}" if COMPARE else ""
    monkeypatch.setenv("PYTEST_ADDOPTS", PLUGIN + xdist + compare)
    return pytester


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose tests find `send()` in a module ``application``; no option of ours is set anywhere."""
    for name in ("PYTEST_PUSHGATEWAY_HOST", "PYTEST_PUSHGATEWAY_PORT"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(application=APPLICATION)
    pytester.syspathinsert()
    return pytester
