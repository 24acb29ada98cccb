"""``--pushgateway-summary``: one table for the run, also over xdist's workers."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

TESTS = """
    from application import send

    def test_one(pushgateway):
        send(pushgateway)
        send(pushgateway, "backup_bytes x\\n")
        pushgateway.assert_rejected()
        pushgateway.reset()
        send(pushgateway)
        send(pushgateway, method="DELETE")

    def test_two(pushgateway, make_pushgateway):
        send(pushgateway)
        send(make_pushgateway())

    def test_none():
        pass
"""


@pytest.mark.parametrize("arguments", [pytest.param(("-n", "2"), marks=pytest.mark.workers), ()])
def test_summary_table(project: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    project.makepyfile(test_it=TESTS)
    result = project.runpytest("--pushgateway-summary", "-W", "error", *arguments)

    result.assert_outcomes(passed=3)
    result.stdout.re_match_lines(
        [
            r"=+ pushgateway summary =+",
            r"test +pushes +rejected +deletions +bytes +slowest push",
            r"test_it.py::test_one +3 +1 +1 +45 +\d+\.\d ms",
            r"test_it.py::test_two +2 +0 +0 +30 +\d+\.\d ms",
            r"2 tests +5 +1 +1 +75 +\d+\.\d ms",
        ],
        consecutive=True,
    )


def test_no_summary_by_default(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TESTS)
    result = project.runpytest()

    result.stdout.no_fnmatch_line("*pushgateway summary*")


def test_summary_of_run_without_pushes(project: pytest.Pytester) -> None:
    project.makepyfile("def test_none(): pass")
    result = project.runpytest("--pushgateway-summary")

    result.stdout.fnmatch_lines(["0 tests  *0 *0 *0 *0 *0.0 ms"])
