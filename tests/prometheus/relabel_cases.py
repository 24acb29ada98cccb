"""Random relabel rules and label sets, and what promtool makes of them.

The trick: promtool answers for targets only, so every label set becomes its own static target (its address tells
it apart), and the rules go under ``relabel_configs``. Three rules at the end put back what a target cannot be without.
"""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

from pytest_pushgateway.prometheus.model import RelabelRule

NAMES = ["a", "b", "c", "job", "instance", "env", "exported_job", "__name__", "__tmp_x", "A_1", "param_x"]
VALUES = [
    "", "a", "b", "ab", "a;b", "foo", "Foo-Bar", "prod.eu", "10.0.0.1:9091", "ß", "ŉ", "İi", "ᾳᾈ", "ﬁx", "日本", "ΑΣ",
    "x\ny", " ", "$1", "1", "up", "a\\b", "\"q\"", "ǆǅ", "é", "Ა",
]  # fmt: skip
REGEXES = [
    "(.*)", "", ".*", ".+", "(a|b)(.*)", "([^:]+)(?::\\d+)?", "a", "foo|Foo-(Bar)", "(?P<first>.)(?P<rest>.*)",
    "[a-z]+",
    "(?i)FOO(.*)", "\\w+", "__(.+)", "(.)(.)?(.)?", "a)|(b", "(job|instance)",
    "exported_(.*)", "\\p{Greek}+", "[[:alpha:]]+",
    "x.y", "(x)\\s(y)", "(ab?)+", "a|ab", "(a*)(a*)", "param_(.+)", "\\Qa;b\\E", ".*ß.*", "[^a]*",
]  # fmt: skip
REPLACEMENTS = [
    "$1", "", "new", "$2-$1", "${1}x", "$1x", "$$1", "$", "${first}_$rest", "$0", "${01}", "$9", "${", "${1", "a$",
    "$é",
    "${2}${3}", "$rest", "é$1",
]  # fmt: skip
TARGETS = ["a", "b", "new", "job", "instance", "__tmp_y", "${1}", "x_$1", "${1}_${2}", "$first"]
SEPARATORS = [";", ";", "", "-", "é"]


def random_rule(rng: random.Random, *, legacy: bool) -> RelabelRule:
    action = rng.choice(
        ["replace"] * 6
        + ["keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labelmap", "labeldrop", "labelkeep"]
        + ["lowercase", "uppercase"]
    )
    values: dict[str, Any] = {"action": action}
    if action not in ("labelmap", "labeldrop", "labelkeep"):
        values["source_labels"] = tuple(rng.sample(NAMES, rng.choice([0, 1, 1, 1, 2, 3])))
    if action not in ("labeldrop", "labelkeep", "keepequal", "dropequal") and rng.random() < 0.4:
        values["separator"] = rng.choice(SEPARATORS)
    if action not in ("keepequal", "dropequal", "lowercase", "uppercase", "hashmod") and rng.random() < 0.85:
        values["regex"] = rng.choice(REGEXES)
    if action == "replace":
        values["target_label"] = rng.choice(TARGETS)
        if rng.random() < 0.8:
            values["replacement"] = rng.choice(REPLACEMENTS)
    elif action in ("keepequal", "dropequal", "hashmod", "lowercase", "uppercase"):
        values["target_label"] = rng.choice([target for target in TARGETS if "$" not in target])
    if action == "hashmod":
        values["modulus"] = rng.choice([1, 2, 10, 1000, 2**64 - 1])
    if action == "labelmap":
        values["replacement"] = rng.choice(["$1", "m_$1", "${1}_y", "$0"] if legacy else REPLACEMENTS[3:])
    if action in ("labeldrop", "labelkeep") and "regex" not in values:
        values["regex"] = "a|b"
    return RelabelRule(**values)


def random_labels(rng: random.Random) -> dict[str, str]:
    return {name: rng.choice(VALUES) for name in rng.sample(NAMES, rng.randint(0, 6))}


SAFEGUARDS = [
    RelabelRule(target_label="__address__", replacement="h:1", regex=".*"),
    RelabelRule(target_label="__scrape_interval__", replacement="1m", regex=".*"),
    RelabelRule(target_label="__scrape_timeout__", replacement="10s", regex=".*"),
]


def as_yaml(rule: RelabelRule) -> dict[str, Any]:
    written = dict(rule._values())
    if "source_labels" in written:
        written["source_labels"] = list(written["source_labels"])
    return written


def ask_promtool(
    promtool: Path, directory: Path, rules: list[RelabelRule], cases: list[dict[str, str]]
) -> list[dict[str, Any]]:
    """Return promtool's ``{"discoveredLabels": ..., "labels": ...}`` for every case, in order."""
    job = {
        "job_name": "j",
        "relabel_configs": [as_yaml(rule) for rule in rules],
        "static_configs": [
            {"targets": [f"case-{number}:9091"], "labels": labels} for number, labels in enumerate(cases)
        ],
    }
    path = directory / "relabel.yml"
    path.write_text(json.dumps({"scrape_configs": [job]}), encoding="utf-8")
    answers: dict[str, Any] = {}
    for timeout in ("50ms", "1s", "20s"):  # promtool always waits this long, and its discovery may need longer
        done = subprocess.run(
            [promtool, "check", "service-discovery", f"--timeout={timeout}", path, "j"],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode() + done.stdout.decode() + path.read_text()
        for answer in json.loads(done.stdout):
            answers[answer["discoveredLabels"]["__address__"]] = answer
        if len(answers) == len(cases):
            break
    assert len(answers) == len(cases), f"promtool answered for {len(answers)} of {len(cases)} targets"
    return [answers[f"case-{number}:9091"] for number in range(len(cases))]
