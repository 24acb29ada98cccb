"""Every configuration of ``configs/`` through promtool and through us: the same verdict, promtool's words in ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import peers
from tests.prometheus.promtool import all_cases, disagreement, load_in, promtool, write

pytestmark = pytest.mark.conformance

CASES = all_cases()


def test_there_are_enough() -> None:
    assert len(CASES) >= 400
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("version", "binary"), [("3.5", peers.promtool_binary), ("2.53", peers.promtool_2_binary)])
def test_same_verdict_and_words(tmp_path: Path, version: str, binary: object) -> None:
    tool = binary()  # type: ignore[operator]

    def ask(number: int) -> list[str]:
        return promtool(tool, write(CASES[number], tmp_path / str(number)))

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, range(len(CASES))))
    different = {}
    for number, case in enumerate(CASES):
        reason = disagreement(answers[number], load_in(tmp_path / str(number), version=version))
        if reason:
            different[case.name] = reason
    assert different == {}
    assert 100 < sum(1 for answer in answers if answer) < len(CASES) - 100


def test_without_files_as_syntax_only(tmp_path: Path) -> None:
    tool = peers.promtool_binary()
    different = {}
    for number, case in enumerate(case for case in CASES if case.files or "files" in case.text):
        folder = tmp_path / str(number)
        theirs = promtool(tool, write(case, folder), "--syntax-only")
        reason = disagreement(theirs, load_in(folder, version="3.5", files=False))
        if reason:
            different[case.name] = reason
    assert different == {}
