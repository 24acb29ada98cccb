"""Rule files through promtool and through us: the same verdict, and promtool's words but for expressions.

``PUSHGATEWAY_RULE_MUTANTS`` is the number of mutants for each version (default 100).
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import peers
from tests.prometheus.mutation import Mutator
from tests.prometheus.promtool import load_in, read_cases

pytestmark = pytest.mark.conformance

pytest.importorskip("promql_parser", reason="judges expressions")

CASES = read_cases(Path(__file__).with_name("rule_cases.txt"))
COUNT = int(os.environ.get("PUSHGATEWAY_RULE_MUTANTS", "100"))
BOTH = pytest.mark.parametrize(
    ("version", "binary"), [("3.5", peers.promtool_binary), ("2.53", peers.promtool_2_binary)]
)


def ask(binary: Path, folder: Path) -> list[str]:
    """Return promtool's lines about ``rules.yml``, with their positions."""
    done = subprocess.run(
        [str(binary), "check", "config", "prometheus.yml"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    if done.returncode == 0 or "duplicate rule(s) found" in done.stdout:
        return []
    failures = done.stdout.partition("FAILED:\n")[2]
    assert failures, done.stdout
    return [line.strip() for line in failures.splitlines() if line.strip() and not line.endswith("unmarshal errors:")]


def write(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "prometheus.yml").write_text("rule_files: [rules.yml]\n", encoding="utf-8")
    (folder / "rules.yml").write_text(text, encoding="utf-8")


def compare(binary: Path, folder: Path, version: str) -> tuple[str, bool]:
    """Return where promtool and we differ, and whether that is the verdict."""
    theirs = ask(binary, folder)
    config = load_in(folder, version=version)
    ours = [one for one in config.problems if one.severity == "error"]
    words = {re.sub(r"^rules\.yml: ", "", one.promtool or "").strip() for one in ours}
    report = f"promtool: {theirs}\nours: {[str(one) for one in ours]} {sorted(words)}\nnot judged: {config.unjudged}"
    if bool(theirs) != bool(ours):
        return ("" if theirs and config.unjudged else report), True
    lines = {re.sub(r"^rules\.yml: ", "", line) for line in theirs if "could not parse expression" not in line}
    missing = lines - words
    # The types of the second decoding, which 3.x makes to find places.
    missing = {line for line in missing if not re.search(r"(Rule|RuleGroup|yaml\.)Node$|ruleGroups$", line)}
    return (f"{report}\nmissing: {missing}" if missing else ""), False


@BOTH
def test_rule_files_get_the_same_verdict_and_words(tmp_path: Path, version: str, binary: Callable[[], Path]) -> None:
    different = {}
    for number, case in enumerate(CASES):
        write(tmp_path / str(number), case.text)
        reason, _ = compare(binary(), tmp_path / str(number), version)
        if reason:
            different[case.name] = reason
    assert different == {}


@BOTH
def test_mutants_of_rule_files_get_the_same_verdict(tmp_path: Path, version: str, binary: Callable[[], Path]) -> None:
    documents = []
    for case in CASES:
        try:
            documents.append(yaml.safe_load(case.text))
        except yaml.YAMLError:
            continue
    mutator = Mutator(5, [one for one in documents if isinstance(one, dict) and one.get("groups")])
    randomness = random.Random(5)
    verdicts: list[str] = []
    words: list[str] = []
    for number in range(COUNT):
        text = yaml.safe_dump(mutator.mutant(), sort_keys=False, allow_unicode=True, width=randomness.choice((40, 200)))
        write(tmp_path / str(number), text)
        reason, is_verdict = compare(binary(), tmp_path / str(number), version)
        if reason:
            (verdicts if is_verdict else words).append(f"{text}\n{reason}")
    assert verdicts == []
    assert len(words) <= COUNT // 50, "\n".join(words)
