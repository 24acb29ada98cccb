"""Generates what a record's author does not think of: sequences of pushes, deletions, scrapes and wipes that collide.

The pools are small on purpose. Names that are each other's suffixes, names of the gateway's metrics, labels that
grouping keys carry as well, values that no URL likes: drawn from a handful, they meet in almost every sequence.
"""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.conformance import protowire
from tests.conformance.records import PROTOBUF, Request, delete, get, request, scrape

NAMES = (
    "m m m m_sum m_count m_bucket m_total n n_sum m_sum_sum m_sum_count go_goroutines go_gc_duration_seconds "
    "go_gc_duration_seconds_sum process_open_fds push_time_seconds push_failure_time_seconds "
    "pushgateway_build_info labels"
)
DOTTED = "m.sum m.sum_sum m.sum_count é"
LABEL_NAMES = "x y job instance le quantile"
DOTTED_LABELS = "x.y x_y é"
VALUES = ("1", "2", "-3.5", "0", "1e6", "NaN", "+Inf", "0.1", "123456789")
LABEL_VALUES = ("", "1", "2", "a", "i", "é", 'q"u\\o\nte', "0.5", " ", "+Inf")
TYPES = ("counter", "gauge", "untyped", "summary", "histogram")
NUMBERS = {name: number for number, name in enumerate(("counter", "gauge", "summary", "untyped", "histogram"))}


@dataclass(frozen=True)
class Metric:
    """One metric: labels and a value, whatever its kind."""

    labels: tuple[tuple[str, str], ...]
    value: str


@dataclass(frozen=True)
class Family:
    """One family of a push."""

    name: str
    kind: str
    help: bool
    metrics: tuple[Metric, ...]


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _quoted(name: str) -> str:
    return name if name.isascii() and "." not in name else f'"{name}"'


def _series(name: str, pairs: Sequence[tuple[str, str]]) -> str:
    labels = [f'{_quoted(label)}="{_escape(value)}"' for label, value in pairs]
    if _quoted(name) != name:
        return "{" + ",".join([_quoted(name), *labels]) + "}"
    return name + ("{" + ",".join(labels) + "}" if labels else "")


def _text_metric(family: Family, metric: Metric) -> str:
    name, pairs = family.name, [pair for pair in metric.labels if pair[0] not in ("le", "quantile")]
    total, count = _series(f"{name}_sum", pairs), _series(f"{name}_count", pairs)
    if family.kind == "summary":
        quantile = _series(name, [*pairs, ("quantile", "0.5")])
        return f"{quantile} {metric.value}\n{total} 2\n{count} 3\n"
    if family.kind == "histogram":
        bucket = _series(f"{name}_bucket", [*pairs, ("le", "1")])
        return f"{bucket} 1\n{total} {metric.value}\n{count} 3\n"
    return f"{_series(name, metric.labels)} {metric.value}\n"


def as_text(families: Sequence[Family]) -> bytes:
    """Render families in the text format; two of one name in one push are an error there, and stay one."""
    lines = []
    for family in families:
        if family.help:
            lines.append(f"# HELP {_quoted(family.name)} some help\n")
        if family.kind != "untyped":
            lines.append(f"# TYPE {_quoted(family.name)} {family.kind}\n")
        lines += [_text_metric(family, metric) for metric in family.metrics]
    return "".join(lines).encode()


def _proto_metric(kind: str, metric: Metric) -> bytes:
    value = float(metric.value)
    content = {
        "counter": lambda: protowire.counter(value),
        "gauge": lambda: protowire.gauge(value),
        "untyped": lambda: protowire.untyped(value),
        "summary": lambda: protowire.summary(3, value, {0.5: 1.0}),
        "histogram": lambda: protowire.histogram(3, value, protowire.bucket(1, 1.0)),
    }[kind]()
    return protowire.metric(metric.labels, content)


def as_protobuf(families: Sequence[Family]) -> bytes:
    """Render families as delimited protobuf."""
    return protowire.delimited(
        *(
            protowire.family(
                family.name,
                NUMBERS[family.kind],
                *(_proto_metric(family.kind, metric) for metric in family.metrics),
                help="some help" if family.help else None,
            )
            for family in families
        )
    )


