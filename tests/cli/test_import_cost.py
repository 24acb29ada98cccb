"""The imports of ``serve`` until its first answer: none that costs milliseconds and that it could do without."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="PyPy's own modules, written in Python, import others"
)

COSTLY = (
    "dataclasses",
    "inspect",
    "ast",
    "typing",
    "platform",
    "datetime",
    "json",
    "sqlite3",
    "ssl",
    "subprocess",
    "logging",
    "socket",
    "selectors",
    "traceback",
    "pytest_pushgateway.exposition.text.fast_parser",
    "string",
    "encodings.idna",
)

FIRST_ANSWER = f"""
import _socket, sys
from pytest_pushgateway.cli import serve
from pytest_pushgateway.cli.log import make_log
log = make_log()
gateway = serve.Gateway(serve.Settings(), log=log, on_listening=lambda gateway: serve._tell(gateway, log))
gateway.start()
client = _socket.socket()
client.connect((b"127.0.0.1", gateway.port))
client.sendall(b"GET /-/ready HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
print(client.recv(15).decode(), [name for name in {COSTLY!r} if name in sys.modules])
client.close()
gateway.stop()
"""


def test_serve_imports_nothing_costly_before_its_first_answer() -> None:
    # Without site, whose .pth files import what they like.
    code = f"import sys; sys.path = {sys.path!r}\n{FIRST_ANSWER}"
    finished = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=30)
    assert finished.stdout == "HTTP/1.1 200 OK []\n", finished.stderr
