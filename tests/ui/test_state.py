"""``/-/state``: the page's data beyond the original's API, and its sources."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.gateway.app.page.state import PageState, PersistenceStatus, state_json
from pytest_pushgateway.gateway.app.recent_requests import Failure, Recent, RecentRequest
from pytest_pushgateway.gateway.groups import Collision
from pytest_pushgateway.gateway.hooks import Plan, RawRequest, Record

DB1: Labels = ((b"instance", b"db1"), (b"job", b"backup"))


def state(**parts: Any) -> Any:
    return json.loads(state_json(PageState(**{"revision": "1.7", "now": 20.5, "start_time": 10.25, **parts})))


def record(kind: str = "push", key: Labels | None = DB1, status: int = 200, **parts: Any) -> Record:
    request = RawRequest(
        method={"push": "PUT", "delete": "DELETE", "wipe": "PUT"}.get(kind, "GET"),
        target="/metrics/job/backup/instance/db1",
        raw_headers=[],
        body=b"",
        remote_address="127.0.0.1",
        generation=1,
        received_at=100.0,
        kind=kind,  # type: ignore[arg-type]
        key=key,
    )
    return Record(request, status, **{"error": None, "verdict": None, "parsed": None, "duration": 0.5, **parts})


def verdict(error: str | None = None, matched: bool = True, removed: tuple[bytes, ...] = ()) -> Any:
    return SimpleNamespace(accepted=error is None, error=error, matched=matched, removed=removed, collisions=())


def test_quiet_gateway() -> None:
    assert state() == {
        "revision": "1.7",
        "now": 20.5,
        "start_time": 10.25,
        "admin_api": False,
        "persistence": {"file": None, "interval": 0.0, "error": None, "since": None},
        "conflict_error": None,
        "conflicts": [],
        "failures": [],
        "requests": [],
        "note": None,
        "user": None,
    }


def test_persistence_trouble_is_shown() -> None:
    told = state(
        persistence=PersistenceStatus("/data/gateway.db", 300.0, "No space left on device", 12.0),
        conflict="two groups clash",
        conflicting=[(DB1, "/metrics/job/backup/instance/db1")],
        failures={DB1: Failure("a gauge is not a COUNTER", 15.0)},
        note="Paused.",
    )
    labels = [["job", "backup"], ["instance", "db1"]]
    assert told["persistence"]["error"] == "No space left on device"
    assert told["conflicts"] == [{"labels": labels, "path": "metrics/job/backup/instance/db1"}]
    assert told["failures"] == [{"labels": labels, "error": "a gauge is not a COUNTER", "at": 15.0}]
    assert (told["conflict_error"], told["note"]) == ("two groups clash", "Paused.")


def test_bytes_outside_utf8_become_one_replacement_each_as_in_the_api() -> None:
    key: Labels = ((b"i", b"\xff\xe2\x82x\xc3\xa9"), (b"job", b"a"))
    assert state(failures={key: Failure("", 0.0)})["failures"][0]["labels"][1] == ["i", "\ufffd\ufffd\ufffdx\xe9"]


def test_push_is_kept_abridged() -> None:
    recent = Recent()
    families = {b"a": SimpleNamespace(series=[1, 2]), b"b": SimpleNamespace(series=[1])}
    recent(record(parsed=SimpleNamespace(families=families), verdict=verdict(removed=(b"gone",))))
    assert recent.requests() == [
        RecentRequest(
            number=1,
            at=100.0,
            kind="push",
            method="PUT",
            target="/metrics/job/backup/instance/db1",
            status=200,
            duration=0.5,
            key=DB1,
            families=(b"a", b"b"),
            series=3,
            removed=(b"gone",),
            client="127.0.0.1",
        )
    ]
    told = state(requests=recent.requests())["requests"][0]
    assert (told["families"], told["series"], told["removed"]) == (["a", "b"], 3, ["gone"])
    assert (told["labels"], told["matched"]) == ([["job", "backup"], ["instance", "db1"]], None)


def test_long_names_and_keys_are_cut() -> None:
    # The list outlives the group: a gzip of a few kilobytes can hold a name of megabytes.
    recent = Recent()
    key: Labels = tuple(sorted([(b"job", b"j" * 100_000), *((b"a%03d" % number, b"v") for number in range(1000))]))
    families = {b"n" * 100_000: SimpleNamespace(series=[1])}
    collision = Collision("type", b"n", b"", "", (DB1, key))
    outcome = verdict(removed=(b"r" * 100_000,))
    outcome.collisions = (collision,)
    recent(record(key=key, parsed=SimpleNamespace(families=families), verdict=outcome))
    recent(record(parsed=SimpleNamespace(families=families), verdict=outcome))
    request = recent.requests()[0]
    assert request.families[0] == b"n" * 200
    assert request.removed[0] == b"r" * 200
    assert dict(request.key or ())[b"job"] == b"j" * 200
    assert request.collides_with == (DB1,)
    assert recent.requests()[1].collides_with == (request.key,)
    assert len(state_json(PageState("1.1", 0.0, 0.0, requests=recent.requests()))) < 10_000


def test_parse_error_quotes_text_and_leaves_group_unchanged() -> None:
    recent = Recent()
    recent(record(status=400, error="text format parsing error in line 1: ...\n"))
    assert recent.requests()[0].error == "text format parsing error in line 1: ..."
    assert recent.failures() == {}


def test_rejected_push_is_remembered_until_one_is_accepted() -> None:
    recent = Recent(limit=2)
    recent(record(status=400, error="prefix: clash", verdict=verdict("clash")))
    for _ in range(5):
        recent(record("scrape", key=None))
    assert recent.failures() == {DB1: Failure("clash", 100.0)}
    recent(record(verdict=verdict()))
    assert recent.failures() == {}


def test_deleting_and_wiping_forget_failures() -> None:
    recent = Recent()
    recent(record(status=400, verdict=verdict("clash")))
    recent(record("delete", status=202, verdict=verdict()))
    assert recent.failures() == {}
    recent(record(status=400, verdict=verdict("clash")))
    recent(record("wipe", key=None, status=202, verdict=verdict()))
    assert recent.failures() == {}


def test_deletion_reports_if_group_was_found() -> None:
    recent = Recent()
    recent(record("delete", status=202, verdict=verdict(matched=False)))
    assert state(requests=recent.requests())["requests"][0]["matched"] is False


def test_faults_are_named() -> None:
    recent = Recent()
    recent(record(status=503, error="injected", plan=Plan("error(503)", status=503)))
    assert recent.requests()[0].fault == "error(503)"


def test_requests_of_page_are_left_out_and_old_ones_dropped() -> None:
    recent = Recent(limit=3)
    recent(record("other", key=None))
    for _ in range(5):
        recent(record("scrape", key=None))
    assert [request.number for request in recent.requests()] == [3, 4, 5]


def test_reset_forgets_everything() -> None:
    recent = Recent()
    recent(record(status=400, verdict=verdict("clash")))
    recent.clear()
    assert (recent.requests(), recent.failures()) == ([], {})
