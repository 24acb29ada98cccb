"""SIGKILL at random moments under load: what was acknowledged is there after the next start.

All clients share all groups. A client notes of each request when it was sent and when the answer was there; after a
kill each group must be as some order of the requests leaves it, in which a request that was answered before another one
was sent comes first. What was answered is part of that order; what was not may be.

Half of the kills come when a deletion is answered while another one of the same group is not: one that only finds that
there is nothing left must wait until the file knows it, too.
"""

from __future__ import annotations

import http.client
import itertools
import math
import random
import re
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.stress.bounds import Bounds, Figures
from tests.stress.served import Served

COUNT = 1000
SECONDS = 3600.0
CLIENTS = 4
GROUPS = ("0", "1", "2")
REJECTING = "rejecting"
"""The group to which only rejected pushes go: it shows whether the time of a failure is kept."""
FAMILIES = ("first", "second", "third")
_WEIGHTS = {"push": 16, "DELETE": 8, "rejected": 2, "forgiven": 2, "large": 0.5, "wipe": 0.5}
"""The relative frequency of each kind of request."""
LARGE = 10_000
"""Series of a large push, of 100 bytes each."""

State = Mapping[str, float] | None
"""The families of a group with their values; None where there is no group."""

_SAMPLE = re.compile(
    r'^(first|second|third|large|push_failure_time_seconds)\{instance="",job="(\w+)"(?:,x="\d+")?\} (\S+)$',
    re.MULTILINE,
)


class Step(NamedTuple):
    """The effect of one request on one group."""

    apply: Callable[[State], State]
    whole: bool
    """Whether the state afterwards is the same, whatever it was before."""
    began: float
    ended: float
    """Infinite without an answer."""


def leads_to(steps: Iterable[Step], before: State, after: State) -> bool:
    """Return whether an order of the steps leads from one state to the other; unanswered ones may be left out."""
    left = list(steps)
    answered = [step for step in left if step.ended < math.inf]
    last = max((step.began for step in answered if step.whole), default=-math.inf)
    # What had ended when the last whole step began cannot be seen any more.
    return _leads_to(tuple(step for step in left if step.ended >= last), before, after)


def _leads_to(left: tuple[Step, ...], state: State, after: State) -> bool:
    first_end = min((step.ended for step in left), default=math.inf)
    if first_end == math.inf and state == after:
        return True
    return any(
        _leads_to(left[:at] + left[at + 1 :], step.apply(state), after)
        for at, step in enumerate(left)
        if step.began <= first_end
    )


class Request(NamedTuple):
    """A request, what it is answered with, and what it does."""

    method: str
    path: str
    body: str
    status: int
    groups: tuple[str, ...]
    apply: Callable[[State], State]
    whole: bool


class Aim:
    """Kills when a deletion is answered while another one of its group is not."""

    def __init__(self) -> None:
        self.kill: Callable[[], None] | None = None
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reset(self, kill: Callable[[], None] | None) -> None:
        """Forget what is under way, and kill in this way from now on, or not."""
        self._waiting.clear()
        self.kill = kill

    def sent(self, group: str) -> None:
        with self._lock:
            self._waiting[group] += 1

    def answered(self, group: str) -> None:
        with self._lock:
            self._waiting[group] -= 1
            if group and self._waiting[group] and self.kill is not None:
                self.kill()
                self.kill = None


