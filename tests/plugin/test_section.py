"""The section of a failing test about the gateways, on the terminal and in JUnit XML."""

from __future__ import annotations

import pytest

FAILING = """
    from application import send

    def test_fails(pushgateway, make_pushgateway):
        pushgateway.push("# TYPE backup_bytes gauge\\nbackup_bytes 1\\n", job="nightly")
        pushgateway.faults.delay(0, methods="DELETE")
        send(pushgateway)
        send(pushgateway, "backup_files 3\\n")
        send(pushgateway, method="DELETE")
        with pushgateway.faults.error(503):
            send(pushgateway)
        make_pushgateway()
        with pushgateway.faults.refuse():
            assert False, "as it must"
"""

LINES = [
    "*- pushgateway -*",
    "http://127.0.0.1:* (running): 4 pushes and one other request in this test",
    '  push 1 (PUT job="nightly"), sent by the test itself, answered 200: backup_bytes',
    '  push 2 (PUT job="backup") was answered 400: collected metric "backup_bytes" *',
    '    backup_bytes is of type untyped here, of type gauge in what push 1 (PUT job="nightly") (sent by the test '
    "itself) brought, * s before",
    '  push 3 (PUT job="backup"), answered 200: backup_files',
    '  push 4 (PUT job="backup"), answered 503 (fault error(503)): nothing stored',
    '  delete 1 (DELETE job="backup"), answered 202 (fault delay(0)): matched a group',
    "  Fault error(503), over, 1 hit",
    "  Fault refuse(), over",
    "  Fault delay(0), active, 1 hit",
    "  holds one group:",
    '    job="nightly": backup_bytes',
    "http://127.0.0.1:* (running): no pushes and no other requests in this test",
    "  holds no groups",
]


@pytest.mark.parametrize("arguments", [(), pytest.param(("-n", "2"), marks=pytest.mark.workers), ("--tb=short",)])
def test_failing_test_shows_its_gateways(project: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    project.makepyfile(FAILING)
    result = project.runpytest(*arguments, "-W", "default", "--junitxml=report.xml")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(LINES)
    assert result.stdout.str().count("- pushgateway -") == 1
    report = (project.path / "report.xml").read_text()
    assert 'push 3 (PUT job="backup"), answered 200: backup_files' in report


def test_passing_test_shows_nothing(project: pytest.Pytester) -> None:
    project.makepyfile("def test_passes(pushgateway):\n    pushgateway.push('a 1\\n', job='b')\n")
    result = project.runpytest("-rA")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*- pushgateway -*")


def test_unrelated_test_shows_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_passes(pushgateway):
            pushgateway.push("a 1\\n", job="b")

        def test_fails():
            assert False
        """
    )
    result = project.runpytest()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*- pushgateway -*")


def test_failing_set_up_also_shows_section(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken(pushgateway):
            pushgateway.push("a 1\\n", job="b")
            pytest.fail("not today", pytrace=False)

        def test_fails(broken):
            pass
        """
    )
    result = project.runpytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["not today", "*- pushgateway -*", '  push 1 (PUT job="b"), sent by the test itself*'])


def test_expected_failures_show_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.xfail
        def test_fails(pushgateway):
            assert False

        def test_skips(pushgateway):
            pytest.skip("today")
        """
    )
    result = project.runpytest("-rA")

    result.assert_outcomes(xfailed=1, skipped=1)
    result.stdout.no_fnmatch_line("*- pushgateway -*")


def test_passing_strict_xfail_shows_section(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.xfail(strict=True)
        def test_passes(pushgateway):
            pass
        """
    )
    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- pushgateway -*"])


AGAIN = """
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        runtestprotocol(item, nextitem=nextitem, log=False)
        item._initrequest()
        runtestprotocol(item, nextitem=nextitem)
        return True
"""
"""What pytest-rerunfailures does to a test that fails once."""


def test_rerun_failure_shows_section_again(project: pytest.Pytester) -> None:
    project.makeconftest(AGAIN)
    project.makepyfile("def test_fails(pushgateway):\n    pushgateway.push('a 1\\n', job='b')\n    assert False\n")
    result = project.runpytest()

    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("- pushgateway -") == 1


def test_rerun_success_warns_about_its_own_run(project: pytest.Pytester) -> None:
    project.makeconftest(AGAIN)
    project.makepyfile(
        """
        from application import send

        runs = []

        def test_rejected(pushgateway):
            runs.append(send(pushgateway, "backup_bytes x\\n"))
            assert len(runs) > 1
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=1, errors=1)


def test_gateway_without_fixture_shows_where_test_pushed_to_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send
        from pytest_pushgateway import Pushgateway

        gateway = Pushgateway().start()

        def test_fails():
            send(gateway)
            assert False

        def test_fails_elsewhere():
            assert False
        """
    )
    result = project.runpytest()

    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("- pushgateway -") == 1


def test_untouched_gateway_shows_where_test_held_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from pytest_pushgateway import Pushgateway

        @pytest.fixture(scope="module")
        def own():
            with Pushgateway() as gateway:
                yield gateway

        def test_session_gateways_are_shown(pushgateway_session):
            assert False

        def test_its_own():
            with Pushgateway() as gateway:
                assert gateway.pushes

        def test_before_the_modules(own):
            pass

        def test_module_gateways_are_shown(own):
            assert False

        def test_elsewhere():
            assert False
        """
    )
    result = project.runpytest()

    result.assert_outcomes(failed=4, passed=1)
    shown = result.stdout.str().split("- pushgateway -")[1:]
    assert [text.count("no pushes and no other requests in this test") for text in shown] == [1, 1, 1]


def test_groups_and_snapshots_that_differ_are_explained(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_group(pushgateway):
            pushgateway.push("a 1\\nb 2\\n", job="c")
            assert pushgateway.groups[0] == {'a{instance="",job="c"}': 1}

        def test_snapshot(pushgateway):
            pushgateway.push("a 1\\n", job="c")
            assert pushgateway.snapshot() == "a 1\\n"
        """
    )
    result = project.runpytest()

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E*the groups differ:",
            'E*only on the left: b{instance="",job="c"} 2.0',
            "E*the snapshots differ:",
            "E*-a 1",
            'E*+a{instance="",job="c"} 1',
        ]
    )


def test_traceback_shows_the_test_only(project: pytest.Pytester) -> None:
    project.makepyfile("def test_exposed(pushgateway):\n    pushgateway.assert_exposed('a')\n")
    result = project.runpytest()

    result.stdout.fnmatch_lines(["E*AssertionError: expected a to be exposed, but the gateway exposes nothing"])
    result.stdout.no_fnmatch_line("*pytest_pushgateway/*")
