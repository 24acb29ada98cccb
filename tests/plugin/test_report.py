"""``--pushgateway-report``: a run as one file, whatever becomes of the run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.harness.supervisor import Supervisor, started
from pytest_pushgateway.plugin.report import page
from pytest_pushgateway.plugin.report.recorder import BODIES, BODY, FIRST, LATEST, RunRecorder
from pytest_pushgateway.recording import record

TESTS = """
    import pytest
    from application import send

    def test_passes(pushgateway):
        send(pushgateway)
        pushgateway.scrape()
        send(pushgateway, method="DELETE")

    def test_fails(pushgateway):
        send(pushgateway, "# TYPE a gauge\\na 1\\n")
        send(pushgateway, "# TYPE a counter\\na 1\\n", path="/metrics/job/other")
        send(pushgateway, "</script><script>alert(1)</script><!-- \\u2028".encode())
        pushgateway.assert_pushed("b")

    def test_meddles(pushgateway):
        with pushgateway.faults.error(503, times=1):
            send(pushgateway)
        pushgateway.clock.freeze(1_700_000_000)
        pushgateway.clock.advance(60)
        pushgateway.restart()

    @pytest.mark.parametrize("name", ["日本", "a/b::c", "</script>"])
    def test_named(make_pushgateway, pushgateway, name):
        send(make_pushgateway())
        send(pushgateway)
"""


def report_of(project: pytest.Pytester, *arguments: str) -> dict[str, Any]:
    """Run the project's tests and return the facts of the report."""
    usual = ("--pushgateway-report=run.json", "-p", "no:cacheprovider", "-W", "always")
    project.inline_run(*usual, *arguments, no_reraise_ctrlc=True)
    facts: dict[str, Any] = json.loads((project.path / "run.json").read_text())
    return facts


def by_name(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {test["id"].partition("::")[2]: test for test in facts["tests"]}


def events(test: dict[str, Any]) -> list[str]:
    return [mark["kind"] if "status" in mark else f"{mark['kind']} {mark['event']}" for mark in test["marks"]]


def test_marks_are_what_the_gateway_got(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TESTS)
    facts = report_of(project)

    assert (facts["format"], facts["version"], facts["exit_status"]) == ("pytest-pushgateway-report", 1, 1)
    assert facts["tests"][0]["id"].endswith("test_fails")
    assert (facts["counts"]["passed"], facts["counts"]["failed"]) == (5, 1)
    tests = by_name(facts)
    assert events(tests["test_passes"]) == ["life started", "push", "scrape", "delete"]
    assert events(tests["test_meddles"]) == [
        *("fault active", "push", "fault over", "clock set", "clock set", "life restarted", "clock running")
    ]
    failing = tests["test_fails"]
    assert [mark["status"] for mark in failing["marks"]] == [200, 400, 400]
    assert failing["marks"][1]["collides_with"] == [{"labels": [["job", "backup"]], "number": 1}]
    assert failing["marks"][1]["body"] == "# TYPE a counter\na 1\n"
    assert "expected b to have been pushed" in failing["failures"][0]["text"]
    assert len(failing["warnings"]) == 2
    assert [mark["gateway"] for mark in tests["test_named[</script>]"]["marks"][-2:]] == [3, 0]
    assert all(0 <= test["began"] <= facts["duration"] for test in facts["tests"])


def test_page_holds_everything_and_fetches_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TESTS)
    project.makeini("[pytest]\npushgateway_report =\n  run.html\n  run.json\n")
    result = project.runpytest("-p", "no:cacheprovider")

    result.stdout.fnmatch_lines([f"pushgateway report: {project.path / 'run.html'} (* kB)"])
    text = (project.path / "run.html").read_text(encoding="utf-8")
    assert text.count("</script>") == 3
    assert "<!--" not in text
    assert "\u2028" not in text
    assert "default-src 'none'" in text
    assert "{{" not in text
    assert [word for word in ("src=", "@import", ": url(", " fetch(") if word in text] == []
    data = text.partition('id="facts">')[2].partition("</script>")[0]
    assert {test["id"] for test in json.loads(data)["tests"]} == {
        test["id"] for test in json.loads((project.path / "run.json").read_text())["tests"]
    }


