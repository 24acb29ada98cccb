"""The programs' logs: at start and stop, of refused pushes, of persistence."""

from __future__ import annotations

from tests.conformance.records import NO_LOOK, PROTOBUF, Action, Record, delete, get, post, put, record, request

PUSHES = {
    "an accepted push": (put("/metrics/job/a", "a 1\n"), post("/metrics/job/a", ""), delete("/metrics/job/a")),
    "a parse error": (put("/metrics/job/a", "garbage\n"),),
    "a parse error of protobuf": (put("/metrics/job/a", b"\x05", {"Content-Type": PROTOBUF}),),
    "a timestamp": (put("/metrics/job/a", "a 1 1\n"),),
    "a type clash": (put("/metrics/job/a", "go_goroutines 1\n"),),
    "a duplicate": (put("/metrics/job/a", "a 1\na 1\n"),),
    "a bad label name": (put("/metrics/job/a/b-c/d", ""), put("/metrics/job/a/b", "")),
    "a bad base64 job": (put("/metrics/job@base64/!", ""), put("/metrics/job@base64/=", "")),
    "a bad base64 label": (put("/metrics/job/a/b@base64/!", ""),),
    "a deletion that is refused": (
        delete("/metrics/job/a/b"),
        delete("/metrics/job@base64/!"),
        delete("/metrics/job@base64/="),
    ),
    "a broken gzip body": (put("/metrics/job/a", "x", {"Content-Encoding": "gzip"}),),
    "paths that are not there": (get("/nothing"), get("/metrics/"), request("PATCH", "/metrics", None)),
    "a quoted job": (put("/metrics/job/%22a%20b%5C/x/%0A", "a 1\na 1\n"),),
}

EVERY_PUSH = [step for steps in PUSHES.values() for step in steps]
RECORDS: list[Record] = [
    *(
        record(f"nothing but a start, {flags}", get("/-/healthy"), flags=flags, logs=True, look=NO_LOOK)
        for flags in ("bare", "debug", "json_log", "tls", "auth")
    ),
    # All in one run of the programs, since starting them takes most of the time.
    *(
        record(f"every kind of push, {flags}", *EVERY_PUSH, flags=flags, logs=True, look=NO_LOOK)
        for flags in ("bare", "debug", "json_log")
    ),
    record(
        "wipe",
        put("/metrics/job/a", "a 1\n"),
        request("PUT", "/api/v1/admin/wipe"),
        flags="default",
        logs=True,
        look=NO_LOOK,
    ),
    record(
        "unchecked and refused",
        put("/metrics/job/a", "a 1 1\n"),
        put("/metrics/job/a", "a 1\na 1\n"),
        get("/metrics"),
        flags="unchecked",
        logs=True,
        look=NO_LOOK,
    ),
    record(
        "a persistence file, loaded and written",
        put("/metrics/job/a", "a 1\n"),
        Action.RESTART,
        get("/-/healthy"),
        flags="persistent",
        logs=True,
        look=NO_LOOK,
    ),
]