class Client:
    """Sends requests, one after the other, until one gets no answer."""

    def __init__(self, number: int, seed: int, values: Iterator[int], aim: Aim) -> None:
        self.aim = aim
        self.random = random.Random(f"{seed} {number}")
        self.values = values
        self.steps: list[tuple[str, Step]] = []
        self.sent: Counter[str] = Counter()
        self.refused: list[str] = []

    def load(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            while True:
                kind = self.random.choices([*_WEIGHTS], [*_WEIGHTS.values()])[0]
                self._send(connection, self._request(kind))
                self.sent[kind] += 1
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def _request(self, kind: str) -> Request:
        group = self.random.choice(GROUPS)
        path = f"/metrics/job/{group}"
        if kind == "DELETE":
            return Request("DELETE", path, "", 202, (group,), _removes, True)
        if kind == "wipe":
            return Request("PUT", "/api/v1/admin/wipe", "", 202, (*GROUPS, REJECTING), _removes, True)
        if kind == "forgiven":
            return Request("DELETE", f"/metrics/job/{REJECTING}", "", 202, (REJECTING,), _removes, True)
        if kind == "rejected":
            return Request("PUT", f"/metrics/job/{REJECTING}", "first 1 1234\n", 400, (REJECTING,), _fails, False)
        value = next(self.values)
        if kind == "large":
            pushed = {"large": float(value)}
            body = "".join(f'large{{x="{number:080}"}} {value}\n' for number in range(LARGE))
        else:
            pushed = dict.fromkeys(self.random.sample(FAMILIES, self.random.randint(1, 3)), float(value))
            body = "".join(f"{name} {value}\n" for name in pushed)
        if self.random.random() < 0.5:
            return Request("PUT", path, body, 200, (group,), lambda state: pushed, True)
        return Request("POST", path, body, 200, (group,), lambda state: {**(state or {}), **pushed}, False)

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> None:
        deletes = request.groups[0] if request.method == "DELETE" else ""
        began, ended = time.perf_counter(), math.inf
        try:
            self.aim.sent(deletes)
            connection.request(request.method, request.path, request.body)
            answer = connection.getresponse()
            text = answer.read()
            self.aim.answered(deletes)
            ended = time.perf_counter()
        finally:
            step = Step(request.apply, request.whole, began, ended)
            self.steps += [(group, step) for group in request.groups]
        if answer.status != request.status:
            self.refused.append(f"{request.method} {request.path}: {answer.status} {text.decode()}")


def _removes(state: State) -> State:
    return None


def _fails(state: State) -> State:
    return {"push_failure_time_seconds": 1.0}


class Torn(Exception):
    """A large push is there in part."""


def exposed(port: int) -> dict[str, State]:
    """Return the states of all groups as a scrape shows them.

    Raises:
        Torn: series of one push were seen with different values, or not all.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    states: dict[str, dict[str, float]] = {}
    large: dict[str, Counter[float]] = {}
    for name, group, value in _SAMPLE.findall(text):
        families = states.setdefault(group, {})
        if name == "large":
            large.setdefault(group, Counter())[float(value)] += 1
        elif name != "push_failure_time_seconds":
            families[name] = float(value)
        elif float(value):
            families[name] = 1.0
    for group, values in large.items():
        if [*values.values()] != [LARGE]:
            raise Torn(f"group {group}: {dict(values)}")
        states[group]["large"] = next(iter(values))
    return {group: states.get(group) for group in (*GROUPS, REJECTING)}


class Trial:
    """One file, its clients, and what was lost so far."""

    def __init__(self, path: Path, seed: int) -> None:
        values = itertools.count(1)
        self.aim = Aim()
        self.clients = [Client(number, seed, values, self.aim) for number in range(CLIENTS)]
        self.lost: list[str] = []
        self._flags = (f"--persistence.file={path}", "--web.enable-admin-api")
        self._before: Mapping[str, State] = dict.fromkeys((*GROUPS, REJECTING))

    def start(self, how: str) -> Served:
        return Served(*self._flags, how)

    def judge(self, port: int) -> None:
        """Compare what is there after a start with what the requests before it left."""
        try:
            after = exposed(port)
        except Torn as torn:
            self.lost.append(str(torn))
            self._before = {}
            return
        for group, before in self._before.items():
            found = after[group]
            steps = [step for client in self.clients for where, step in client.steps if where == group]
            if not leads_to(steps, before, found):
                self.lost.append(f"{group}: {found} is not what {len(steps)} requests made of {before}")
        self._before = after

    def load(self, served: Served, seconds: float, *, aimed: bool) -> None:
        """Let all clients send requests until the process is killed, at the latest after these seconds."""
        self.aim.reset(served.process.kill if aimed else None)
        port = served.port
        threads = [threading.Thread(target=client.load, args=(port,)) for client in self.clients]
        for client in self.clients:
            client.steps.clear()
        for thread in threads:
            thread.start()
        with suppress(subprocess.TimeoutExpired):
            served.process.wait(seconds)
        served.kill()
        for thread in threads:
            thread.join()


def run(bounds: Bounds) -> Figures:
    kills = starting = 0
    trouble: list[str] = []
    with tempfile.TemporaryDirectory(prefix="stress-") as directory:
        trial = Trial(Path(directory, "metrics"), bounds.seed)
        for _ in bounds.rounds():
            how = bounds.random.choice(["--persistence.interval=0s", "--persistence.required"])
            while bounds.random.random() < 0.2:
                # Killed while it starts, perhaps while it recovers what the last kill left.
                early = trial.start(how)
                time.sleep(bounds.random.uniform(0, 0.4))
                early.kill()
                starting += 1
            served = trial.start(how).wait()
            trial.judge(served.port)
            aimed = bounds.random.random() < 0.5
            trial.load(served, 1.0 if aimed else bounds.random.uniform(0, 0.3), aimed=aimed)
            kills += 1
            trouble += served.trouble()
        served = trial.start("--persistence.interval=0s").wait()
        trial.judge(served.port)
        status = served.stop()
        trouble += [f"moved aside: {each.name}" for each in Path(directory).iterdir() if "corrupt" in each.name]
    sent = sum((client.sent for client in trial.clients), Counter[str]())
    refused = [line for client in trial.clients for line in client.refused]
    return {
        "kills": kills,
        "kills_while_starting": starting,
        "acknowledged": sum(sent.values()),
        "large": sent["large"],
        "wipes": sent["wipe"],
        "lost": len(trial.lost),
        "broken": [*trial.lost, *trouble, *refused, *[f"exit status {status}"] * bool(status)][:20],
    }
