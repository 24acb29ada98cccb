"""SIGKILL at random moments under load: what was acknowledged is there after the next start.

Clients own groups of their own and know, of each group, what was acknowledged last and what is unanswered. After a kill
a group must stand as acknowledged, or as the unanswered request would have left it, whole.
"""

from __future__ import annotations

import http.client
import random
import re
import tempfile
import threading
import time
from pathlib import Path

from tests.stress.bounds import Bounds, Figures
from tests.stress.served import Served

COUNT = 1000
SECONDS = 3600.0
CLIENTS = 4
GROUPS = 4
FAMILIES = ("first", "second", "third")

State = dict[str, int]
_SAMPLE = re.compile(r'^(first|second|third)\{instance="(\d+)",job="(\d+)"\} (\S+)$', re.MULTILINE)


class Client:
    """Pushes to and deletes its groups, one request after the other, until the connection breaks."""

    def __init__(self, number: int, seed: int) -> None:
        self.number = number
        self.random = random.Random(seed)
        self.acknowledged: list[State] = [{} for _ in range(GROUPS)]
        self.unanswered: tuple[int, State] | None = None
        self.requests = 0
        self.refused = 0
        self._value = 0

    def load(self, port: int) -> None:
        """Send requests until one gets no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            while True:
                group = self.random.randrange(GROUPS)
                method, after = self._next(self.acknowledged[group])
                body = "".join(f"{name} {value}\n" for name, value in after.items() if value == self._value)
                self.unanswered = group, after
                path = f"/metrics/job/{self.number}/instance/{group}"
                connection.request(method, path, body if method != "DELETE" else None)
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (200, 202):
                    self.refused += 1
                    continue
                self.acknowledged[group] = after
                self.unanswered = None
                self.requests += 1
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def _next(self, before: State) -> tuple[str, State]:
        method = self.random.choice(["PUT", "PUT", "POST", "POST", "DELETE"])
        if method == "DELETE":
            return method, {}
        self._value += 1
        pushed = dict.fromkeys(self.random.sample(FAMILIES, self.random.randint(1, 3)), self._value)
        return method, pushed if method == "PUT" else {**before, **pushed}

    def judge(self, found: list[State]) -> list[str]:
        """Compare with what a restarted gateway exposes, and go on from there."""
        lost = []
        for group, state in enumerate(found):
            allowed = [self.acknowledged[group]]
            if self.unanswered is not None and self.unanswered[0] == group:
                allowed.append(self.unanswered[1])
            if state not in allowed:
                lost.append(f"client {self.number} group {group}: {state} is none of {allowed}")
            self.acknowledged[group] = state
        self.unanswered = None
        return lost


def exposed(port: int) -> dict[tuple[int, int], State]:
    """Scrape the groups' states by client and group."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    states: dict[tuple[int, int], State] = {}
    for name, group, client, value in _SAMPLE.findall(text):
        states.setdefault((int(client), int(group)), {})[name] = int(float(value))
    return states


def run(bounds: Bounds) -> Figures:
    clients = [Client(number, bounds.seed * 1000 + number) for number in range(CLIENTS)]
    lost: list[str] = []
    kills = starting = 0
    moments: list[float] = []
    with tempfile.TemporaryDirectory(prefix="stress-") as directory:
        flags = (f"--persistence.file={Path(directory, 'metrics')}", "--persistence.interval=0s")
        for _ in bounds.rounds():
            while bounds.random.random() < 0.1:
                # Killed while it starts, perhaps while it recovers what the last kill left.
                early = Served(*flags)
                time.sleep(bounds.random.uniform(0, 0.4))
                early.kill()
                starting += 1
            served = Served(*flags).wait()
            lost += judged(served.port, clients)
            threads = [threading.Thread(target=client.load, args=(served.port,)) for client in clients]
            for thread in threads:
                thread.start()
            moments.append(bounds.random.uniform(0, 0.2))
            time.sleep(moments[-1])
            served.kill()
            for thread in threads:
                thread.join()
            kills += 1
            lost += served.trouble()
        served = Served(*flags).wait()
        lost += judged(served.port, clients)
        status = served.stop()
        aside = [each.name for each in Path(directory).iterdir() if "corrupt" in each.name]
    refused = sum(client.refused for client in clients)
    broken = lost + [f"moved aside: {name}" for name in aside]
    broken += [f"{refused} requests were refused"] * bool(refused) + [f"exit status {status}"] * bool(status)
    return {
        "kills": kills,
        "kills_while_starting": starting,
        "acknowledged": sum(client.requests for client in clients),
        "lost": len(lost),
        "broken": broken[:20],
    }


def judged(port: int, clients: list[Client]) -> list[str]:
    states = exposed(port)
    return [
        line
        for client in clients
        for line in client.judge([states.get((client.number, group), {}) for group in range(GROUPS)])
    ]
