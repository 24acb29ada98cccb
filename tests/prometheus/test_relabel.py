"""The effect of a relabel rule on a label set."""

from __future__ import annotations

import pytest

from pytest_pushgateway.golang.regexp import BadRegexp
from pytest_pushgateway.prometheus.model import RelabelRule
from pytest_pushgateway.prometheus.scrape.relabel import LabelBuilder, Relabeler, Template, relabel, to_lower, to_upper


def after(labels: dict[str, str], *rules: RelabelRule, version: str = "3.5") -> dict[str, str] | None:
    found = relabel(labels.items(), rules, prometheus_version=version)
    return None if found is None else dict(found)


def test_replace_writes_the_expanded_replacement() -> None:
    rule = RelabelRule(source_labels=("__address__",), regex="([^:]+):(\\d+)", target_label="port", replacement="$2")
    assert after({"__address__": "pg:9091"}, rule) == {"__address__": "pg:9091", "port": "9091"}


def test_replace_without_a_match_changes_nothing() -> None:
    assert after({"a": "1"}, RelabelRule(source_labels=("a",), regex="2", target_label="b")) == {"a": "1"}


def test_empty_replacement_deletes() -> None:
    assert after({"a": "1", "b": "2"}, RelabelRule(target_label="b", replacement="")) == {"a": "1"}


def test_dollar_one_x_is_the_group_named_1x_and_gives_nothing() -> None:
    source = {"source_labels": ("a",), "target_label": "b"}
    assert after({"a": "1"}, RelabelRule(replacement="$1x", **source)) == {"a": "1"}
    assert after({"a": "1"}, RelabelRule(replacement="${1}x", **source)) == {"a": "1", "b": "1x"}


def test_invalid_target_name_is_left_out() -> None:
    rule = RelabelRule(source_labels=("a",), target_label="b_${1}", replacement="v")
    assert after({"a": "x-y"}, rule) == {"a": "x-y", "b_x-y": "v"}
    assert after({"a": "x-y"}, rule, version="2.53") == {"a": "x-y"}


def test_2_42_deletes_the_label_that_the_rule_names_literally() -> None:
    rule = RelabelRule(source_labels=("a",), target_label="b", replacement="$2")
    assert after({"a": "x", "b": "y"}, rule, version="2.42") == {"a": "x"}
    template = RelabelRule(source_labels=("a",), target_label="${1}", replacement="")
    assert after({"a": "c", "c": "y"}, template, version="2.42") == {"a": "c", "c": "y"}
    assert after({"a": "c", "c": "y"}, template) == {"a": "c"}


def test_dot_matches_newline_since_3() -> None:
    rule = RelabelRule(source_labels=("a",), regex="x.y", target_label="b", replacement="v")
    assert after({"a": "x\ny"}, rule) == {"a": "x\ny", "b": "v"}
    assert after({"a": "x\ny"}, rule, version="2.53") == {"a": "x\ny"}


def test_keep_and_drop() -> None:
    assert after({"job": "a"}, RelabelRule(action="keep", source_labels=("job",), regex="b")) is None
    assert after({"job": "a"}, RelabelRule(action="drop", source_labels=("job",), regex="a")) is None
    assert after({"job": "a"}, RelabelRule(action="keep", source_labels=("job",), regex="a|b")) == {"job": "a"}
    assert after({"job": "a"}, RelabelRule(action="drop", regex="a")) == {"job": "a"}


def test_keepequal_and_dropequal() -> None:
    same, other = {"a": "1", "b": "1"}, {"a": "1", "b": "2"}
    keep = RelabelRule(action="keepequal", source_labels=("a",), target_label="b")
    drop = RelabelRule(action="dropequal", source_labels=("a",), target_label="b")
    assert [after(same, keep), after(other, keep)] == [same, None]
    assert [after(same, drop), after(other, drop)] == [None, other]


def test_hashmod_is_the_end_of_the_md5() -> None:
    rule = RelabelRule(action="hashmod", source_labels=("a",), target_label="shard", modulus=1000)
    assert after({"a": "foo"}, rule) == {"a": "foo", "shard": "696"}