def test_passwords_are_not_written(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_it(make_pushgateway):
            make_pushgateway(basic_auth=("user", "hunter2")).push("a 1\\n", job="b")
        """
    )
    (mark,) = report_of(project, "--pushgateway-report=run.html")["tests"][0]["marks"][1:]

    assert ["Authorization", "(hidden)"] in mark["headers"]
    assert [name for name, _ in mark["headers"] if "Origin" in name] == []
    for name in ("run.html", "run.json"):
        assert "dXNlcjpodW50ZXIy" not in (project.path / name).read_text(encoding="utf-8")


@pytest.mark.workers
@pytest.mark.slow
def test_one_file_for_all_workers(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TESTS)
    facts = report_of(project, "-n", "2")

    assert facts["workers"] == ["gw0", "gw1"]
    assert len(facts["tests"]) == 6
    assert facts["counts"]["failed"] == 1
    assert {test["worker"] for test in facts["tests"]} == {"gw0", "gw1"}
    assert len({gateway["url"] for gateway in facts["gateways"]}) == len(facts["gateways"])
    assert events(by_name(facts)["test_passes"])[-3:] == ["push", "scrape", "delete"]


@pytest.mark.workers
@pytest.mark.slow
def test_crashed_worker(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import os

        def test_before(pushgateway):
            pushgateway.push("a 1\\n", job="b")

        def test_crashes(pushgateway):
            os._exit(3)
        """
    )
    facts = report_of(project, "-n", "1")

    crashed, before = facts["tests"]
    assert (crashed["id"].partition("::")[2], crashed["outcome"], crashed["worker"]) == (
        "test_crashes",
        "crashed",
        "gw0",
    )
    assert "push" in events(before)
    assert facts["problems"][0].startswith("worker gw0 ended while it ran a test")


RERUNS = """
    from _pytest.runner import runtestprotocol

    attempts = []

    def pytest_runtest_protocol(item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for last in (False, True):
            item._initrequest()
            for report in runtestprotocol(item, nextitem=nextitem, log=False):
                if report.failed and not last:
                    report.outcome = "rerun"
                item.ihook.pytest_runtest_logreport(report=report)
                if report.outcome == "rerun":
                    break
            else:
                break
        return True
"""


def test_reruns_are_attempts(project: pytest.Pytester) -> None:
    """As pytest-rerunfailures does it: it reports an attempt after all its phases, and leaves out the last."""
    project.makeconftest(RERUNS)
    project.makepyfile(
        """
        attempts = []

        def test_flaky(pushgateway):
            attempts.append(1)
            pushgateway.push(f"a {len(attempts)}\\n", job="b")
            assert len(attempts) > 1
        """
    )
    facts = report_of(project)

    assert [(test["outcome"], test["attempt"], test["attempts"]) for test in facts["tests"]] == [
        ("rerun", 1, 2),
        ("passed", 2, 2),
    ]
    assert [test["marks"][-1]["body"] for test in facts["tests"]] == ["a 1\n", "a 2\n"]
    assert "assert 1 > 1" in facts["tests"][0]["failures"][0]["text"]


