"""The example of a Node application with prom-client, tested by node:test over the test API."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import peers
from tests.conformance.clienttools import PROM_CLIENT, NotHere, install_prom_client, output
from tests.testapi.served import Served

pytestmark = pytest.mark.conformance

EXAMPLE = Path(__file__).parents[2] / "examples" / "test_api" / "node"


def test_node_application(client_cache: Path, tmp_path: Path) -> None:
    try:
        modules = install_prom_client(client_cache)
    except NotHere as problem:
        peers.missing(str(problem))
    shutil.copytree(EXAMPLE, tmp_path / "node")
    gateway = {"NODE_PATH": str(modules)}

    with Served() as served:
        gateway |= {"GATEWAY": f"http://127.0.0.1:{served.port}", "TEST_API": served.control}
        printed = output("node", "--test", tmp_path / "node" / "report.test.js", **gateway)

    assert printed.endswith("status 0"), printed
    assert "pass 3" in printed


def test_version_of_prom_client_is_the_examples() -> None:
    assert f'"prom-client": "{PROM_CLIENT.rpartition("@")[2]}"' in (EXAMPLE / "package.json").read_text("utf-8")
