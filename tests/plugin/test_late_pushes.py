"""Threads that outlive their test and push in the next one: the message names them, a conftest keeps them out."""

from __future__ import annotations

import pytest

OVERRIDE = """
import pytest

@pytest.fixture
def pushgateway(make_pushgateway):
    return make_pushgateway()
"""

LATE = """
import threading
import pytest
from application import send

go, outcomes = threading.Event(), []

def push_late(gateway):
    go.wait(20)
    try:
        outcomes.append(send(gateway, BODY))
    except OSError as error:
        outcomes.append(type(error).__name__)

def test_leaves_a_thread(pushgateway):
    threading.Thread(target=push_late, args=(pushgateway,), name="heartbeat").start()

def test_next(pushgateway):
    go.set()
    [thread.join() for thread in threading.enumerate() if thread.name == "heartbeat"]
    pushgateway.ASSERTION
"""


def late(assertion: str, body: str = "late_rows 7\n") -> str:
    return LATE.replace("BODY", repr(body)).replace("ASSERTION", assertion)


@pytest.mark.parametrize(
    "assertion",
    ["assert_not_pushed()", 'assert_not_pushed("late_rows")', "assert_not_exposed()", "assert_no_rejections()"],
)
def test_message_names_earlier_tests_and_remedy(project: pytest.Pytester, assertion: str) -> None:
    body = "not metrics\n" if "rejections" in assertion else "late_rows 7\n"
    project.makepyfile(test_late=late(assertion, body))
    result = project.runpytest()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*An earlier test may have pushed it late: heartbeat ran already when this test began.*in conftest.py:",
            "E*  @pytest.fixture",
            "E*  def pushgateway(make_pushgateway): return make_pushgateway()",
        ]
    )


@pytest.mark.parametrize("assertion", ["assert_not_pushed()", "assert_not_exposed()", "assert_no_rejections()"])
def test_gateway_per_test_refuses_late_pushes(project: pytest.Pytester, assertion: str) -> None:
    project.makeconftest(OVERRIDE)
    project.makepyfile(test_late=late(assertion) + "    assert outcomes == ['ConnectionRefusedError']\n")

    project.runpytest().assert_outcomes(passed=2)


def test_earlier_tests_are_not_blamed_if_nothing_is_left(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_first(pushgateway):
            pass

        def test_second(pushgateway):
            send(pushgateway)
            pushgateway.assert_not_pushed()
        """
    )
    result = project.runpytest()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*earlier test*")


def test_child_process_of_earlier_test_is_also_named(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import multiprocessing
        import pytest
        from application import send

        @pytest.fixture(scope="module")
        def over():
            event = multiprocessing.get_context("spawn").Event()
            yield event
            event.set()

        def test_first(pushgateway, over):
            context = multiprocessing.get_context("spawn")
            context.Process(target=over.wait, args=(20,), name="exporter", daemon=True).start()

        def test_second(pushgateway):
            send(pushgateway)
            pushgateway.assert_not_pushed()
        """
    )
    result = project.runpytest_subprocess()

    result.stdout.fnmatch_lines(
        "E*An earlier test may have pushed it late: exporter ran already when this test began.*"
    )


def test_gateway_per_test_keeps_promises_of_fixture(project: pytest.Pytester) -> None:
    project.makeconftest(OVERRIDE)
    project.makepyfile(
        """
        import os
        import pytest
        from application import send

        seen = []

        @pytest.mark.pushgateway(route_prefix="/marked", journal_limit=7)
        def test_marker(pushgateway):
            assert pushgateway.url.endswith("/marked")
            assert pushgateway.settings.journal_limit == 7
            assert send(pushgateway, path="/marked/metrics/job/a") == 200

        @pytest.mark.pushgateway(nonsense=1)
        def test_mistaken_marker(pushgateway):
            pass

        def test_environment(pushgateway_env, pushgateway):
            assert pushgateway_env is pushgateway
            assert os.environ["PUSHGATEWAY_URL"] == pushgateway.url

        def test_section(pushgateway):
            send(pushgateway)
            assert 0

        def test_warning(pushgateway):
            send(pushgateway, "not metrics")

        @pytest.mark.parametrize("number", range(20))
        def test_ports(pushgateway, number):
            assert pushgateway.port not in seen
            seen.append(pushgateway.port)
        """
    )
    result = project.runpytest("-W", "default")

    result.assert_outcomes(passed=23, failed=1, errors=1, warnings=1)
    result.stdout.fnmatch_lines(["*nonsense*"])
    result.stdout.fnmatch_lines(["*- pushgateway -*", "*one push and no other requests in this test", "*push 1*"])
    result.stdout.fnmatch_lines(["*test_gateway_per_test*.py:*RejectedPushWarning*"])