@pytest.mark.parametrize(
    ("last", "problem", "outcome", "status"),
    [
        ("raise KeyboardInterrupt", "the run was interrupted: KeyboardInterrupt", "unfinished", 2),
        ("import pytest; pytest.exit('enough')", "the run was interrupted: enough", "unfinished", 2),
        ("assert 0  # -x", "the run ended early: stopping after 1 failures", "failed", 1),
    ],
)
def test_run_that_ends_early(project: pytest.Pytester, last: str, problem: str, outcome: str, status: int) -> None:
    project.makepyfile(
        f"""
        def test_push(pushgateway):
            pushgateway.push("a 1\\n", job="b")
            {last}

        def test_never_runs(): pass
        """
    )
    facts = report_of(project, "-x")

    assert facts["problems"] == [problem]
    assert facts["exit_status"] == status
    (test,) = facts["tests"]
    assert test["outcome"] == outcome
    assert "push" in events(test)


def test_internal_error_and_collection_errors_are_problems(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        def pytest_runtest_protocol(item):
            raise ValueError("a plugin failed")
        """
    )
    project.makepyfile(test_broken="import nothing_of_that_name", test_fine="def test_it(): pass")
    facts = report_of(project, "--continue-on-collection-errors")

    broken, internal = facts["problems"]
    assert broken.startswith("test_broken.py could not be collected\n")
    assert internal.startswith("INTERNALERROR of pytest; the run ended early\n")
    assert "a plugin failed" in internal
    assert facts["exit_status"] == 3


def test_frozen_clocks_do_not_reach_the_times(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import freezegun
        import pytest

        @pytest.fixture
        def frozen():
            with freezegun.freeze_time("2020-01-01"):
                yield

        def test_it(frozen, pushgateway):
            pushgateway.push("a 1\\n", job="b")
        """
    )
    (test,) = report_of(project)["tests"]

    assert sorted(test["phases"]) == ["call", "setup", "teardown"]
    assert all(0 <= seconds <= test["duration"] for seconds in test["phases"].values())
    assert 0 <= test["marks"][-1]["at"] - test["began"] <= test["duration"]


def test_run_without_gateway(project: pytest.Pytester) -> None:
    project.makepyfile("def test_none(): pass\n\ndef test_other(): pass\n")
    facts = report_of(project, "-k", "none")

    assert facts["gateways"] == []
    assert facts["deselected"] == 1
    assert [test["marks"] for test in facts["tests"]] == [[]]


def test_late_push_belongs_to_the_test_it_came_in(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import pytest
        from application import send

        gateways = []

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logfinish(nodeid):
            if "early" in nodeid:
                send(gateways[0], "late 1\\n")
        """
    )
    project.makepyfile(
        """
        from conftest import gateways

        def test_early(pushgateway):
            gateways.append(pushgateway)
            pushgateway.push("a 1\\n", job="b")

        def test_later(pushgateway): pass
        """
    )
    tests = by_name(report_of(project))

    assert [mark["body"] for mark in tests["test_early"]["marks"] if mark["kind"] == "push"] == ["a 1\n", "late 1\n"]
    assert tests["test_later"]["marks"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_link_stays_a_link(project: pytest.Pytester) -> None:
    published = project.mkdir("published") / "run.json"
    (project.path / "run.json").symlink_to(published)
    project.makepyfile("def test_none(): pass")
    report_of(project)

    assert (project.path / "run.json").is_symlink()
    assert published.is_file()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("run.txt", "'*run.txt' must end in .html or .json, not '.txt'; rename the file"),
        ("nowhere/run.html", "the directory '*nowhere' does not exist; create it first"),
        ("folder.html", "'*folder.html' is a directory; name a file in it"),
    ],
)
def test_file_that_cannot_be_written_is_a_usage_error(project: pytest.Pytester, name: str, reason: str) -> None:
    project.makepyfile("def test_none(): pass")
    project.mkdir("folder.html")
    result = project.runpytest(f"--pushgateway-report={name}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --pushgateway-report: {reason}"])
    result.stdout.no_fnmatch_line("*1 passed*")


def test_folder_that_is_lost_during_the_run_is_reported(project: pytest.Pytester) -> None:
    folder = project.mkdir("artefacts")
    project.makepyfile(f"import os\n\ndef test_it(): os.rmdir({str(folder)!r})\n")
    result = project.runpytest("--pushgateway-report=artefacts/run.html")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"pushgateway report: {folder / 'run.html'} could not be written: *"])


def test_nothing_is_written_where_no_test_is_run(project: pytest.Pytester) -> None:
    project.makepyfile("def test_none(): pass")
    (project.path / "run.json").write_text("kept")
    for option in ("--collect-only", "--fixtures"):
        project.runpytest("--pushgateway-report=run.json", option)

    assert (project.path / "run.json").read_text() == "kept"
    assert [path.name for path in project.path.iterdir() if path.name.startswith(".run")] == []


@pytest.mark.slow
def test_report_is_not_imported_without_its_option(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import sys

        def test_it(pushgateway):
            assert [name for name in sys.modules if name.startswith("pytest_pushgateway.plugin.report")] == []
        """
    )
    project.run(sys.executable, "-m", "pytest").assert_outcomes(passed=1)


