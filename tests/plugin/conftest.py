from __future__ import annotations

import pytest

# Runs in this process forget what they import; what is here already they need not import anew, each time; libyaml's
# module could not even be.
import pytest_pushgateway.exposition.protobuf
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


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose tests find `send()` in a module ``application``; no option of ours is set anywhere."""
    for name in ("PYTEST_PUSHGATEWAY_HOST", "PYTEST_PUSHGATEWAY_PORT"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(application=APPLICATION)
    pytester.syspathinsert()
    return pytester
