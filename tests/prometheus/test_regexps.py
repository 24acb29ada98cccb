"""Regular expressions as Go reads them: with google-re2, and what is left without it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from pytest_pushgateway import load
from pytest_pushgateway.golang import regexp as regexps
from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged, compile_relabel, is_common, matches, validate


@pytest.fixture
def without_re2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def clear() -> None:
        for cached in (regexps.validate, regexps.compile_relabel):
            cached.cache_clear()

    clear()
    monkeypatch.setattr(regexps, "_re2", lambda: None)
    yield
    clear()


COMMON = [
    "a",
    "(.*)",
    "([^:]+):.*",
    "a|b",
    r"\d+\.\w*",
    "[a-z_]+",
    "__meta_(.+)",
    "(?P<n>a)x",
    "^a$",
    "a{2,3}?",
    "",
    "é",
    "[]a]",
]
UNCOMMON = [
    r"\s",
    r"\z",
    "(?i)a",
    "[[:alpha:]]",
    "a{,2}",
    "(a*)*",
    "$a",
    r"\p{Greek}",
    "(a{100}){100}",
    "a$b",
    "(?<n>a)",
]


@pytest.mark.parametrize("pattern", COMMON)
def test_common_syntax_is_read_alike(pattern: str) -> None:
    assert is_common(pattern)
    validate(pattern)
    with_re2 = compile_relabel(pattern)
    for text in ("", "a", "aa", "b", "x:9", "12.a", "a\n", "\n", "__meta_x", "ax", "é", "]", "ab"):
        expected = re.search(rf"\A(?:{pattern})\Z", text, re.ASCII | re.DOTALL) is not None
        assert (with_re2.search(text) is not None) == expected == matches(pattern, text), text


@pytest.mark.parametrize("pattern", UNCOMMON)
def test_rest_needs_re2(pattern: str) -> None:
    assert not is_common(pattern)


def test_anchors_are_put_around_the_text() -> None:
    pattern = compile_relabel("a)|(b")
    assert pattern.search("ax")
    assert pattern.search("xb")
    assert not pattern.search("xax")


def test_dot_matches_newlines_since_3_0() -> None:
    assert matches("a.b", "a\nb")
    assert not matches("a.b", "a\nb", "2.53")
    assert compile_relabel("a.b").search("a\nb")
    assert not compile_relabel("a.b", "2.53").search("a\nb")


@pytest.mark.usefixtures("without_re2")
def test_without_re2_common_patterns_work() -> None:
    validate("([^:]+):.*")
    found = compile_relabel("([^:]+):.*").search("host:80")
    assert found.group(1) == "host"
    assert compile_relabel("(?P<n>a)").groupindex == {"n": 1}


@pytest.mark.usefixtures("without_re2")
@pytest.mark.parametrize("pattern", ["(?i)a", "(a", r"\z", r"\Q(?=a\E", "a**"])
def test_without_re2_the_rest_is_not_judged(pattern: str) -> None:
    with pytest.raises(Unjudged, match="cannot be judged without google-re2"):
        validate(pattern)
    with pytest.raises(Unjudged):
        compile_relabel(pattern)


@pytest.mark.usefixtures("without_re2")
@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?!a).*", "error parsing regexp: invalid or unsupported Perl syntax: `(?!`"),
        ("x(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
        ("(?<=a)b", "error parsing regexp: invalid named capture: `(?<=a)b)$`"),
        (r"\(?(?>a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?>`"),
    ],
)
def test_without_re2_look_around_is_refused_all_the_same(pattern: str, message: str) -> None:
    with pytest.raises(BadRegexp) as raised:
        validate(pattern)
    assert str(raised.value) == message


@pytest.mark.usefixtures("without_re2")
def test_without_re2_a_configuration_is_not_refused_for_it() -> None:
    text = "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - {regex: '(?i)x', target_label: y}\n"
    config = load(text=text)
    (problem,) = config.problems
    assert config.errors == []
    assert (problem.severity, problem.line, problem.column) == ("note", 4, 13)
    assert problem.message == "the regular expression '(?i)x' cannot be judged without google-re2"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?P<ä>a)", "invalid named capture: `(?P<ä>`"),
        ("(?<aä>a)", "invalid named capture: `(?<aä>`"),
        (r"\é", r"invalid escape sequence: `\é`"),
        (r"[a\é]", r"invalid escape sequence: `\é`"),
        (r"\Q(?P<ä>\E\C", r"invalid escape sequence: `\C`"),
        ("a{99999999999}", "invalid repeat count: `{99999999999}`"),
        ("a{2,99999999999}", "invalid repeat count: `{2,99999999999}`"),
    ],
)
def test_re2_only_syntax_is_rejected_like_go(pattern: str, message: str) -> None:
    with pytest.raises(BadRegexp) as raised:
        validate(pattern)
    assert str(raised.value) == f"error parsing regexp: {message}"


@pytest.mark.parametrize("pattern", [r"\Q\C\é\E", "[(?P<ä>{99999999999}]", r"\{99999999999}", r"\\\\C", "(?P<a>ä)"])
def test_similar_syntax_is_accepted(pattern: str) -> None:
    validate(pattern)


@pytest.mark.slow
def test_large_patterns_are_accepted_up_to_limit_of_go() -> None:
    validate(r"\pL{1000}")
    validate(r"(\pL{100}){10}")
    pattern = "((a{100}){10})" * 9000
    with pytest.raises(BadRegexp) as raised:
        validate(pattern)
    assert str(raised.value) == f"error parsing regexp: expression too large: `^(?s:{pattern})$`"


def test_common_syntax_compiles_in_both_engines() -> None:
    dice = random.Random(5)
    letters = r"ab()[]{}|*+?.^$\\dwbB-z2,:=!<Pn> é/_&~"
    patterns = {"".join(dice.choices(letters, k=dice.randint(1, 9))) for _ in range(20_000)}
    common = [pattern for pattern in patterns if is_common(pattern)]
    assert len(common) > 3_000
    for pattern in common:
        re.compile(pattern, re.ASCII)
        compile_relabel(pattern)


def test_deep_nesting_is_refused() -> None:
    validate("(" * 998 + ")" * 998)
    with pytest.raises(BadRegexp, match="expression nests too deeply"):
        validate("(" * 999 + ")" * 999)


RULES = [
    "{action: labeldrop, regex: '(?i)exported_.*'}",
    "{action: labelkeep, regex: '(?i)job|__.*'}",
    "{action: labelmap, regex: '(?i)exported_(.*)'}",
    "{action: keep, regex: '(?i)x'}",
    "{source_labels: [exported_job], regex: '(?i)(.+)', target_label: env}",
    "{source_labels: [__name__], regex: '(?i)push_.*', action: drop}",
]


@pytest.mark.usefixtures("without_re2")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("stage", ["relabel_configs", "metric_relabel_configs"])
@pytest.mark.parametrize("honor", ["true", "false"])
def test_no_lint_rule_claims_what_is_not_judged(rule: str, stage: str, honor: str) -> None:
    """The effect of a relabel rule is unknown: only that is reported, and findings that do not depend on it."""
    job = "honor_labels: {honor}\n  static_configs: [{targets: ['pushgateway:9091', 'pg:9091']}]\n"
    text = f"scrape_configs:\n- job_name: pushgateway\n  {job.replace('{honor}', honor)}"
    said = {problem.message for problem in load(text=text, files=False, lint="strict").problems}
    config = load(text=f"{text}  {stage}: [{rule}]\n", files=False, lint="strict")
    more = [problem for problem in config.problems if problem.message not in said]
    assert config.errors == []
    assert [problem.message for problem in more if "cannot be judged without google-re2" not in problem.message] == []
    assert more != []
