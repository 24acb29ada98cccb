"""The gateway's clock dates what it stores."""

from __future__ import annotations

from datetime import datetime, timezone

import freezegun
import time_machine

from pytest_pushgateway import Pushgateway

from .application import send


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


def test_they_follow_freezegun_and_time_machine(pushgateway: Pushgateway) -> None:
    moment = datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    with freezegun.freeze_time(moment):
        send(pushgateway, path="/metrics/job/one")
    with time_machine.travel(moment, tick=False):
        send(pushgateway, path="/metrics/job/two")

    assert [group.push_time for group in pushgateway.groups] == [moment.timestamp()] * 2
