"""``serve`` as a process: what it logs, how it ends, what it keeps."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
import trustme
import yaml

from pytest_pushgateway.cli.serve import _GRACE
from tests import peers, wire
from tests.cli.conftest import SERVE, Served
from tests.systems import needs_descriptors

Serve = Callable[..., Served]


def push(port: int, job: str = "a", body: bytes = b"a 1\n") -> int:
    return wire.request(port, "PUT", f"/metrics/job/{job}", body).status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_serve_and_keeps_everything(serve: Serve, tmp_path: Path, number: int) -> None:
    flags = [f"--persistence.file={tmp_path / 'file'}"]
    served = serve(*flags)
    assert push(served.port) == 200
    idle = socket.create_connection(("127.0.0.1", served.port))
    half = socket.create_connection(("127.0.0.1", served.port))
    half.sendall(b"PUT /metrics/job/b HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
    assert served.end(number) == 0
    idle.close()
    half.close()
    said = [one for one in served.messages() if one[1] != "metrics persisted"]
    assert said[-2:] == [
        ("info", "received SIGINT/SIGTERM; exiting gracefully..."),
        ("info", "HTTP server stopped"),
    ]
    again = serve(*flags)
    assert b'a{instance="",job="a"} 1\n' in wire.request(again.port, "GET", "/metrics").body


def test_requests_in_progress_get_less_than_a_second_at_stop() -> None:
    assert _GRACE <= 0.5


def test_quit_ends_it(serve: Serve) -> None:
    served = serve("--web.enable-lifecycle")
    assert wire.request(served.port, "POST", "/-/quit").body == b"Requesting termination... Goodbye!"
    assert served.end(None) == 0
    assert served.messages()[-2][1] == "received termination request via web service, exiting gracefully..."


def test_start_is_logged(serve: Serve) -> None:
    served = serve("--web.listen-address=127.0.0.1:0", "--web.route-prefix=/p", "--web.telemetry-path=/m")
    served.end()
    said = [message for _, message in served.messages()]
    assert said[:2] == ["starting pushgateway", "Build context"]
    assert said[2:6] == ["Listening on", "TLS is disabled."] * 2
    assert "Web page" not in "".join(served.log)


def read_on_terminal(*flags: str) -> str:
    """Return all that ``serve`` prints to a terminal until it asks for Ctrl-C, which it gets."""
    pty = pytest.importorskip("pty", reason="only POSIX has pseudo-terminals")
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*SERVE, "--web.listen-address=127.0.0.1:0", *flags], stderr=theirs)
    os.close(theirs)
    printed = b""
    limit = threading.Timer(30, process.kill)
    limit.start()
    try:
        while b"Ctrl-C" not in printed and (read := os.read(ours, 65536)):
            printed += read
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        limit.cancel()
        os.close(ours)
    return printed.decode().replace("\r\n", "\n")


def test_terminal_shows_page_and_scrape_job() -> None:
    printed = read_on_terminal("--web.route-prefix=/p", "--web.telemetry-path=/m")
    port = re.search(r"address=127\.0\.0\.1:([0-9]+)", printed)
    assert port
    assert f"\n  Web page:    http://127.0.0.1:{port[1]}/p/\n" in printed
    snippet = re.search(r"\n  Scrape job:  (.*)\n", printed)
    assert snippet
    assert yaml.safe_load(snippet[1]) == [
        {
            "job_name": "pushgateway",
            "honor_labels": True,
            "metrics_path": "/p/m",
            "static_configs": [{"targets": [f"127.0.0.1:{port[1]}"]}],
        }
    ]


@pytest.mark.conformance
def test_promtool_accepts_shown_scrape_job(tmp_path: Path) -> None:
    """With everything in it that can be: a prefix with a quote, TLS, and a password, which only its owner knows."""
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    tls = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
    (tmp_path / "web.yml").write_text(f"{tls}basic_auth_users: {{o'hara: {hashed}, bob: {hashed}}}\n")
    printed = read_on_terminal(f"--web.config.file={tmp_path / 'web.yml'}", "--web.route-prefix=/it's")
    snippet = printed.partition("Scrape job:  ")[2].partition("\n")[0]
    (job,) = yaml.safe_load(snippet)
    assert (job["scheme"], job["metrics_path"]) == ("https", "/it's/metrics")
    assert job["basic_auth"] == {"username": "o'hara", "password": "PASSWORD"}
    (tmp_path / "prometheus.yml").write_text(f"scrape_configs:\n{snippet}\n")
    command = [str(peers.promtool_binary()), "check", "config", str(tmp_path / "prometheus.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr


def test_refused_pushes_are_logged_by_level(serve: Serve) -> None:
    served = serve("--log.level=debug")
    assert push(served.port, body=b"a b\n") == 400
    assert push(served.port, body=b"a 1 1\n") == 400
    served.end()
    assert ("debug", "failed to parse text") in served.messages()
    assert ("error", "pushed metrics are invalid or inconsistent with existing metrics") in served.messages()


def test_json(serve: Serve) -> None:
    served = serve("--log.format=json", "--log.level=debug", "--web.external-url=http://x/y")
    served.end()
    lines = [json.loads(line) for line in served.log]
    assert list(lines[0]) == ["ts", "level", "caller", "msg", "version"]
    url = next(line["url"] for line in lines if line["msg"] == "external URL")
    assert (url["Scheme"], url["Host"], url["Path"]) == ("http", "x", "/y")


def failed(*flags: str) -> str:
    """Run ``serve`` with what hinders it, and return the line that it prints."""
    ended = subprocess.run(
        [*SERVE, "--log.level=error", *flags], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr.removeprefix("pytest-pushgateway serve: error: ").rstrip("\n")


@pytest.mark.slow
def test_start_errors_are_one_line_and_a_status(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = failed(f"--web.listen-address={address}")
        assert told == f"listen tcp {address}: bind: address already in use; choose another --web.listen-address"
    here = "--web.listen-address=127.0.0.1:0"
    told = failed(here, "--web.config.file=/nonexistent")
    assert told == "--web.config.file: open /nonexistent: no such file or directory"
    assert failed(here, "--web.telemetry-path=x") == "--web.telemetry-path: telemetry_path must begin with '/', got 'x'"
    told = failed(here, "--web.config.file=/nonexistent", "--web.telemetry-path=x")
    assert told == "--web.telemetry-path: telemetry_path must begin with '/', got 'x'"
    told = failed(here, f"--persistence.file={tmp_path}")
    assert told == f"{tmp_path} cannot be read: Is a directory; choose another --persistence.file"
    told = failed("--web.systemd-socket")
    assert told.startswith("no socket activation file descriptors found; leave --web.systemd-socket to a service ")
    (tmp_path / "web.yml").write_text("foo: 1\n")
    told = failed(here, f"--web.config.file={tmp_path / 'web.yml'}", "--log.format=json")
    assert told == "--web.config.file: yaml: unmarshal errors: line 1: field foo not found in type web.Config"


def test_two_gateways_on_one_file(serve: Serve, tmp_path: Path) -> None:
    flag = f"--persistence.file={tmp_path / 'file'}"
    serve(flag)
    told = failed(flag, "--web.listen-address=127.0.0.1:0")
    assert told == f"{tmp_path / 'file'} is in use by another gateway; choose another --persistence.file"


def test_failed_last_write_sets_exit_status(serve: Serve, tmp_path: Path) -> None:
    served = serve(f"--persistence.file={tmp_path / 'missing' / 'file'}")
    assert push(served.port) == 200
    assert served.end() == 1
    assert ("error", "problem shutting down metric storage") in served.messages()


@needs_descriptors
def test_socket_passed_by_systemd() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        os.set_inheritable(listener.fileno(), True)
        # As systemd does it: descriptor 3, and the variables name the process that is started.
        script = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True);"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1');"
            "os.execv(sys.executable, [sys.executable, '-m', 'pytest_pushgateway', 'serve', '--web.systemd-socket'])"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(listener.fileno())],
            pass_fds=[listener.fileno(), 3] if listener.fileno() != 3 else [3],
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        # It waits in the listener's queue until the gateway is there.
        assert wire.request(port, "GET", "/-/healthy").body == b"OK"
    finally:
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert "Listening on systemd activated listeners instead of port listeners." in log
    assert f"address=127.0.0.1:{port}" in log
    assert process.returncode == 0


def test_persistence_file_is_a_database(serve: Serve, tmp_path: Path) -> None:
    served = serve(f"--persistence.file={tmp_path / 'file'}", "--persistence.interval=0s")
    push(served.port)
    served.process.kill()
    served.end(None)
    with sqlite3.connect(tmp_path / "file") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
