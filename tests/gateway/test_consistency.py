"""The words of a refusal, and the pushes that it names as the other side."""

from __future__ import annotations

import pytest

from pytest_pushgateway.exposition.model import Parsed
from pytest_pushgateway.exposition.protobuf import reader as protobuf
from tests.gateway.held import Held, key

J = 'label:{name:"instance"  value:""}  label:{name:"job"  value:"j"}'


def test_series_twice_in_one_push() -> None:
    gateway = Held()
    verdict = gateway.put("a 1\na 2\n", job="j")
    assert verdict.error == (
        f'collected metric "a" {{ {J}  untyped:{{value:2}}}} was collected before with the same name and label values'
    )
    (collision,) = verdict.collisions
    assert (collision.reason, collision.name, collision.prefix) == ("duplicate", b"a", b'a{instance="",job="j"}')
    assert collision.keys == ()


def test_series_of_another_group() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j", instance="i")
    verdict = gateway.put('a{instance="i"} 2\n', job="j")
    assert verdict.error == (
        'collected metric "a" { label:{name:"instance"  value:"i"}  label:{name:"job"  value:"j"}  untyped:{value:2}} '
        "was collected before with the same name and label values"
    )
    assert [collision.keys for collision in verdict.collisions] == [(key(job="j", instance="i"),)]


def test_another_type_in_another_group() -> None:
    gateway = Held()
    gateway.put("# TYPE a counter\na 1\n", job="j")
    gateway.put("# TYPE a counter\na 1\n", job="l")
    verdict = gateway.put('# TYPE a gauge\na{x="1"} 1\na{x="2"} 1\n', job="k")
    assert verdict.error == (
        "2 error(s) occurred:\n"
        '* collected metric "a" { label:{name:"instance"  value:""}  label:{name:"job"  value:"k"}  '
        'label:{name:"x"  value:"1"}  gauge:{value:1}} is not a COUNTER\n'
        '* collected metric "a" { label:{name:"instance"  value:""}  label:{name:"job"  value:"k"}  '
        'label:{name:"x"  value:"2"}  gauge:{value:1}} is not a COUNTER'
    )
    assert [(each.reason, each.keys) for each in verdict.collisions] == [("type", (key(job="j"), key(job="l")))] * 2


def test_replacing_own_group_is_not_a_conflict() -> None:
    gateway = Held()
    gateway.put("# TYPE a counter\na 1\n# TYPE s summary\ns_sum 1\ns_count 1\n", job="j")
    assert gateway.post("# TYPE a gauge\na 1\n", job="j").accepted
    assert gateway.put("s_sum 1\n", job="j").accepted


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("s summary", "s_count", 'metric named "s_count" collides with previously collected summary named "s"'),
        ("s summary", "s_sum", 'metric named "s_sum" collides with previously collected summary named "s"'),
        ("h histogram", "h_bucket", 'metric named "h_bucket" collides with previously collected histogram named "h"'),
        ("h histogram", "h_sum", 'metric named "h_sum" collides with previously collected histogram named "h"'),
        (
            "s_count gauge",
            "s summary",
            'histogram or summary named "s" collides with previously collected metric named "s_count"',
        ),
        (
            "h_sum gauge",
            "h histogram",
            'histogram or summary named "h" collides with previously collected metric named "h_sum"',
        ),
        (
            "h_bucket gauge",
            "h histogram",
            'histogram named "h" collides with previously collected metric named "h_bucket"',
        ),
    ],
)
def test_names_that_a_summary_or_histogram_takes_up(first: str, second: str, words: str) -> None:
    def body(declared: str) -> str:
        name, _, kind = declared.partition(" ")
        lines = {"summary": f"{name}_sum 1\n", "histogram": f"{name}_count 1\n"}.get(kind, f"{name} 1\n")
        return f"# TYPE {declared}\n{lines}" if kind else lines

    gateway = Held()
    gateway.put(body(first), job="j")
    verdict = gateway.post(body(second), job="j")
    assert verdict.error == f"collected {words}"
    ((reason, keys),) = [(collision.reason, collision.keys) for collision in verdict.collisions]
    assert (reason, keys) == ("suffix", (key(job="j"),))


def test_summary_does_not_claim_bucket_suffix() -> None:
    gateway = Held()
    gateway.put("# TYPE s summary\ns_sum 1\n", job="j")
    assert gateway.post("s_bucket 1\n", job="j").accepted


