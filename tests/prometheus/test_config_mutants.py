"""Mutants of configurations of every section and discovery, through promtool and through us.

``PUSHGATEWAY_MUTANTS`` is how many for each version (default 300), ``PUSHGATEWAY_MUTANTS_SEED`` seeds them, and
``PUSHGATEWAY_MUTANTS_OF`` names a folder of configurations to mutate instead of ``every_section.txt``.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import peers
from tests.prometheus.mutation import Mutator
from tests.prometheus.promtool import failure_lines, load_in, read_cases

pytestmark = pytest.mark.conformance

COUNT = int(os.environ.get("PUSHGATEWAY_MUTANTS", "300"))
SEED = int(os.environ.get("PUSHGATEWAY_MUTANTS_SEED", "1"))
FOLDER = os.environ.get("PUSHGATEWAY_MUTANTS_OF", "")
BATCH = 50

LACKS = {
    "3.5": ("azure", "consul", "ecs", "kuma", "nomad", "openstack", "stackit"),
    "2.53": ("azure", "consul", "ecs", "kuma", "nomad", "openstack", "stackit"),
}
"""The discoveries that Debian's builds leave out."""
CASES = read_cases(Path(__file__).with_name("every_section.txt"))


def documents(version: str) -> list[Any]:
    """Return the configurations to mutate, without what the oracle of ``version`` lacks."""
    found = [yaml.safe_load(case.text) for case in CASES]
    if FOLDER:
        paths = sorted(Path(FOLDER).rglob("*.y*ml"))
        found = [part for path in paths for part in parts(yaml.safe_load(path.read_text(encoding="utf-8")))]
    lacking = [f"{name}_sd_configs:" for name in LACKS[version]] + ["azuread:", "google_iam:"]
    if version == "2.53":
        lacking.append("otlp:")
    return [one for one in found if not any(name in yaml.safe_dump(one) for name in lacking)]


def parts(document: Any) -> list[Any]:
    """Return a configuration for each job of ``document``, and one for each of the other sections."""
    if not isinstance(document, dict):
        return []
    jobs = document.get("scrape_configs") or ()
    others = [{key: value} for key, value in document.items() if key != "scrape_configs"]
    return [{"scrape_configs": [job]} for job in jobs] + others


def ask(binary: Path, folder: Path, count: int) -> list[list[str]]:
    """Return what promtool finds wrong with each file of ``folder``, without looking at other files.

    Many files take hardly longer than one. After a crash each file of the batch is asked about again.
    """
    answers: list[list[str]] = []
    for first in range(0, count, BATCH):
        names = [f"{number}/prometheus.yml" for number in range(first, min(first + BATCH, count))]
        output = _run(binary, folder, names)
        if "panic: " in output:
            answers += [_answer(_run(binary, folder, [name]), name) for name in names]
        else:
            parts = re.split(r"^Checking (\S+)\n", output, flags=re.MULTILINE)[1:]
            assert parts[::2] == names, output
            answers += [_answer(text, name) for name, text in zip(names, parts[1::2], strict=True)]
    return answers


def _run(binary: Path, folder: Path, names: Sequence[str]) -> str:
    return subprocess.run(
        [str(binary), "check", "config", "--syntax-only", *names],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true"},
        timeout=300,
        check=False,
    ).stdout


def _answer(output: str, name: str) -> list[str]:
    if "panic: " in output:
        return ["panic"]
    return failure_lines(output, name) if "  FAILED: " in output and "is valid prometheus" not in output else []


def folded(line: str) -> str:
    """Return a line of promtool's without what Debian has patched: which of the authentications it names."""
    return re.sub(r"(oauth2), .*(parameter|must be configured)", r"\1 \2", line)


@pytest.mark.parametrize(("version", "binary"), [("3.5", peers.promtool_binary), ("2.53", peers.promtool_2_binary)])
def test_mutants_get_the_same_verdict_and_words(tmp_path: Path, version: str, binary: Callable[[], Path]) -> None:
    tool = binary()
    mutator = Mutator(SEED, documents(version))
    for number in range(COUNT):
        (tmp_path / str(number)).mkdir()
        text = yaml.safe_dump(mutator.mutant(), sort_keys=False, allow_unicode=True)
        (tmp_path / str(number) / "prometheus.yml").write_text(text, encoding="utf-8")
    answers = ask(tool, tmp_path, COUNT)
    unlike, silent, refused, other_words = [], [], [], []
    both = 0
    for number, theirs in enumerate(answers):
        config = load_in(tmp_path / str(number), version=version, files=False)
        ours = {folded(one.promtool or one.message) for one in config.problems if one.severity == "error"}
        report = f"{config.text.decode()}\npromtool: {theirs}\nours: {sorted(ours)}\nnot judged: {config.unjudged}\n"
        if bool(ours) != bool(theirs):
            unlike.append(report)
            if theirs and not config.unjudged:
                silent.append(report)
            elif ours:
                refused.append(report)
        elif theirs and theirs != ["panic"]:
            both += 1
            if not ours.issuperset(map(folded, theirs)):
                other_words.append(report)
    print(f"{COUNT} mutants, {both} refused by both, {len(unlike)} unlike, {len(other_words)} in other words")
    assert silent == []
    assert refused == []
    assert len(unlike) <= COUNT // 20, "\n".join(unlike)
    assert len(other_words) <= both // 50, "\n".join(other_words)
    assert COUNT // 5 < both < COUNT
