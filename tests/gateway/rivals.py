"""Random conversations with the real Pushgateway and with our store: verdict, words and scrape must be equal.

Where the original contradicts itself, because it walks a map, ours must be one of its answers, and the strict one where
it sometimes accepts.
"""

from __future__ import annotations

import base64
import random
import re
from dataclasses import dataclass, field

from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.negotiation import Format
from pytest_pushgateway.exposition.protobuf import reader as protobuf
from pytest_pushgateway.exposition.text import reader as text_reader
from pytest_pushgateway.gateway.grouping_key import GroupingKey, group_path
from pytest_pushgateway.gateway.store.self_metrics import SelfMetrics
from pytest_pushgateway.gateway.store.store import GatherError, Store
from tests.exposition.oracle import Oracle
from tests.gateway.held import key

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
REFUSED = b"pushed metrics are invalid or inconsistent with existing metrics: "
REPEATS = 100
"""How often the original is asked again where it and ours differ; it prefers some orders of a small map to others."""


@dataclass(frozen=True)
class Step:
    """One request: a push, or a deletion."""

    method: str
    key: GroupingKey
    body: bytes = b""
    content_type: str = ""

    def __str__(self) -> str:
        return f"{self.method} {group_path(self.key)} {self.content_type[:30]}\n{self.body!r}"


@dataclass
class Outcome:
    """What can be compared after a step."""

    status: int
    error: bytes
    scrape_status: int
    scrape: bytes


_TIME = re.compile(rb'(push_(?:failure_)?time_seconds(?:\{[^}]*\}|" \{.*?gauge:\{value:)) ?([0-9.e+]{5,})')
_OWN = re.compile(rb"(?m)^(?:go|process|pushgateway)_\w+(?:\{(?![^}\n]*instance=)[^}\n]*\})? .*\n")


def normalised(body: bytes) -> bytes:
    """Make the original's whims equal: white space, the clock, the order of errors, the values of own metrics."""
    body = re.sub(rb"[ \xa0]+", b" ", body)
    body = _TIME.sub(rb"\1 T", body)
    if b" error(s) occurred:" in body:
        head, *errors = body.rstrip(b"\n").split(b"\n* ")
        return b"\n* ".join([head, *sorted(errors)]) + b"\n"
    return body


def without_own_values(scrape: bytes) -> bytes:
    """Leave out the series of own metrics, and the comments on families that then have no series left."""
    kept = _OWN.sub(b"", scrape)
    families = re.split(rb"(?m)^(?=# HELP )|^(?=# TYPE )(?<!\n)|^(?=# TYPE )", kept)
    lines: list[bytes] = []
    for line in b"".join(families).splitlines(keepends=True):
        if not line.startswith(b"#"):
            lines.append(line)
            continue
        while lines and lines[-1].startswith(b"# ") and line.split()[2] != lines[-1].split()[2]:
            lines.pop()
        lines.append(line)
    while lines and lines[-1].startswith(b"#"):
        lines.pop()
    return b"".join(lines)


class Ours:
    """Our store, counting its requests as the original does."""

    def __init__(self) -> None:
        self.own = SelfMetrics()
        self.store = Store(self_metrics=self.own)

    def wipe(self) -> None:
        self.store.wipe()

    def take(self, step: Step) -> Outcome:
        status, error = self._answer(step)
        try:
            scrape = b"".join(self.store.gather(Format()))
        except GatherError as trouble:
            return Outcome(
                status,
                error,
                500,
                f"An error has occurred while serving metrics:\n\n{trouble}\n".encode("utf-8", "surrogateescape"),
            )
        return Outcome(status, error, 200, scrape)

    def _answer(self, step: Step) -> tuple[int, bytes]:
        if step.method == "DELETE":
            self.store.delete(step.key)
            self.own.observe_request("delete", 202, "delete")
            return 202, b""
        status, error = self._push(step)
        self.own.observe_request("push", status, step.method)
        self.own.observe_push(step.method, 0.001, 100)
        return status, error

    def _push(self, step: Step) -> tuple[int, bytes]:
        parse = protobuf.parse if step.content_type else text_reader.parse
        try:
            parsed = parse(step.body, dict(step.key))
        except ParseError as trouble:
            return 400, f"{trouble}\n".encode("utf-8", "surrogateescape")
        verdict = self.store.push(step.key, parsed, replace=step.method == "PUT")
        if verdict.accepted:
            return 200, b""
        return 400, REFUSED + f"{verdict.error}\n".encode("utf-8", "surrogateescape")


