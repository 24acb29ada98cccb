"""Warnings at the end of a test: where they point, what steers them, and that nothing hides them."""

from __future__ import annotations

import pytest

DEFAULT = ("-W", "default")
"""The filters of this suite would make errors of what the project warns of."""

REJECTED = """
    from application import send

    def test_first(pushgateway):
        pass

    def test_rejected(pushgateway):
        send(pushgateway, "backup_bytes x\\n")
"""


def test_they_point_at_the_test(project: pytest.Pytester) -> None:
    path = project.makepyfile(REJECTED)
    result = project.runpytest(*DEFAULT)

    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*test_they_point_at_the_test.py::test_rejected",
            f'  {path}:6: RejectedPushWarning: push 1 (PUT job="backup") was answered 400: *',
        ]
    )


def test_they_point_at_a_test_that_a_class_inherits(project: pytest.Pytester) -> None:
    path = project.makepyfile(
        common="""
        from application import send

        class Pushing:
            def test_rejected(self, pushgateway):
                send(pushgateway, "backup_bytes x\\n")
        """
    )
    project.makepyfile("from common import Pushing\n\n\nclass TestBackup(Pushing):\n    pass\n")
    result = project.runpytest(*DEFAULT)

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines([f"  {path}:4: RejectedPushWarning: push 1 *"])


def test_recwarn_and_capturing_fixtures_do_not_hide_them(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import warnings
        import pytest
        from application import send

        @pytest.fixture
        def silence():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield

        def test_rejected(recwarn, pushgateway, silence):
            send(pushgateway, "backup_bytes x\\n")
        """
    )

    project.runpytest(*DEFAULT).assert_outcomes(passed=1, warnings=1)


def test_filters_of_every_kind_steer_them(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from application import send

        @pytest.mark.filterwarnings("ignore::pytest_pushgateway.RejectedPushWarning")
        def test_ignored(pushgateway):
            send(pushgateway, "backup_bytes x\\n")

        @pytest.mark.filterwarnings("error::pytest_pushgateway.UselessDeleteWarning")
        def test_error(pushgateway):
            send(pushgateway, method="DELETE")
        """
    )
    project.makeini("[pytest]\nfilterwarnings =\n    error::pytest_pushgateway.PushgatewayWarning\n")

    project.runpytest(*DEFAULT).assert_outcomes(passed=2, errors=1)


def test_filter_in_ini_file_imports_nothing(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nfilterwarnings =\n    error::pytest_pushgateway.RejectedPushWarning\n")
    project.makepyfile(
        """
        import sys

        def test_modules():
            assert "pytest_pushgateway.harness" not in sys.modules
            assert "werkzeug" not in sys.modules
        """
    )

    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_under_an_error_filter_all_become_one_error(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_many(pushgateway):
            send(pushgateway, "backup_bytes x\\n")
            send(pushgateway, method="DELETE")
            pushgateway.faults.error(503)
        """
    )
    result = project.runpytest("-W", "error")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "E*PushgatewayWarning: 3 warnings:",
            "    - RejectedPushWarning: push 1 *",
            "    - UselessDeleteWarning: delete 1 *",
            "    - UnusedFaultWarning: the fault error(503) met no request.*",
        ]
    )
    result.stdout.no_fnmatch_line("*warn_explicit*")


def test_failed_test_gets_no_second_error(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_rejected(pushgateway):
            send(pushgateway, "backup_bytes x\\n")
            pushgateway.assert_exposed("backup_bytes")
        """
    )

    project.runpytest("-W", "error").assert_outcomes(failed=1)


def test_failing_tear_down_is_not_masked(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from application import send

        @pytest.fixture
        def breaks(pushgateway):
            yield
            raise OSError("disk full")

        def test_rejected(breaks, pushgateway):
            send(pushgateway, "backup_bytes x\\n")
        """
    )
    result = project.runpytest("-W", "error")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E*OSError: disk full"])


def test_pushes_of_fixture_teardown_count(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from application import send

        @pytest.fixture
        def late(pushgateway):
            yield
            send(pushgateway, "backup_bytes x\\n")

        def test_late(late):
            pass
        """
    )

    project.runpytest(*DEFAULT).assert_outcomes(passed=1, warnings=1)


@pytest.mark.parametrize("fixture", ["make_pushgateway()", "Pushgateway().start()"])
def test_gateways_made_in_a_test_warn_too(project: pytest.Pytester, fixture: str) -> None:
    project.makepyfile(
        f"""
        from application import send
        from pytest_pushgateway import Pushgateway

        def test_made(make_pushgateway):
            global gateway
            gateway = {fixture}
            send(gateway, "backup_bytes x\\n")
        """
    )

    project.runpytest(*DEFAULT).assert_outcomes(passed=1, warnings=1)


def test_reset_within_test_hides_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_reset(pushgateway):
            send(pushgateway, "backup_bytes x\\n")
            pushgateway.reset()
            send(pushgateway, "backup_bytes y\\n")
        """
    )

    project.runpytest(*DEFAULT).assert_outcomes(passed=1, warnings=2)


def test_each_test_hears_only_its_own(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_one(pushgateway_session):
            send(pushgateway_session, "backup_bytes x\\n")

        def test_two(pushgateway_session):
            pass

        def test_three(pushgateway_session):
            assert len(pushgateway_session.journal) == 1
        """
    )
    result = project.runpytest(*DEFAULT)

    result.assert_outcomes(passed=3, warnings=1)


def test_exception_in_predicate_is_shown_for_failed_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_broken(pushgateway):
            pushgateway.faults.error(503, when=lambda request: 1 / 0)
            assert send(pushgateway) == 503
        """
    )
    result = project.runpytest(*DEFAULT)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  error in a thread: ZeroDivisionError: division by zero"])


def test_exception_in_predicate_fails_its_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_broken(pushgateway):
            pushgateway.faults.error(503, when=lambda request: 1 / 0)
            assert send(pushgateway) == 200

        def test_next(pushgateway):
            pass
        """
    )
    result = project.runpytest(*DEFAULT)

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["E*ZeroDivisionError: division by zero"])


@pytest.mark.parametrize("then", ["pass", "pushgateway.restart()", "pushgateway.stop(); pushgateway.start()"])
def test_exception_in_gateway_thread_fails_its_test(project: pytest.Pytester, then: str) -> None:
    project.makepyfile(
        f"""
        from application import send

        def test_broken(pushgateway, monkeypatch):
            with monkeypatch.context() as patch:
                patch.setattr("pytest_pushgateway.gateway.store.store.Store.push", lambda *_, **__: 1 / 0)
                assert send(pushgateway) == 500
            {then}

        def test_next(pushgateway):
            assert send(pushgateway) == 200
        """
    )
    result = project.runpytest(*DEFAULT)

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_broken*", "E*ZeroDivisionError: division by zero"])


def test_all_exceptions_in_predicates_are_reported_together(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from application import send

        def test_broken(pushgateway):
            pushgateway.faults.error(503, when=lambda request: pytest.fail("not such a push"))
            pushgateway.faults.error(503, when=lambda request: 1 / 0)
            assert send(pushgateway) == 200
            assert send(pushgateway) == 200
        """
    )
    result = project.runpytest(*DEFAULT)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["E*Failed: not such a push", "E*and in a thread of the gateway, too: ZeroDivisionError: division by zero"]
    )
    assert sum(line.startswith("E ") and "ZeroDivisionError" in line for line in result.outlines) == 1
