"""The JSON API with its CORS headers, the admin API, the lifecycle API, health."""

from __future__ import annotations

from tests.conformance.protowire import (
    GAUGE,
    HISTOGRAM,
    SUMMARY,
    bucket,
    delimited,
    double,
    family,
    gauge,
    histogram,
    metric,
    number,
    summary,
)
from tests.conformance.records import NO_LOOK, PROTOBUF, Action, Record, api, delete, get, post, put, record, request
from tests.conformance.sections.bodies_protobuf import GOOD

KINDS = (
    "# HELP c counted\n# TYPE c counter\nc 1e6\n# TYPE g gauge\ng -0\nu NaN\n"
    '# TYPE s summary\ns{quantile="0.5"} NaN\ns{quantile="0.99"} 1e-7\ns_sum 2\ns_count 3\n'
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1e6"} 2\nh_sum 2\nh_count 3\n'
)


def _metrics() -> list[Record]:
    return [
        record("an empty gateway", api()),
        record("every kind", put("/metrics/job/a", KINDS), api()),
        record("several groups", *(put(f"/metrics/job/{job}/instance/i", KINDS) for job in "cab"), api()),
        record("a group of no metrics", put("/metrics/job/a", "")),
        record("a failed push", put("/metrics/job/a", "a 1\na 1\n"), api(), put("/metrics/job/a", "a 1\n"), api()),
        record(
            "a failed push after a good one", put("/metrics/job/a", "a 1\n"), put("/metrics/job/a", "a 1\na 1\n"), api()
        ),
        record(
            "characters that HTML minds",
            put("/metrics/job/%3Ca%3E%26'%22", '# HELP m <b>&"\\\\\nm{x="<&>\u2028\u2029"} 1\n'),
            api(),
        ),
        record("control characters", put("/metrics/job/a%00%01%1f%7f", 'm{x="\t\r\x08\x0c\x1b"} 1\n'), api()),
        record("letters", put("/metrics/job/caf%C3%A9%F0%9F%98%80", 'm{x="\u20ac"} 1\n'), api()),
        record("not UTF-8", put("/metrics/job/%FF%FEa", "m 1\n"), api(), delete("/metrics/job/%FF%FEa")),
        record("a family called labels", put("/metrics/job/a", "labels 1\n"), api()),
        record("a family called last_push_successful", put("/metrics/job/a", "last_push_successful 1\n"), api()),
        record("keys in order", put("/metrics/job/a/z/1/A/2", "Z 1\na 2\n_ 3\nzz 4\nmm 5\n"), api()),
        record(
            "metrics of a family keep an order",
            put("/metrics/job/a", 'm{x="2"} 1\nm{x="1"} 2\nm 3\nm{x="10"} 4\nm{a="0",b="1"} 5\n'),
            api(),
        ),
        record("times of families", put("/metrics/job/a", "a 1\n"), post("/metrics/job/a", "b 1\n"), api()),
        record(
            "values",
            put(
                "/metrics/job/a",
                "".join(
                    f"v{n} {v}\n"
                    for n, v in enumerate(
                        (
                            "1",
                            "1e5",
                            "1e6",
                            "1e20",
                            "1e21",
                            "1e22",
                            "1e-4",
                            "1e-5",
                            "0.1",
                            "-0",
                            "+Inf",
                            "-Inf",
                            "NaN",
                            "123456789",
                        )
                    )
                ),
            ),
            api(),
        ),
        record("help that is empty", put("/metrics/job/a", "# HELP m \nm 1\n"), api()),
        *(
            record(f"protobuf: {name}", put("/metrics/job/a", delimited(*families), {"Content-Type": PROTOBUF}), api())
            for name, families in GOOD.items()
            if "histogram" in name or "summary" in name or "no " in name
        ),
        record(
            "native histogram with a zero bucket and gaps",
            put(
                "/metrics/job/a",
                delimited(
                    family(
                        "n",
                        HISTOGRAM,
                        metric({}, histogram(9, 1, double(6, 0.5), number(5, 2), number(7, 1), bucket(3, 1))),
                    )
                ),
                {"Content-Type": PROTOBUF},
            ),
            api(),
        ),
        record(
            "quantiles and buckets of odd numbers",
            put(
                "/metrics/job/a",
                delimited(
                    family("s", SUMMARY, metric({}, summary(2**63, -1e300, {1e-9: 1, 1e21: 2, 0.1: 3}))),
                    family("h", HISTOGRAM, metric({}, histogram(2**64 - 1, 0, bucket(1, 1e-9), bucket(2, 1e21)))),
                    family("g", GAUGE, metric({}, gauge(1e-9))),
                ),
                {"Content-Type": PROTOBUF},
            ),
            api(),
        ),
        record(
            "queries and bodies are ignored",
            get("/api/v1/metrics?x=y"),
            request("GET", "/api/v1/metrics", "body"),
            look=NO_LOOK,
        ),
        record("a large answer", put("/metrics/job/a", "".join(f"m{n} {n}\n" for n in range(500))), api()),
    ]


