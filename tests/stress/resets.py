"""Resets while clients send: what was sent before is never seen after, and no client meets an error.

Each round sends over a connection that is kept and over new ones, resets a random moment later, and sends again. An old
push must be answered, and be neither in the journal nor in a scrape; a new one must be in both.
"""

from __future__ import annotations

import random
import socket
import ssl
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import trustme

from pytest_pushgateway import Pushgateway, PushgatewayWarning
from tests.stress.bounds import Bounds, Figures

COUNT = 100_000
SECONDS = 3600.0
_NEW = 2
"""New connections in each round."""


class Clients:
    """Connections to one gateway; one is kept from round to round."""

    def __init__(self, gateway: Pushgateway, trust: ssl.SSLContext | None) -> None:
        self._gateway = gateway
        self._trust = trust
        self.kept = self.connect()

    def connect(self) -> socket.socket:
        sock = socket.create_connection((self._gateway.host, self._gateway.port), timeout=20)
        # As all client libraries: else the kernel keeps a request back while the end of a handshake is under way.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if self._trust is None else self._trust.wrap_socket(sock, server_hostname=self._gateway.host)

    def is_answered(self, sock: socket.socket) -> bool:
        """Read one answer; one that is none makes the kept connection a new one."""
        try:
            if sock.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n"):
                return True
        except OSError:
            pass
        if sock is self.kept:
            sock.close()
            self.kept = self.connect()
        return False


def push(sock: socket.socket, body: bytes) -> None:
    sock.sendall(b"PUT /metrics/job/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def one(gateway: Pushgateway, clients: Clients, number: int, randomness: random.Random) -> list[str]:
    """Make one round; return what was wrong."""
    new = [clients.connect() for _ in range(_NEW)]
    order = [clients.kept, *new]
    randomness.shuffle(order)
    for sock in order:
        push(sock, b"old %d\n" % number)
    for _ in range(randomness.randrange(400)):
        pass
    gateway.reset()
    fresh = clients.connect()
    push(fresh, b"fresh %d\n" % number)
    unanswered = [sock for sock in (fresh, *order) if not clients.is_answered(sock)]
    for sock in (fresh, *new):
        sock.close()
    problems = ["not answered"] * len(unanswered)
    if [push.body for push in gateway.pushes] != [b"fresh %d\n" % number]:
        problems.append(f"in the journal: {[push.body for push in gateway.pushes]}")
    if "old" in gateway.scrape().text:
        problems.append("an old push in a scrape")
    return problems


def run(bounds: Bounds) -> Figures:
    counts: Counter[str] = Counter()
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore", PushgatewayWarning)
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        paths = [str(Path(directory, name)) for name in ("cert.pem", "key.pem")]
        issued.cert_chain_pems[0].write_to_path(paths[0])
        issued.private_key_pem.write_to_path(paths[1])
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        with Pushgateway() as plain, Pushgateway(tls=tuple(paths)) as encrypted:
            both = {"plain": (plain, Clients(plain, None)), "TLS": (encrypted, Clients(encrypted, trust))}
            for number in bounds.rounds():
                kind = "TLS" if number % 4 == 3 else "plain"
                counts[kind] += 1
                found = one(*both[kind], number, bounds.random)
                broken += [f"round {number}, {kind}: {problem}" for problem in found]
            for _, clients in both.values():
                clients.kept.close()
    return {"rounds": counts.total(), **counts, "wrong": len(broken), "broken": broken[:5]}