class Theirs:
    """The original, started with ``--web.enable-admin-api``."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle

    def wipe(self) -> None:
        self.oracle.request("PUT", "/api/v1/admin/wipe")
        # Deletions are queued, and a push is answered after all that stand before it.
        self.oracle.push(b"", "/metrics/job/wiped")
        self.oracle.request("DELETE", "/metrics/job/wiped")

    def send(self, step: Step) -> tuple[int, bytes]:
        headers = {"Content-Type": step.content_type} if step.content_type else {}
        answer = self.oracle.request(step.method, group_path(step.key), step.body, headers)
        assert answer.status, "the original closed the connection"
        if step.method == "DELETE":
            return answer.status, b""
        return answer.status, answer.body

    def take(self, step: Step) -> Outcome:
        status, error = self.send(step)
        return self.scrape(Outcome(status, error, 0, b""))

    def scrape(self, outcome: Outcome) -> Outcome:
        """Scrape, after the request that had this outcome."""
        scrape = self.oracle.request("GET", "/metrics")
        return Outcome(outcome.status, outcome.error, scrape.status, scrape.body)


@dataclass
class Tally:
    """What happened in a run."""

    pushes: int = 0
    rejected: int = 0
    deletions: int = 0
    broken_scrapes: int = 0
    undecided: int = 0
    differences: list[str] = field(default_factory=list)


class Duel:
    """Plays sequences of steps against both."""

    def __init__(self, oracle: Oracle, ours: Ours | None = None) -> None:
        self.theirs = Theirs(oracle)
        self.ours = ours or Ours()
        self.tally = Tally()

    def play(self, steps: list[Step]) -> None:
        """Play one sequence from an empty state."""
        self.theirs.wipe()
        self.ours.wipe()
        # Both have now seen a push and a deletion.
        for each in ("push", "delete"):
            self.ours.own.observe_request(each, 200, "put" if each == "push" else "delete")
        self.ours.own.observe_push("put", 0.001, 100)
        taken: list[int] = []
        for number, step in enumerate(steps):
            theirs, ours = self.theirs.take(step), self.ours.take(step)
            self._count(step, ours)
            if not agree(theirs, ours) and not self._explained(steps[: number + 1], taken, ours):
                self.tally.differences.append(report(steps[: number + 1], theirs, ours))
                return
            if theirs.status != ours.status:
                return  # the original has taken another way; from here on the states differ
            taken.append(ours.status)

    def _count(self, step: Step, ours: Outcome) -> None:
        if step.method == "DELETE":
            self.tally.deletions += 1
        else:
            self.tally.pushes += 1
            self.tally.rejected += ours.status == 400
        self.tally.broken_scrapes += ours.scrape_status == 500

    def _explained(self, steps: list[Step], taken: list[int], ours: Outcome) -> bool:
        """Return whether the original, asked again from the start, comes to our answer, too.

        Only where it has answered the steps before as it did at first is it asked the same.
        """
        self.tally.undecided += 1
        errors, scrapes = set[bytes](), set[tuple[int, bytes]]()
        for _ in range(REPEATS):
            self.theirs.wipe()
            if [self.theirs.send(step)[0] for step in steps[:-1]] != taken:
                continue
            theirs = self.theirs.take(steps[-1])
            if theirs.status != ours.status:
                if ours.status != 400:
                    return False  # sometimes refused by the original: ours must refuse, too
                continue
            errors.add(normalised(theirs.error))
            scrapes.add((theirs.scrape_status, comparable(theirs)))
            for _ in range(REPEATS // 10):
                again = self.theirs.scrape(theirs)
                scrapes.add((again.scrape_status, comparable(again)))
            if normalised(ours.error) in errors and (
                (ours.scrape_status, comparable(ours)) in scrapes or self._helps_differ(ours, scrapes)
            ):
                return True
        return False

    @staticmethod
    def _helps_differ(ours: Outcome, scrapes: set[tuple[int, bytes]]) -> bool:
        """Return whether all but the help texts is equal, and each of ours is one that was pushed."""
        bare = {(status, without_helps(body)) for status, body in scrapes}
        mine = comparable(ours)
        helps = re.findall(rb"(?m)^# HELP \S+ (.*)", mine)
        known = {each for _, body in scrapes for each in re.findall(rb"(?m)^# HELP \S+ (.*)", body)}
        return (ours.scrape_status, without_helps(mine)) in bare and known.union(HELPS).issuperset(helps)


def without_helps(scrape: bytes) -> bytes:
    return re.sub(rb"(?m)^# HELP .*\n", b"", scrape)


def comparable(outcome: Outcome) -> bytes:
    if outcome.scrape_status != 200:
        return normalised(outcome.scrape)
    return without_own_values(normalised(outcome.scrape))


def agree(theirs: Outcome, ours: Outcome) -> bool:
    """Return whether two outcomes are equal, the original's whims aside."""
    return (
        theirs.status == ours.status
        and normalised(theirs.error) == normalised(ours.error)
        and theirs.scrape_status == ours.scrape_status
        and comparable(theirs) == comparable(ours)
    )