@pytest.fixture
def recorder() -> Iterator[RunRecorder]:
    recorder = RunRecorder(started)
    before = record(recorder)
    recorder.begin("test_it.py::test_it")
    yield recorder
    record(before)


def test_long_bodies_are_cut_and_many_are_left_out(recorder: RunRecorder) -> None:
    with Pushgateway() as gateway:
        for number in range(BODIES // BODY + 2):
            gateway.push(f"# {number}{'x' * BODY}\na 1\n", job="b")
        gateway.push("b 1\n", job="b")
    marks = [mark for mark in recorder.take()["marks"] if mark["kind"] == "push"]

    assert {len(mark["body"]) for mark in marks if mark["body"]} == {BODY}
    assert [mark.get("left_out", False) for mark in marks] == [False] * (BODIES // BODY) + [True] * 3
    assert all(mark["cut"] for mark in marks[:-1])
    assert marks[0]["size"] > BODY


def test_middle_of_very_many_events_is_left_out(recorder: RunRecorder) -> None:
    with Pushgateway() as gateway:
        for number in range(FIRST + LATEST + 10):
            recorder(gateway.clock, "clock", float(number))
    taken = recorder.take()

    assert taken["left_out"] == 11  # one is the start
    assert [mark["clock"] for mark in taken["marks"][-2:]] == [1008.0, 1009.0]
    assert len(taken["marks"]) == FIRST + LATEST


def test_recorder_keeps_no_gateway_alive(recorder: RunRecorder) -> None:
    with Pushgateway() as gateway:
        gateway.push("a 1\n", job="b")
    recorder.take()
    import gc
    import weakref

    gone = weakref.ref(gateway._gateway)
    del gateway
    gc.collect()
    assert gone() is None


def test_gateway_that_starts_meanwhile_is_found_later(recorder: RunRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def changing() -> list[Supervisor]:
        raise RuntimeError("Set changed size during iteration")

    monkeypatch.setattr(recorder, "_gateways", changing)
    with Pushgateway() as gateway:
        gateway.push("a 1\n", job="b")
        monkeypatch.undo()
        gateway.push("b 1\n", job="b")
        gateway.assert_no_rejections()

    assert [mark["gateway"] for mark in recorder.take()["marks"]] == [-1, -1, 0]


def test_json_data_is_safe_in_markup() -> None:
    text = page.as_data({"a": "</script>&<!--\u2028", "b": "\udc80"})

    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": "</script>&<!--\u2028", "b": "\udc80"}


def test_earlier_file_stays_whole_if_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: pytest.Pytester
) -> None:
    (project.path / "run.json").write_text("kept")
    project.makepyfile(
        """
        def test_it(): pass
        """
    )

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    result = project.runpytest("--pushgateway-report=run.json", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*could not be written: *No space*"])

    assert (project.path / "run.json").read_text() == "kept"
    assert [path.name for path in project.path.iterdir() if path.name.startswith(".run")] == []