def test_names_of_own_metrics_are_reserved_with_their_type() -> None:
    gateway = Held()
    assert gateway.put("go_goroutines 1\n", job="j").error == (
        "gathered metric family go_goroutines has type UNTYPED but should have GAUGE"
    )
    assert gateway.put("go_gc_duration_seconds_count 1\n", job="j").error == (
        'collected metric named "go_gc_duration_seconds_count" collides with previously collected summary named '
        '"go_gc_duration_seconds"'
    )
    (collision,) = gateway.put("process_max_fds 1\n", job="j").collisions
    assert (collision.reason, collision.name, collision.keys) == ("own", b"process_max_fds", ())


def test_own_metrics_may_be_pushed_with_their_type_and_get_their_help() -> None:
    gateway = Held()
    assert gateway.put("# HELP go_goroutines Mine.\n# TYPE go_goroutines gauge\ngo_goroutines 5\n", job="j").accepted
    assert gateway.exposed() == (
        "# HELP go_goroutines Number of goroutines that currently exist.\n"
        "# TYPE go_goroutines gauge\n"
        'go_goroutines{instance="",job="j"} 5\n'
    )


def test_help_of_late_own_metrics_is_not_shown() -> None:
    gateway = Held()
    name = "pushgateway_http_requests_total"
    body = f"# TYPE {name} counter\n{name} 1\n"
    assert gateway.put(body, job="j").accepted
    gateway.own.observe_request("push", 200, "PUT")
    words = (
        f'gathered metric family {name} has help "" but should have '
        '"Total HTTP requests processed by the Pushgateway, excluding scrapes."'
    )
    verdict = gateway.put("a 1\n", job="k")
    assert verdict.error == words
    assert [collision.keys for collision in verdict.collisions] == [(key(job="j"),)]
    with_help = f"# HELP {name} Total HTTP requests processed by the Pushgateway, excluding scrapes.\n{body}"
    assert gateway.put(with_help, job="j").accepted
    assert gateway.put("a 1\n", job="k").accepted


def test_labels_that_cannot_be_exposed() -> None:
    gateway = Held()
    assert gateway.put('a{__x="1"} 1\n', job="j").error == (
        f'collected metric "a" {{ label:{{name:"__x"  value:"1"}}  {J}  untyped:{{value:1}}}} '
        "has a label with an invalid name: __x"
    )
    verdict = gateway.put('# TYPE s summary\ns{quantile="0.5"} 1\n', job="j", quantile="1")
    assert verdict.error is not None
    assert verdict.error.endswith('must not have an explicit "quantile" label')
    assert [(each.reason, each.keys) for each in verdict.collisions] == [("label", ())]


def test_grouping_value_is_not_utf8() -> None:
    gateway = Held()
    verdict = gateway.put("a 1\n", job=b"\xff")
    assert verdict.error is not None
    first, *errors = verdict.error.split("\n* ")
    assert first == "3 error(s) occurred:"
    assert errors[0] == (
        'collected metric "a" { label:{name:"instance"  value:""}  label:{name:"job"  value:"\\xff"}  '
        'untyped:{value:1}} has a label named "job" whose value is not utf8: "\\xff"'
    )


def test_existing_conflicts_are_reported_first() -> None:
    gateway = Held()
    gateway.put("", job=b"\xff")
    verdict = gateway.put("z 1\nz 1\n", job="j")
    assert verdict.error is not None
    assert verdict.error.startswith("3 error(s) occurred:\n* ")
    assert [collision.reason for collision in verdict.collisions] == ["label", "label", "duplicate"]
    assert [collision.keys for collision in verdict.collisions] == [(key(job=b"\xff"),), (key(job=b"\xff"),), ()]


def test_gauge_histograms_and_histograms_may_share_a_name() -> None:
    gateway = Held()
    gateway.put("# TYPE h histogram\nh_count 1\n", job="j")
    assert gateway.put("# TYPE h gaugehistogram\nh_count 1\n", job="k").accepted


def test_type_without_samples_counts_as_declared() -> None:
    """The original accepts or refuses this by the order of a map; here it is refused always."""
    gateway = Held()
    gateway.put("# TYPE a gauge\na 1\n", job="j")
    verdict = gateway.store.push(key(job="k"), _empty_counter(), replace=True)
    assert verdict.error == f'collected metric "a" {{ {J}  gauge:{{value:1}}}} is not a COUNTER'


def _empty_counter() -> Parsed:
    return protobuf.parse(b"\x05\x0a\x01a\x18\x00", {b"job": b"k"})


def test_unchecked_pushes_are_always_stored() -> None:
    gateway = Held()
    gateway.put("a 1\n", job="j")
    assert gateway.put("# TYPE a gauge\na 1\na 2\n", check=False, job="k").accepted
    assert gateway.put("b 1\n", job="l").accepted is False
    assert gateway.put("a 1\n", check=False, job="k").accepted
    assert gateway.put("b 1\n", job="l").accepted
