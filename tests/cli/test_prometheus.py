"""The gateway by itself, scraped by a real Prometheus: what ``honor_labels`` is for."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import peers, wire
from tests.cli.conftest import Served

CONFIGURATION = """\
global:
  scrape_interval: 15s

scrape_configs:
  - job_name: 'prometheus'
    scrape_interval: 5s
    static_configs:
      - targets: ['localhost:9090']

  - job_name: 'node_exporter'
    scrape_interval: 5s
    static_configs:
      - targets: ['localhost:9100']

  - job_name: 'pushgateway'
    honor_labels: true
    static_configs:
      - targets: ['localhost:9091']
"""


@contextmanager
def prometheus(directory: Path, configuration: str) -> Iterator[int]:
    """Run Prometheus and yield its port."""
    (directory / "prometheus.yml").write_text(configuration)
    command = [
        str(peers.prometheus_binary()),
        f"--config.file={directory}/prometheus.yml",
        f"--storage.tsdb.path={directory}/data",
        "--web.listen-address=127.0.0.1:0",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    drain = threading.Thread(target=process.stderr.read)
    try:
        port = 0
        for line in process.stderr:
            if match := re.search(r'"Listening on".* address=127\.0\.0\.1:([0-9]+)', line):
                port = int(match[1])
                break
        assert port, "Prometheus did not start"
        drain.start()
        yield port
    finally:
        process.terminate()
        process.wait()
        if drain.ident:
            drain.join()
        process.stderr.close()


def query(port: int, expression: str) -> list[dict[str, Any]]:
    """Return the result of an instant query, as soon as there is one."""
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(expression)}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 90
    while True:
        try:
            with opener.open(url, timeout=10) as response:
                result: list[dict[str, Any]] = json.load(response)["data"]["result"]
        except OSError:
            result = []
        if result:
            return result
        assert time.monotonic() < deadline, "Prometheus has not scraped the gateway"
        time.sleep(0.1)


@pytest.mark.conformance
@pytest.mark.parametrize("honoured", [True, False])
def test_pushed_series_keeps_its_job_where_labels_are_honoured(
    serve: Callable[..., Served], tmp_path: Path, honoured: bool
) -> None:
    served = serve()
    wire.request(served.port, "PUT", "/metrics/job/backup/instance/db1", b"backup_bytes 1024\n")
    configuration = re.sub(r"scrape_interval: \w+", "scrape_interval: 100ms", CONFIGURATION)
    configuration = configuration.replace("localhost:9091", f"127.0.0.1:{served.port}")
    # The other two jobs are scraped in vain, as where nothing else runs yet.
    for port in (9090, 9100):
        configuration = configuration.replace(f"localhost:{port}", f"127.0.0.1:{wire.free_port()}")
    if not honoured:
        configuration = configuration.replace("    honor_labels: true\n", "")
    with prometheus(tmp_path, configuration) as port:
        [series] = query(port, "backup_bytes")
    assert series["value"][1] == "1024"
    gateway = {"job": "pushgateway", "instance": f"127.0.0.1:{served.port}"}
    pushed = {"job": "backup", "instance": "db1"}
    expected = pushed if honoured else gateway | {f"exported_{name}": value for name, value in pushed.items()}
    assert series["metric"] == {"__name__": "backup_bytes", **expected}
