"""The gateway's clock dates what it stores."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.gateway.app.json_api import timestamp

from .application import send
from .frozen import LONG_AGO, Freeze, by_either


def test_push_times_follow_the_frozen_clock(pushgateway: Pushgateway) -> None:
    pushgateway.clock.freeze(1700000000.0)
    send(pushgateway)
    pushgateway.clock.advance(3600)
    send(pushgateway, "backup_bytes 7 1\n", "/metrics/job/late")
    pushgateway.assert_rejected("timestamps")

    assert pushgateway.group(job="backup").push_time == 1700000000.0
    assert pushgateway.group(job="late").push_failure_time == 1700003600.0
    assert [push.at for push in pushgateway.pushes] == [1700000000.0, 1700003600.0]
    assert pushgateway.value("push_time_seconds", job="backup") == 1700000000.0
    assert 'push_time_seconds{instance="",job="backup"} 1.7e+09\n' in pushgateway.scrape().text


def told(pushgateway: Pushgateway, path: str) -> tuple[str, dict[str, Any]]:
    """Return the Date of an answer in JSON, and the answer."""
    connection = http.client.HTTPConnection(pushgateway.host, pushgateway.port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    answer = json.load(response)
    connection.close()
    return response.headers["Date"], answer


def test_everything_else_that_is_dated_follows_it_too(tmp_path: Path) -> None:
    gateway = Pushgateway(persistence_file=tmp_path / "missing" / "metrics.sqlite")
    gateway.clock.freeze(1700000000.0)
    with gateway:
        send(gateway)
        date, status = told(gateway, "/api/v1/status")
        _, metrics = told(gateway, "/api/v1/metrics")
        _, page = told(gateway, "/-/state")

    assert date == "Tue, 14 Nov 2023 22:13:20 GMT"
    # In the zone of the machine, as Go writes it.
    assert status["data"]["start_time"] == timestamp(1_700_000_000)
    assert metrics["data"][0]["backup_bytes"]["time_stamp"] == timestamp(1_700_000_000)
    assert (page["now"], page["start_time"], page["persistence"]["since"]) == (1700000000.0,) * 3
    assert [request.at for request in gateway.requests] == [1700000000.0] * 3


@by_either
def test_they_follow_freezegun_and_time_machine(pushgateway: Pushgateway, freeze: Freeze) -> None:
    with freeze(LONG_AGO):
        send(pushgateway)

    assert [group.push_time for group in pushgateway.groups] == [LONG_AGO.timestamp()]