def test_labelmap_copies_and_the_last_one_wins() -> None:
    rule = RelabelRule(action="labelmap", regex="x_(.+)|y_(.+)", replacement="$1$2")
    assert after({"x_a": "1", "y_b": "2"}, rule) == {"x_a": "1", "y_b": "2", "a": "1", "b": "2"}
    assert after({"x_a": "1", "y_a": "2"}, rule) == {"x_a": "1", "y_a": "2", "a": "2"}


def test_labels_set_later_are_visited_later() -> None:
    labels = LabelBuilder({"x_a": "1", "y_a": "2"}.items())
    labels.set("x_a", "3")
    Relabeler([RelabelRule(action="labelmap", regex="._(.+)")]).process(labels)
    assert labels.get("a") == "3"
    assert list(labels) == [("y_a", "2"), ("x_a", "3"), ("a", "3")]
    assert len(labels) == 3


def test_labeldrop_and_labelkeep_see_every_name() -> None:
    labels = {"__name__": "up", "job": "a", "instance": "b"}
    assert after(labels, RelabelRule(action="labeldrop", regex="job|instance")) == {"__name__": "up"}
    assert after(labels, RelabelRule(action="labelkeep", regex="job")) == {"job": "a"}


def test_regex_can_break_out_of_its_anchors() -> None:
    rule = RelabelRule(action="labelmap", regex="a)|(b", replacement="X")
    assert after({"axx": "1"}, rule) == {"axx": "1", "Xxx": "1"}
    assert after({"xxb": "1"}, rule) == {"xxb": "1", "xxX": "1"}
    assert after({"ab": "1"}, rule) == {"ab": "1", "XX": "1"}


def test_case_is_mapped_rune_by_rune() -> None:
    assert to_upper("straße ŉ ᾳ") == "STRAßE ŉ ᾼ"
    assert to_lower("\u0130STANBUL \u0391\u03a3") == "istanbul \u03b1\u03c3"  # never the final sigma
    lower = RelabelRule(action="lowercase", source_labels=("a",), target_label="a")
    upper = RelabelRule(action="uppercase", source_labels=("a",), target_label="a")
    assert after({"a": "Foo"}, lower) == {"a": "foo"}
    assert after({"a": "Foo"}, upper) == {"a": "FOO"}


def test_steps_show_effect_of_each_rule() -> None:
    rules = [
        RelabelRule(source_labels=("a", "b"), target_label="c"),
        RelabelRule(action="labeldrop", regex="a"),
        RelabelRule(action="labelmap", regex="nothing"),
        RelabelRule(action="lowercase", source_labels=("b",), target_label="b"),
        RelabelRule(action="keepequal", source_labels=("b",), target_label="b"),
        RelabelRule(action="drop", source_labels=("b",), regex="y"),
        RelabelRule(action="labeldrop", regex="b"),
    ]
    for version in ("2.42", "3.5"):
        steps = Relabeler(rules, prometheus_version=version).steps(LabelBuilder({"a": "x", "b": "Y"}.items()))
        assert [(step.index, step.value, step.matched, step.changes, step.dropped) for step in steps] == [
            (0, "x;Y", True, [("c", None, "x;Y")], False),
            (1, "", True, [("a", "x", None)], False),
            (2, "", False, [], False),
            (3, "Y", True, [("b", "Y", "y")], False),
            (4, "y", True, [], False),
            (5, "y", True, [], True),
        ]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("$1", [1]),
        ("${1}x$name", [1, "name"]),
        ("$1x", ["1x"]),
        ("$$1", []),
        ("a$", []),
        ("${1", []),
        ("${}", []),
        ("$01", ["01"]),
        ("$0", [0]),
        ("$1234567890", ["1234567890"]),
    ],
)
def test_groups_named_in_template(text: str, groups: list[str | int]) -> None:
    assert Template(text).groups == groups


def test_bad_regex_is_rejected_in_words_of_go() -> None:
    with pytest.raises(BadRegexp, match="missing closing \\)"):
        Relabeler([RelabelRule(regex="(", target_label="a")])