def _status_and_cors() -> list[Record]:
    origin = {"Origin": "http://elsewhere", "Access-Control-Request-Method": "PUT"}
    return [
        record("status", api("/api/v1/status"), look=NO_LOOK),
        *(
            record(f"status with the flags of {flags}", api(prefix + "/api/v1/status"), flags=flags, look=NO_LOOK)
            for flags, prefix in (
                ("bare", ""),
                ("utf8", ""),
                ("prefix", "/pfx"),
                ("external", "/ext/path"),
                ("lifecycle", ""),
                ("telemetry", ""),
            )
        ),
        record(
            "preflight",
            *(
                request("OPTIONS", f"/api/v1/{path}", None, origin)
                for path in ("metrics", "status", "nothing", "admin/wipe", "", "a/b/c")
            ),
            request("OPTIONS", "/api/v1", None, origin),
            look=NO_LOOK,
        ),
        record(
            "origins elsewhere",
            get("/api/v1/metrics", origin),
            get("/metrics", origin),
            get("/-/healthy", origin),
            request("OPTIONS", "/metrics", None, origin),
            look=NO_LOOK,
        ),
        record(
            "unknown paths and methods of the API",
            *(
                request(method, f"/api/v1/{path}", None)
                for method in ("GET", "POST", "PUT", "DELETE")
                for path in ("nothing", "metrics", "status", "metrics/x", "")
            ),
            look=NO_LOOK,
        ),
        record(
            "Content-Encoding means nothing to the API",
            get("/api/v1/metrics", {"Content-Encoding": "gzip"}),
            request("GET", "/api/v1/metrics", "x", {"Content-Encoding": "snappy"}),
            look=NO_LOOK,
        ),
    ]


def _admin() -> list[Record]:
    wipe = request("PUT", "/api/v1/admin/wipe")
    return [
        record("wipe", put("/metrics/job/a", "a 1\n"), put("/metrics/job/b", "a 1\n"), wipe),
        record("wipe twice", wipe, wipe),
        record("wipe with a body", put("/metrics/job/a", "a 1\n"), request("PUT", "/api/v1/admin/wipe?x", "body")),
        record("wipe a poisoned gateway", put("/metrics/job/%FF", "a 1\n"), wipe, put("/metrics/job/b", "a 1\n")),
        record("wipe and push again", put("/metrics/job/a", KINDS), wipe, post("/metrics/job/a", "a 1\n")),
        record(
            "wipe by other methods",
            *(
                request(method, "/api/v1/admin/wipe", None)
                for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH")
            ),
        ),
        record(
            "wipe that is not enabled",
            put("/metrics/job/a", "a 1\n"),
            *(request(method, "/api/v1/admin/wipe", None) for method in ("PUT", "GET", "OPTIONS", "DELETE")),
            flags="bare",
        ),
        record(
            "deletions",
            put("/metrics/job/a", KINDS),
            delete("/metrics/job/a"),
            delete("/metrics/job/a"),
            put("/metrics/job/a", "b 1\n"),
        ),
    ]


def _lifecycle() -> list[Record]:
    quit_ = "/-/quit"
    return [
        record(
            "quit that is not enabled",
            *(request(method, quit_, None) for method in ("GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS")),
        ),
        record("quit by POST", request("POST", quit_, None), Action.ENDED, flags="lifecycle", look=NO_LOOK),
        record(
            "quit by PUT with a body",
            request("PUT", quit_ + "?x", "now"),
            Action.ENDED,
            flags="lifecycle",
            look=NO_LOOK,
        ),
        record(
            "quit by other methods",
            *(request(method, quit_, None) for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PATCH")),
            flags="lifecycle",
        ),
        record(
            "quit under a prefix",
            *(
                request(method, path, None)
                for path in ("/pfx/-/quit", "/-/quit")
                for method in ("GET", "OPTIONS", "DELETE")
            ),
            request("POST", "/-/quit", None),
            request("PUT", "/pfx/-/quit", None),
            Action.ENDED,
            flags="lifecycle_prefix",
            look=NO_LOOK,
        ),
        record("stopped by SIGTERM", put("/metrics/job/a", "a 1\n"), Action.RESTART),
        record("stopped by SIGINT", put("/metrics/job/a", "a 1\n"), Action.INTERRUPT),
    ]


def _pages() -> list[Record]:
    return [
        record(
            "headers of the pages",
            *(get(path, page=True) for path in ("/", "/status", "/?x=y")),
            look=NO_LOOK,
        ),
        record(
            "files that are not there",
            get("/static/nothing", page=True),
            get("/static/a/b", page=True),
            get("/favicon.ico"),
            request("POST", "/static/x", ""),
            look=NO_LOOK,
        ),
    ]


RECORDS = [*_metrics(), *_status_and_cors(), *_admin(), *_lifecycle(), *_pages()]