def report(steps: list[Step], theirs: Outcome, ours: Outcome) -> str:
    """Say what differs and how to come there."""
    lines = [str(step) for step in steps]
    for who, outcome in (("theirs", theirs), ("ours", ours)):
        lines.append(f"{who}: {outcome.status} {normalised(outcome.error).decode('utf-8', 'backslashreplace')}")
        lines.append(f"  scrape {outcome.scrape_status}: {comparable(outcome).decode('utf-8', 'backslashreplace')}")
    return "\n".join(lines)


# What the sequences are made of.

NAMES = [
    b"a", b"b", b"s", b"s_sum", b"s_count", b"s_bucket", b"h", b"h_sum", b"h_count", b"h_bucket",
    b"go_goroutines", b"go_gc_duration_seconds", b"go_gc_duration_seconds_count", b"go_gc_duration_seconds_bucket",
    b"process_max_fds", b"pushgateway_build_info", b"pushgateway_http_requests_total",
    b"pushgateway_http_push_size_bytes", b"pushgateway_http_push_size_bytes_sum",
    b"push_time_seconds", b"push_failure_time_seconds", b"push_failure_time_seconds_count",
]  # fmt: skip
TYPES = [b"untyped", b"gauge", b"counter", b"summary", b"histogram", b"gaugehistogram"]
HELPS = [b"", b"", b"", b"One help.", b"Total HTTP requests processed by the Pushgateway, excluding scrapes."]
KEYS = [
    key(job="j"), key(job="j"), key(job="j", instance=""), key(job="j", instance="i"), key(job="k"),
    key(job="j", x="1"), key(job=b"\xff"), key(job="k", x=b"\xfe/"), key(job="j", quantile="0.5"),
    key(job="j", le="5"), key(job="a/b"),
]  # fmt: skip
CALM_KEYS = [each for each in KEYS if all(value.isascii() for _, value in each) and each != key(job="j", instance="")]
CALM_TYPES = {b"s": b"summary", b"h": b"histogram", b"h_bucket": b"histogram", b"go_gc_duration_seconds": b"summary"}
LABELS = [b"", b"", b"", b'{x="1"}', b'{x="2"}', b'{instance="i"}', b'{job="k"}', b'{x="1",y="\\n\\"\\\\"}', b'{z="9"}']


