"""Listen addresses, as Go's ``net.Listen`` reads them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from pytest_pushgateway.gateway.http.listeners import AddressError, bind, listen, split_address
from tests import peers
from tests.cli.conftest import SERVE


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:", "127.0.0.1", 0),
        (":", "", 0),
        (":+80", "", 80),
        (":-0", "", 0),
        (":0080", "", 80),
        ("[::1]:1", "::1", 1),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        ("[localhost]:HTTP", "localhost", 80),
    ],
)
def test_addresses(address: str, host: str, port: int) -> None:
    assert split_address(address) == (host, port)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("a[b:0", "listen tcp: address a[b:0: unexpected '[' in address"),
        ("a]b:0", "listen tcp: address a]b:0: unexpected ']' in address"),
        ("[::1]x:0", "listen tcp: address [::1]x:0: missing port in address"),
        ("[::1]:1:2", "listen tcp: address [::1]:1:2: too many colons in address"),
        (":-1", "listen tcp: address -1: invalid port"),
        (":+65536", "listen tcp: address +65536: invalid port"),
        (": 80", "listen tcp: lookup tcp/ 80: unknown port"),
        (":8\0", "listen tcp: lookup tcp/8\0: unknown port"),
    ],
)
def test_addresses_rejected_by_go(address: str, problem: str) -> None:
    with pytest.raises(AddressError) as refused:
        split_address(address)
    assert str(refused.value) == problem


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "::ffff:0.0.0.0", "0:0:0:0:0:0:0:0"])
def test_every_address_is_of_both_families(host: str) -> None:
    with closing(bind(host, 0)) as listener:
        listen(listener)
        assert listener.getsockname()[0] == "::"
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as client:
                client.connect((address, listener.getsockname()[1]))


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("::1%lo", "::1"),
        ("::1%1", "::1"),
        ("::1%nosuch", "::1"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_listening_addresses(host: str, shown: str) -> None:
    with closing(bind(host, 0)) as bound:
        assert bound.getsockname()[0] == shown


@pytest.mark.parametrize(
    "host", ["127.1", "127.0.0.01", "0x7f.0.0.1", "2130706433", "*", " 127.0.0.1", "127.0.0.1%lo", "::1%", "é"]
)
def test_addresses_accepted_by_the_system_but_not_by_go(host: str) -> None:
    with pytest.raises(OSError, match="no such host"):
        bind(host, 0)


ADDRESSES = [
    *["127.0.0.1:", "0.0.0.0:0", ":0", "", ":", "[::]:0", "[::ffff:0.0.0.0]:0", "[::1]:0", "[::1%lo]:0", "[::1%9]:0"],
    *["[127.0.0.1]:0", "localhost:0", "127.0.0.1:+0", "127.0.0.1:00", "127.0.0.1:-1", "127.0.0.1:65536"],
    *["127.0.0.1:nosuch", "127.0.0.1", "[::1]", "[::1:0", "::1:0", "::1]:0", "a[b:0", "a]b:0", "[::1]x:0", "[[::1]]:0"],
    *["127.1:0", "2130706433:0", "127.0.0.01:0", "*:0", "127.0.0.1%lo:0", "192.0.2.1:0", "http://127.0.0.1:0"],
]


@pytest.mark.conformance
@pytest.mark.parametrize("address", ADDRESSES)
def test_original_listens_on_same_addresses(address: str) -> None:
    assert _outcome(SERVE, address) == _outcome([str(peers.pushgateway_binary())], address)


def _outcome(command: list[str], address: str) -> str:
    """Return where a program listens, without the port, or why it does not."""
    arguments = [*command, "--persistence.file=", f"--web.listen-address={address}"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "Listening on" in line:
                return line.strip().rpartition("address=")[2].rpartition(":")[0]
            if "listen tcp" in line:
                told = line[line.index("listen tcp") :].strip().strip('"')
                return told.removesuffix(", try --help").partition(";")[0]
        return "nothing"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


PASS = """\
import os, socket, sys
one = socket.socket(socket.AF_INET, socket.{kind})
one.bind(("127.0.0.1", 0))
os.dup2(one.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="{count}")
os.execv(sys.executable, [sys.executable, "-m", "pytest_pushgateway", "serve", "--web.systemd-socket"])
"""


@pytest.mark.parametrize(
    ("kind", "count", "told"),
    [
        (
            "SOCK_DGRAM",
            "1",
            "descriptor 3 that systemd passed is a datagram socket; use ListenStream= in the socket unit",
        ),
        ("SOCK_STREAM", "1", "descriptor 3 that systemd passed is not a listening stream socket; use ListenStream="),
        ("SOCK_STREAM", "x", "no socket activation file descriptors found; leave --web.systemd-socket to a service"),
        ("SOCK_STREAM", "-1", "no socket activation file descriptors found"),
        ("SOCK_STREAM", "", "no socket activation file descriptors found"),
        ("SOCK_STREAM", "1" * 5000, "descriptor 3 that systemd passed is not a listening stream socket"),
    ],
)
def test_invalid_sockets_from_systemd(kind: str, count: str, told: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LISTEN_")}
    done = subprocess.run(
        [sys.executable, "-c", PASS.format(kind=kind, count=count)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("ts=")]
    assert line.startswith(f"pytest-pushgateway serve: error: {told}")


@pytest.mark.skipif(sys.platform == "win32", reason="systemd passes descriptors, which it does on Linux")
def test_descriptors_that_are_not_there() -> None:
    script = PASS.format(kind="SOCK_STREAM", count="2").replace("os.dup2", "one.listen(); os.dup2")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "descriptor 4 is not a socket, but LISTEN_FDS says that systemd passed one" in done.stderr
