"""snakemake-logger-plugin-prometheus: `LogHandler`. Its own tests patch its server and push nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_logger_plugin_prometheus import LogHandler, LogHandlerSettings

from pytest_pushgateway import Pushgateway

Start = Callable[[str], LogHandler]


@pytest.fixture
def start(pushgateway: Pushgateway) -> Iterator[Start]:
    """Start the plugin as a run of Snakemake does; close it after the test."""
    handlers = []

    def start(run_id: str) -> LogHandler:
        settings = LogHandlerSettings(port=0, push_gateway=pushgateway.url, run_id=run_id)
        handlers.append(LogHandler(SimpleNamespace(dryrun=False), settings))
        return handlers[-1]

    yield start
    for handler in handlers:
        handler.close()


def tell(handler: LogHandler, event: LogEvent, **fields: object) -> None:
    record = logging.LogRecord("snakemake", logging.INFO, __file__, 1, "", None, None)
    for name, value in {"event": event, **fields}.items():
        setattr(record, name, value)
    handler.emit(record)


def test_each_run_has_its_own_group(start: Start, pushgateway: Pushgateway) -> None:
    for run_id in ("run-1", "run-2"):
        start(run_id).close()
        pushgateway.wait_for_push(run_id=run_id)

    assert [group.grouping_key for group in pushgateway.groups] == [
        {"job": "snakemake", "run_id": "run-1"},
        {"job": "snakemake", "run_id": "run-2"},
    ]


def test_groups_are_never_deleted(start: Start, pushgateway: Pushgateway) -> None:
    for number in range(3):
        start(f"run-{number}").close()
        pushgateway.wait_for_push(run_id=f"run-{number}")

    texts = [str(problem) for problem in pushgateway.lint()]
    assert any(
        "run_id has a new value in each of 3 pushes: the gateway never forgets a group" in text for text in texts
    )


def test_outcome_of_a_short_run_is_never_pushed(start: Start, pushgateway: Pushgateway) -> None:
    handler = start("run-1")
    pushgateway.wait_for_push(run_id="run-1")
    tell(handler, LogEvent.JOB_INFO, jobid=1, rule_name="align", threads=1)
    tell(handler, LogEvent.JOB_STARTED, job_ids=[1])
    tell(handler, LogEvent.JOB_FINISHED, job_id=1)

    handler.close()

    assert len(pushgateway.pushes) == 1
    pushgateway.assert_not_exposed("snakemake_jobs_finished_total")


def test_process_metrics_are_pushed_with_it(start: Start, pushgateway: Pushgateway) -> None:
    start("run-1")
    pushgateway.wait_for_push(run_id="run-1")

    pushgateway.assert_exposed("process_resident_memory_bytes", run_id="run-1")
    pushgateway.assert_exposed("python_info", run_id="run-1")
