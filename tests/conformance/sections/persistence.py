"""Metrics that survive the end of the process, and those that do not."""

from __future__ import annotations

from tests.conformance.protowire import COUNTER, delimited, family
from tests.conformance.records import NO_LOOK, PROTOBUF, Action, Record, api, delete, post, put, record, request, scrape
from tests.conformance.sections.bodies_protobuf import GOOD
from tests.conformance.sections.bodies_text import BODY_OF_EVERY_KIND

TYPE = {"Content-Type": PROTOBUF}
STOPS = {"SIGTERM": Action.RESTART, "SIGINT": Action.INTERRUPT}


def _kept() -> list[Record]:
    pushes = (
        put("/metrics/job/a", BODY_OF_EVERY_KIND),
        put("/metrics/job/a/instance/i", BODY_OF_EVERY_KIND),
        post("/metrics/job/b/x@base64/_w_w", ""),
        put("/metrics/job/empty", ""),
    )
    return [
        *(
            record(f"everything is there after {name}, {flags}", *pushes[:2], pushes[3], stop, flags=flags)
            for name, stop in STOPS.items()
            for flags in ("persistent", "persistent_seldom")
        ),
        record(
            "everything is there after quit",
            *pushes[:2],
            request("PUT", "/-/quit"),
            Action.ENDED,
            Action.RESTART,
            flags="persistent_lifecycle",
        ),
        record(
            "a failed push stays failed",
            put("/metrics/job/a", "a 1\n"),
            put("/metrics/job/a", "a 1\na 1\n"),
            Action.RESTART,
            flags="persistent",
        ),
        record(
            "a group that only failed stays",
            put("/metrics/job/a", "a 1\na 1\n"),
            Action.RESTART,
            api(),
            put("/metrics/job/b", "b 1\n"),
            flags="persistent",
        ),
        record(
            "a poisoned gateway stays poisoned",
            pushes[2],
            Action.RESTART,
            scrape(),
            put("/metrics/job/c", "c 1\n"),
            delete("/metrics/job/b/x@base64/_w_w"),
            flags="persistent",
        ),
        record("deletions stay deletions", *pushes[:2], delete("/metrics/job/a"), Action.RESTART, flags="persistent"),
        record(
            "a wiped gateway stays empty",
            *pushes[:2],
            request("PUT", "/api/v1/admin/wipe"),
            Action.RESTART,
            flags="persistent_seldom",
        ),
        record(
            "what is pushed after a restart is kept too",
            pushes[0],
            Action.RESTART,
            post("/metrics/job/a", "later 1\n"),
            Action.RESTART,
            flags="persistent_seldom",
        ),
        record(
            "a type is remembered",
            put("/metrics/job/a", "# TYPE m gauge\nm 1\n"),
            Action.RESTART,
            put("/metrics/job/b", "# TYPE m counter\nm 1\n"),
            flags="persistent",
        ),
        record("two restarts", *pushes[:2], Action.RESTART, Action.RESTART, flags="persistent"),
        record("an empty gateway", Action.RESTART, Action.RESTART, flags="persistent"),
        record(
            "everything that protobuf brings",
            *(
                put(f"/metrics/job/p{number}", delimited(*families), TYPE)
                for number, families in enumerate(_distinct())
            ),
            Action.RESTART,
            scrape(PROTOBUF),
            flags="persistent_seldom",
        ),
        record(
            "an empty family",
            put("/metrics/job/a", delimited(family("e", COUNTER, help="x")), TYPE),
            Action.RESTART,
            api(),
            flags="persistent",
        ),
        record(
            "specials in labels and help",
            put("/metrics/job/a%00b/x/%0A%22", '# HELP m a\\nb\\\\c\nm{x="\\"\\\\\\n"} 1\n'),
            Action.RESTART,
            flags="persistent",
        ),
        record(
            "series keep their order",
            put("/metrics/job/a", "".join(f'm{{n="{n * 7 % 40}"}} {n}\n' for n in range(40))),
            Action.RESTART,
            scrape(),
            flags="persistent",
        ),
        record(
            "buckets keep their order",
            put("/metrics/job/a", '# TYPE h histogram\nh_bucket{le="5"} 5\nh_bucket{le="1"} 1\nh_count 9\n'),
            Action.RESTART,
            flags="persistent",
        ),
    ]


def _distinct() -> list[tuple[bytes, ...]]:
    """Pushes of protobuf that can stand beside each other under their own names."""
    names = (
        "native histogram",
        "native gauge histogram",
        "histogram of floats",
        "counter with an exemplar",
        "summary with created timestamp",
        "unit",
    )
    renamed: list[tuple[bytes, ...]] = []
    for number, name in enumerate(names):
        (one,) = GOOD[name]
        renamed.append((one + b"\x0a\x02p%d" % number,))
    return renamed


def _lost() -> list[Record]:
    return [
        record("nothing is kept without a file", put("/metrics/job/a", "a 1\n"), Action.RESTART, flags="default"),
        record(
            "a kill loses what was not written", put("/metrics/job/a", "a 1\n"), Action.KILL, flags="persistent_seldom"
        ),
        record(
            "a kill keeps what was written",
            put("/metrics/job/a", "a 1\n"),
            Action.AWAIT_FILE,
            Action.KILL,
            flags="persistent",
        ),
        record(
            "a kill after a clean stop keeps what that wrote",
            put("/metrics/job/a", "a 1\n"),
            Action.RESTART,
            post("/metrics/job/a", "b 1\n"),
            Action.KILL,
            flags="persistent_seldom",
        ),
        record("nothing but a kill", Action.KILL, flags="persistent", look=NO_LOOK),
    ]


RECORDS = [*_kept(), *_lost()]
