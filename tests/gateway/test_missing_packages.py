"""Packages that a push does not need may be missing: text needs none of them, and protobuf names its own."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway import (Settings)
from tests import wire

gateway = Gateway(Settings(persistence_file={path!r}))
gateway.start()

def ask(method, path, body=b"", kind="text/plain"):
    answer = wire.request(gateway.port, method, path, body, {{"Content-Type": kind}})
    print(answer.status, answer.body.decode().partition("\\n")[0])

{questions}
gateway.stop()
"""
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


def answers(questions: str, *packages: str, path: str | None = None) -> list[str]:
    """Ask a gateway in a Python without some packages, and return the status and the first line of each answer."""
    program = WITHOUT.format(packages=packages, questions=questions, path=path)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines()


def test_text_needs_only_the_standard_library(tmp_path: object) -> None:
    questions = """
ask("PUT", "/metrics/job/a", b"bytes 7\\n")
ask("PUT", "/metrics/job/a", b"bytes seven\\n")
ask("PUT", "/metrics/job/a", b"bytes 7\\nbytes 8\\n")
ask("GET", "/metrics")
ask("GET", "/api/v1/status")
ask("DELETE", "/metrics/job/a")
"""
    needless = ("google", "prometheus_client", "werkzeug", "yaml", "markupsafe")
    assert [line[:3] for line in answers(questions, *needless, path=f"{tmp_path}/kept")] == [
        "200",
        "400",
        "400",
        "200",
        "200",
        "202",
    ]


def test_protobuf_names_the_missing_package() -> None:
    questions = f"""
ask("POST", "/metrics/job/a", b"\\x03\\x0a\\x01a", {PROTOBUF!r})
ask("PUT", "/metrics/job/a", b"bytes 7\\n")
"""
    assert answers(questions, "google") == [
        "501 protobuf cannot be read or shown without the Python package protobuf, which is not installed here; "
        "run: pip install protobuf",
        "200 ",
    ]