def some_steps(dice: random.Random) -> list[Step]:
    """Make up a sequence; the fewer names and groups it has, the more collide."""
    calm = dice.random() < 0.5
    names = dice.sample(NAMES, dice.randint(2, 5))
    keys = dice.sample(CALM_KEYS if calm else KEYS, dice.randint(2, 4))
    steps = []
    for _ in range(dice.randint(2, 8)):
        method = dice.choices(["PUT", "POST", "DELETE"], [4, 4, 2])[0]
        group = dice.choice(keys)
        if method == "DELETE":
            steps.append(Step(method, group))
        elif dice.random() < 0.2:
            steps.append(Step(method, group, some_protobuf(dice, names), PROTOBUF))
        else:
            steps.append(Step(method, group, some_text(dice, names, calm)))
    return steps


def some_text(dice: random.Random, names: list[bytes], calm: bool) -> bytes:
    """Make up a body; a calm one gives a name always the same type."""
    families = [some_family(dice, name, calm) for name in dice.sample(names, dice.randint(0, min(3, len(names))))]
    return b"".join(families)


def some_family(dice: random.Random, name: bytes, calm: bool) -> bytes:
    kind = CALM_TYPES.get(name, b"gauge") if calm else dice.choice(TYPES)
    help_text = dice.choice(HELPS)
    lines = [b"# HELP %b %b" % (name, help_text)] if help_text else []
    if kind != b"untyped" or dice.random() < 0.3:
        lines.append(b"# TYPE %b %b" % (name, kind))
    for _ in range(dice.choices([1, 2], [4, 1])[0]):
        lines += some_series(dice, name, kind, dice.choice(LABELS))
    if dice.random() < 0.02:
        lines[-1] += b" 1234"
    return b"\n".join(lines) + b"\n"


def some_series(dice: random.Random, name: bytes, kind: bytes, labels: bytes) -> list[bytes]:
    value = dice.choice([b"0", b"1", b"1e6", b"-0", b"NaN", b"0.25"])
    inner = labels[1:-1] + b"," if labels else b""
    if kind == b"summary":
        return [
            b'%b{%bquantile="0.5"} %b' % (name, inner, value),
            b"%b_sum%b %b" % (name, labels, value),
            b"%b_count%b 3" % (name, labels),
        ]
    if kind in (b"histogram", b"gaugehistogram"):
        return [
            b'%b_bucket{%ble="1"} 2' % (name, inner),
            b'%b_bucket{%ble="+Inf"} 3' % (name, inner),
            b"%b_sum%b %b" % (name, labels, value),
            b"%b_count%b 3" % (name, labels),
        ]
    return [b"%b%b %b" % (name, labels, value)]


def some_protobuf(dice: random.Random, names: list[bytes]) -> bytes:
    return b"".join(some_message(dice, name) for name in dice.sample(names, dice.randint(1, min(2, len(names)))))


_METRICS = [
    base64.b64decode(each)
    for each in (
        "EgkJAAAAAAAA8D8=",  # gauge 1
        "GgkJAAAAAAAA8D8=",  # counter 1
        "KgkJAAAAAAAA8D8=",  # untyped 1
        "EgkJAAAAAAAA8D8aCQkAAAAAAADwPw==",  # gauge and counter
        "IgsIARFSuB6F61EIQA==",  # summary
        "OgsIARFSuB6F61EIQA==",  # histogram
        "",
    )
]
_PAIRS = [(b"x", b"1"), (b"__x", b"1"), (b"d", b"3"), (b"d", b"4"), (b"u", b"\xff"), (b"quantile", b"7"), (b"", b"6")]


def some_message(dice: random.Random, name: bytes) -> bytes:
    metrics = []
    for _ in range(dice.choices([0, 1, 2], [1, 4, 2])[0]):
        pairs = dice.sample(_PAIRS, dice.choices([0, 1, 2], [5, 3, 1])[0])
        labels = b"".join(_field(1, _field(1, label) + _field(2, value)) for label, value in pairs)
        metrics.append(labels + dice.choice(_METRICS))
    kind = dice.choice([0, 1, 2, 3, 4, 5])
    body = _field(1, name) + b"\x18" + bytes([kind]) + b"".join(_field(4, metric) for metric in metrics)
    return bytes([len(body) & 127 | 128, len(body) >> 7]) + body if len(body) > 127 else bytes([len(body)]) + body


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content