def _unique(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(dict(pairs).items())


def families(*, dotted: bool) -> st.SearchStrategy[Family]:
    """Draw families; with names outside the legacy character set if ``dotted``."""
    names, labels = NAMES.split() + DOTTED.split() * dotted, LABEL_NAMES.split() + DOTTED_LABELS.split() * dotted
    pairs = st.lists(st.tuples(st.sampled_from(labels), st.sampled_from(LABEL_VALUES)), max_size=3)
    metrics = st.builds(Metric, pairs.map(_unique), st.sampled_from(VALUES))
    return st.builds(
        Family,
        st.sampled_from(names),
        st.sampled_from(TYPES),
        st.sampled_from((False,) * 9 + (True,)),
        st.lists(metrics, min_size=1, max_size=3).map(tuple),
    )


@st.composite
def paths(draw: st.DrawFn, *, dotted: bool) -> str:
    """Draw the path of a group, each value plain where that is possible, or in base64."""
    job = draw(st.sampled_from("ab"))
    path = f"/metrics/job/{job}"
    raw = st.sampled_from((*(value.encode() for value in LABEL_VALUES), b"\xff"))
    names = ["x", "instance", "instance", "le", "quantile", "job", *("x.y", "U__x_2e_y", "%C3%A9") * dotted]
    for name in draw(st.lists(st.sampled_from(names), max_size=2)):
        value = draw(raw)
        if value and draw(st.booleans()):
            path += f"/{name}/{urllib.parse.quote_from_bytes(value, safe='')}"
        else:
            path += f"/{name}@base64/{base64.urlsafe_b64encode(value).decode() or '='}"
    return path


@st.composite
def pushes(draw: st.DrawFn, *, dotted: bool) -> Request:
    """Draw a push in either format by either method."""
    content = draw(st.lists(families(dotted=dotted), max_size=3))
    method = draw(st.sampled_from(("PUT", "POST")))
    if draw(st.booleans()):
        return request(method, draw(paths(dotted=dotted)), as_protobuf(content), {"Content-Type": PROTOBUF})
    body = as_text(content)
    if draw(st.integers(0, 19)) == 19:
        body = body.replace(b"\n", b" 1\n", 3)
    return request(method, draw(paths(dotted=dotted)), body)


SCRAPES = (scrape(), scrape(PROTOBUF), get("/api/v1/metrics"), scrape("text/plain;escaping=allow-utf-8"))


def sequences(*, dotted: bool) -> st.SearchStrategy[list[Request]]:
    """Draw sequences, most of them pushes."""
    steps = st.one_of(
        *[pushes(dotted=dotted)] * 4,
        paths(dotted=dotted).map(delete),
        st.sampled_from(SCRAPES),
        st.sampled_from((*SCRAPES, request("PUT", "/api/v1/admin/wipe"))),
    )
    return st.lists(steps, min_size=1, max_size=14)


# Bodies that are almost right.

TOKENS = (
    *(bytes([byte]) for byte in b' \t\n\r{}",=#\\_:.-+0159aeEnxTY'),
    b"\x00", b"\xff", "é".encode(), b'"a.b"', b"# TYPE a ", b"# HELP a ", b"counter\n", b"histogram\n", b"summary\n",
    b"_sum", b"_count", b"_bucket", b"le", b"quantile", b'="', b'",', b"__name__", b"1e", b"Inf", b"NaN",
    b"a 1\n", b"\n#",
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """One change to a body, at a place relative to its length."""

    place: float
    cut: int
    insert: bytes


edits = st.lists(
    st.builds(Edit, st.floats(0, 1, width=16), st.integers(0, 4), st.one_of(st.just(b""), st.sampled_from(TOKENS))),
    min_size=1,
    max_size=4,
)


def edited(body: bytes, changes: Sequence[Edit]) -> bytes:
    """Apply edits one after the other."""
    for change in changes:
        place = int(change.place * len(body))
        body = body[:place] + change.insert + body[place + change.cut :]
    return body
