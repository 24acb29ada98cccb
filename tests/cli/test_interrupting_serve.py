"""Ctrl-C ends ``serve`` in an orderly way, however often it is pressed."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys

from tests.systems import needs_signals


@needs_signals
def test_second_interrupt_prints_no_traceback() -> None:
    command = [sys.executable, "-m", "pytest_pushgateway", "serve", "--web.listen-address=127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        log = ""
        while not (listening := re.search(r'"Listening on" address=127.0.0.1:(\d+)', log)):
            log += process.stderr.readline()
        with socket.create_connection(("127.0.0.1", int(listening[1])), timeout=10) as client:
            # A request under way, as the answer to its head shows: the gateway takes its time to end.
            head = b"PUT /metrics/job/j HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
            client.sendall(head)
            assert client.recv(4096).startswith(b"HTTP/1.1 100 ")
            process.send_signal(signal.SIGINT)
            while "exiting gracefully" not in log:
                log += process.stderr.readline()
            process.send_signal(signal.SIGINT)
            log += process.stderr.read()
        # The second comes too late for that where the first has been obeyed within half a second.
        assert process.wait(30) in (0, -signal.SIGINT), log
    assert "Traceback" not in log
    assert "HTTP server stopped" in log
