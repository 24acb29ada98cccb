"""``--pushgateway-compare`` in a run of tests: what it reports, and what it refuses."""

from __future__ import annotations

import pytest

from tests import peers

pytestmark = pytest.mark.conformance

DIFFERENT = """
    from pytest_pushgateway.gateway.app.application import App

    before = App.__call__

    def call(self, incoming):
        answer = before(self, incoming)
        return answer._replace(status=200) if answer.status == 202 else answer

    App.__call__ = call
"""

TESTS = """
    from application import send

    def test_push(pushgateway):
        send(pushgateway)
        pushgateway.assert_exposed("backup_bytes", 7)

    def test_delete(pushgateway):
        send(pushgateway)
        send(pushgateway, method="DELETE")
        pushgateway.assert_deleted(job="backup")

    def test_another(make_pushgateway):
        send(make_pushgateway())
"""


@pytest.fixture
def compared(project: pytest.Pytester) -> pytest.Pytester:
    project.makepyfile(TESTS)
    return project


def test_same_answers(compared: pytest.Pytester) -> None:
    result = compared.runpytest_subprocess(f"--pushgateway-compare={peers.pushgateway_binary()}", "-W", "error")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*= pushgateway compare =*", "4 requests compared with Pushgateway 1.11.*, 0 left out, 0 differences"]
    )


def test_difference_fails_the_test(compared: pytest.Pytester) -> None:
    compared.makeconftest(DIFFERENT)
    compared.makeini(f"[pytest]\npushgateway_compare = {peers.pushgateway_binary()}\n")
    result = compared.runpytest_subprocess()
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_delete*",
            "the gateway and Pushgateway 1.11.* differ in the status: DELETE /metrics/job/backup HTTP/1.1",
            "  ours:     200 OK",
            "  original: 202 Accepted",
            "  request:  curl -sS --path-as-is -X DELETE *'http://127.0.0.1:9091/metrics/job/backup'",
            "4 requests compared with Pushgateway 1.11.*, 0 left out, 1 difference",
        ]
    )


@pytest.mark.workers
def test_workers_count_together(compared: pytest.Pytester) -> None:
    result = compared.runpytest_subprocess(f"--pushgateway-compare={peers.pushgateway_binary()}", "-n2")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["4 requests compared with Pushgateway 1.11.*, 0 left out, 0 differences"])


def test_unusable_programs(compared: pytest.Pytester) -> None:
    result = compared.runpytest_subprocess("--pushgateway-compare=./nowhere/pushgateway")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--pushgateway-compare: pushgateway is not at '*nowhere/pushgateway', which *"])

    result = compared.runpytest_subprocess("--pushgateway-compare=/bin/true")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--pushgateway-compare: /bin/true is not Go's Pushgateway: *"])

    result = compared.runpytest_subprocess(
        f"--pushgateway-compare={peers.pushgateway_binary()}", "--pushgateway-connect=http://127.0.0.1:9"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--pushgateway-compare compares gateways of this process*"])
