"""Concurrent pushes, deletions, scrapes, resets, restarts and crashes: every recorded history has an explanation.

Each push carries two families with one value, which must never be seen apart. A reset leaves no request unanswered, and
what was sent before it is not in the journal after it. A request that a restart or crash left without an answer may
have had its effect, but not after that.
"""

from __future__ import annotations

import math
import random
import re
import socket
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

from pytest_pushgateway import Pushgateway, UselessDeleteWarning
from tests.stress.bounds import Bounds, Figures
from tests.stress.linearizability import Operation, State, explain

COUNT = 10_000
SECONDS = 3600.0
GROUPS = 3
CLIENTS = 4
REQUESTS = 6
"""Of each client, in one history."""

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)")
_SAMPLE = re.compile(rb'^([vw])\{instance="",job="(\d)"\} (\d+)$', re.MULTILINE)


class Torn(Exception):
    """The two families of one push were seen apart."""


class Client:
    """Sends requests over its own connection and records what it sees."""

    def __init__(self, port: int, randomness: random.Random, values: list[int]) -> None:
        self.port = port
        self.random = randomness
        self.values = values
        self.history: list[Operation] = []
        self.sent: dict[int | None, float] = {}
        """By value, when all of a push had been sent."""
        self.problem: Exception | None = None
        self._sock: socket.socket | None = None

    def run(self) -> None:
        try:
            for _ in range(REQUESTS):
                self._one()
        except Exception as problem:
            self.problem = problem
        finally:
            self._disconnect()

    def _one(self) -> None:
        kind = self.random.choice(["PUT", "PUT", "POST", "DELETE", "GET", "GET"])
        group = self.random.randrange(GROUPS)
        value = self.values.pop() if kind in ("PUT", "POST") else None
        if kind == "GET":
            raw = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        else:
            body = b"" if value is None else b"v %d\nw %d\n" % (value, value)
            head = f"{kind} /metrics/job/{group} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            raw = head.encode() + body
        try:
            sock = self._connect()
        except OSError:
            return  # nothing was sent
        began = perf_counter()
        try:
            sock.sendall(raw)
            self.sent[value] = perf_counter()
            content = self._answer(sock)
        except OSError:
            if kind != "GET":
                self.history.append(Operation("write", group, value, None, began, math.inf, answered=False))
            self._disconnect()
            return
        ended = perf_counter()
        if kind == "GET":
            self.history.append(Operation("read", -1, None, snapshot(content), began, ended))
        else:
            self.history.append(Operation("write", group, value, None, began, ended))
        if self.random.random() < 0.1:
            self._disconnect()

    def _connect(self) -> socket.socket:
        if self._sock is None:
            self._sock = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return self._sock

    def _disconnect(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    @staticmethod
    def _answer(sock: socket.socket) -> bytes:
        """Read one answer; raises OSError if it does not come whole."""
        received = b""
        while True:
            data = sock.recv(1 << 16)
            if not data:
                raise ConnectionResetError
            received += data
            head, blank, body = received.partition(b"\r\n\r\n")
            if not blank:
                continue
            length = _LENGTH.search(head)
            if body.endswith(b"\r\n0\r\n\r\n") if length is None else len(body) == int(length[1]):
                assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")), received
                return body


def snapshot(content: bytes) -> State:
    """Return the groups' values in a scrape. Raises Torn."""
    found: dict[bytes, list[int | None]] = {b"v": [None] * GROUPS, b"w": [None] * GROUPS}
    for name, group, value in _SAMPLE.findall(content):
        found[name][int(group)] = int(value)
    if found[b"v"] != found[b"w"]:
        raise Torn(found)
    return tuple(found[b"v"])


def meddle(gateway: Pushgateway, what: str, randomness: random.Random) -> list[Operation]:
    """Reset, restart or crash the gateway after a random while."""
    threading.Event().wait(randomness.uniform(0, 0.006))
    act: Callable[[], None] = {"reset": gateway.reset, "restart": gateway.restart, "crash": gateway.crash}[what]
    began = perf_counter()
    act()
    return [Operation(what, -1, None, None, began, perf_counter())]


def record(gateway: Pushgateway, randomness: random.Random, values: list[int]) -> tuple[list[Operation], list[str]]:
    """Return one history, and what was wrong already."""
    gateway.reset()
    clients = [Client(gateway.port, random.Random(randomness.random()), values) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    what = randomness.choices(["", "reset", "restart", "crash"], [4, 4, 1, 1])[0]
    meddled = meddle(gateway, what, randomness) if what else []
    for thread in threads:
        thread.join()
    # What is there in the end is read too.
    began = perf_counter()
    content = gateway.scrape().text.encode()
    history = [Operation("read", -1, None, snapshot(content), began, perf_counter())]
    broken = [repr(client.problem) for client in clients if client.problem is not None]
    interrupted = [one.ended for one in meddled if one.kind != "reset"]
    sent: dict[int | None, float] = {}
    for client in clients:
        for one in client.history:
            if one.answered:
                history.append(one)
            elif interrupted:
                history.append(replace(one, ended=interrupted[0]))
            else:
                broken.append(f"not answered: {one}")
        sent |= client.sent
    history += [one for one in meddled if one.kind == "reset"]
    return history, broken + journal_problems(gateway, history, meddled, sent)


def journal_problems(
    gateway: Pushgateway, history: list[Operation], meddled: list[Operation], sent: dict[int | None, float]
) -> list[str]:
    """Say which pushes are in the journal and should not be, or the other way round."""
    resets = [one for one in meddled if one.kind == "reset"]
    began, ended = (resets[0].began, resets[0].ended) if resets else (-math.inf, -math.inf)
    journalled = {int(push.body.split()[1]) for push in gateway.pushes}
    pushes = [one for one in history if one.kind == "write" and one.value is not None]
    missing = {one.value for one in pushes if one.answered and one.began > ended} - journalled
    left = journalled & {one.value for one in pushes if sent.get(one.value, math.inf) < began}
    unknown = journalled - {one.value for one in pushes}
    parts: dict[str, set[Any]] = {
        "not in the journal": missing,
        "in the journal after a reset": left,
        "in the journal, never sent": unknown,
    }
    return [f"{text}: {sorted(map(str, found))}" for text, found in parts.items() if found]


def run(bounds: Bounds) -> Figures:
    counts: Counter[str] = Counter()
    broken: list[str] = []
    judged = 0
    # Popped by all clients; a list's pop is atomic.
    values = list(range(bounds.count * CLIENTS * REQUESTS + 1, 0, -1))
    with Pushgateway() as gateway, warnings.catch_warnings():
        warnings.simplefilter("ignore", UselessDeleteWarning)
        assert gateway.persistence_file
        for number in bounds.rounds():
            try:
                history, found = record(gateway, bounds.random, values)
            except (Torn, AssertionError) as problem:
                broken.append(f"history {number}: {problem!r}")
                continue
            broken += [f"history {number}: {one}" for one in found]
            if explain(history, (None,) * GROUPS) is None:
                broken.append(f"history {number}: {sorted(history, key=lambda one: one.began)}")
            judged += 1
            counts.update(one.kind if one.answered else "unanswered" for one in history)
        gateway.reset()
    return {"histories": judged, **counts, "unexplained": len(broken), "broken": broken[:5]}
