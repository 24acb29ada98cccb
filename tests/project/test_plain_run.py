"""A plain run of pytest leaves out what takes long, and spreads the rest over processes; anything asked for is run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.once]

CONFTEST = Path(__file__).parents[1] / "conftest.py"
MARKERS = ["slow", "conformance", "package", "browser", "once", "workers"]


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project whose tests are chosen as ours are."""
    pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\ntestpaths = ['tests']\nmarkers = {MARKERS}\n")
    tests = pytester.mkdir("tests")
    shutil.copy(CONFTEST, tests)
    body = "import pytest\n\n{mark}\n\ndef test_passes():\n    pass\n"
    (tests / "test_quick.py").write_text(body.format(mark=""), encoding="utf-8")
    (tests / "test_marked_module.py").write_text(body.format(mark="pytestmark = [pytest.mark.slow]"), encoding="utf-8")
    for mark in MARKERS[:-1]:
        text = body.format(mark=f"@pytest.mark.{mark}")
        (tests / f"test_{mark}.py").write_text(text.replace("\n\ndef", "\ndef"), encoding="utf-8")
    return pytester


QUICK = {"test_quick", "test_once"}
EVERYTHING = {"test_quick", "test_marked_module", *(f"test_{mark}" for mark in MARKERS[:-1])}


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], QUICK),
        (["tests"], EVERYTHING),
        (["tests/test_marked_module.py"], {"test_marked_module"}),
        (["-k", "passes"], EVERYTHING),
        (["-m", "slow"], {"test_slow", "test_marked_module"}),
        (["-m", "conformance"], {"test_conformance"}),
        (["-m", "not slow"], EVERYTHING - {"test_slow", "test_marked_module"}),
        (["-m", "not slow and not once"], EVERYTHING - {"test_slow", "test_marked_module", "test_once"}),
        (["-m", "slow or once"], {"test_slow", "test_marked_module", "test_once"}),
    ],
)
def test_tests_that_are_chosen(suite: pytest.Pytester, arguments: list[str], chosen: set[str]) -> None:
    done = suite.runpytest_subprocess("--collect-only", "-q", *arguments)

    assert {Path(line.partition("::")[0]).stem for line in done.outlines if "::" in line} == chosen


@pytest.mark.workers
@pytest.mark.parametrize(
    ("arguments", "passed", "spread"),
    [([], 2, True), (["-s"], 2, False), (["--setup-show"], 2, False), (["tests"], 7, False)],
)
def test_plain_run_is_spread_over_processes(
    suite: pytest.Pytester, arguments: list[str], passed: int, spread: bool
) -> None:
    pytest.importorskip("xdist")
    done = suite.runpytest_subprocess("-q", *arguments)

    done.assert_outcomes(passed=passed)
    assert ("bringing up nodes" in done.stdout.str()) is spread
