"""The answer to a scrape: negotiation, compression, order, escaping, floats, framing."""

from __future__ import annotations

from tests.conformance.protowire import COUNTER, HISTOGRAM, counter, delimited, family, histogram, metric
from tests.conformance.records import NO_LOOK, PROTOBUF, Record, chunked, get, post, put, raw, record, request, scrape

PUSHED = (
    '# HELP b help with \\\\ and \\n and "\n# TYPE b counter\nb{l="\\"\\\\\\n"} 1e6\n'
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 2\nh_count 3\n'
)

P = "application/vnd.google.protobuf"
PF = "proto=io.prometheus.client.MetricFamily"
ACCEPTS = f"""
*/*
text/html
text/plain
text/*
application/json
garbage
;
,
text/plain; version=0.0.4
text/plain;version=0.0.4;q=0.5
text/plain; version=1.0.0
text/plain; version=0.0.5
text/plain; version=1.0.0; escaping=allow-utf-8
text/plain; version=1.0.0; escaping=underscores
text/plain; version=1.0.0; escaping=dots
text/plain; version=1.0.0; escaping=values
text/plain; version=1.0.0; escaping=nonsense
text/plain; version=0.0.4; escaping=dots
text/plain; escaping=values
text/plain; escaping=Dots
text/plain; escaping="dots"
text/html; escaping=dots
*/*; escaping=values
text/plain; q=0
*/*;q=0
application/openmetrics-text
application/openmetrics-text; version=1.0.0
application/openmetrics-text; version=1.0.0; escaping=allow-utf-8
application/openmetrics-text; version=0.0.1; escaping=dots, text/plain
{P}
{P}; {PF}
{P}; encoding=delimited
{P}; {PF}; encoding=delimited
{P};{PF};encoding=delimited
{P};encoding=delimited;{PF}
{P.upper()};{PF};encoding=delimited
{P};{PF};encoding=Delimited
{P};{PF};encoding=text
{P};{PF};encoding=compact-text
{P};{PF};encoding=json
{P};proto=io.prometheus.client.Metric;encoding=delimited
{P};{PF};encoding=delimited;escaping=allow-utf-8
{P};{PF};encoding=delimited;escaping=values
{P};{PF};encoding=text;escaping=dots
{P};{PF};encoding=delimited;q=0
{P};{PF};encoding=delimited;q=0, text/plain
{P};{PF};encoding=delimited;q=0.5, text/plain;q=0.6
{P};{PF};encoding=delimited;q=0.7, text/plain;q=0.6
{P};{PF};encoding=delimited, text/plain
text/plain, {P};{PF};encoding=delimited
text/plain;q=0.5, {P};{PF};encoding=delimited;q=0.5
*/*, {P};{PF};encoding=delimited;q=0.1
text/html, {P};{PF};encoding=compact-text;q=0.1
text/html;escaping=values, {P};{PF};encoding=delimited;q=0.1
text/html;escaping=values;q=0.1, {P};{PF};encoding=delimited
{P};{PF};encoding=text;q=0.3, {P};{PF};encoding=compact-text;q=0.4
{P};{PF};encoding=delimited;q=x
{P};{PF};encoding=delimited;q=2
{P};{PF};encoding=delimited;q=-1
{P};{PF};encoding=delimited;q=0.0001
{P} ; {PF} ; encoding=delimited
{P};{PF};encoding="delimited"
application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1
{P};{PF};encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1
text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8
text/plain;version=0.0.4;escaping=allow-utf-8,text/plain;version=0.0.4;escaping=dots
text/plain;version=0.0.4;q=0.1;escaping=allow-utf-8,text/plain;version=0.0.4;escaping=dots
""".strip().splitlines()

ENCODINGS = """
gzip
GZIP
Gzip
*
identity
deflate
br
zstd
snappy
gzip, deflate
deflate, gzip
gzip, deflate, br, zstd
gzip;q=0
gzip;q=0.0
gzip; q=0
gzip;q=1.0
gzip ;q=1
gzip;q=0.1, identity;q=0.9
gzip;q=0.9, identity;q=0.1
identity, gzip
identity;q=0.5, gzip;q=0.5
identity;q=0, *;q=0
*;q=0
*;q=0.5, gzip;q=0.1
gzip;q=x
gzip;q=2
x-gzip
gzip,gzip
gzip,,
 gzip
zstd, gzip
""".strip("\n").splitlines()

ORDER = (
    'aB 1\na1 1\n:c 1\n_x 1\nZb 1\nab 1\na_b 1\na 1\na{z="a"} 1\na{l="b"} 1\na{l="a"} 1\na{l="a",m="a"} 1\n'
    'a{m="0",n="9"} 1\n'
    'a{b="\u00e9"} 1\na{b="z"} 1\na{b="Z"} 1\na{b=""} 1\na{instance="x"} 1\na{instance="a",z="0"} 1\n'
    'a{aa="1",instance=""} 1\n'
)


UNTIED = ORDER.replace('a{z="a"} 1\n', "")


def _negotiation() -> list[Record]:
    wide = put("/metrics/job/a", PUSHED)
    return [
        *(record(f"Accept: {accept}", wide, scrape(accept), look=NO_LOOK) for accept in ACCEPTS),
        record("no Accept", wide, scrape()),
        record("empty Accept", wide, scrape("")),
        record(
            "two Accept headers",
            wide,
            scrape(None, [("Accept", "text/plain;q=0.1"), ("Accept", f"{P};{PF};encoding=delimited")]),
        ),
        record(
            "two Accept headers, protobuf first",
            wide,
            scrape(None, [("Accept", f"{P};{PF};encoding=delimited"), ("Accept", "text/plain;q=0.1")]),
        ),
        *(
            record(f"Accept-Encoding: {encoding}", wide, scrape(None, {"Accept-Encoding": encoding}), look=NO_LOOK)
            for encoding in ENCODINGS
        ),
        record("empty Accept-Encoding", scrape(None, {"Accept-Encoding": ""})),
        record(
            "two Accept-Encoding headers",
            scrape(None, [("Accept-Encoding", "identity;q=0.1"), ("Accept-Encoding", "gzip")]),
        ),
        record(
            "gzip and protobuf",
            wide,
            scrape(PROTOBUF, {"Accept-Encoding": "gzip"}),
            scrape(PROTOBUF + ";escaping=dots", {"Accept-Encoding": "gzip"}),
        ),
        record(
            "gzip elsewhere",
            get("/-/healthy", {"Accept-Encoding": "gzip"}),
            get("/api/v1/metrics", {"Accept-Encoding": "gzip"}),
            get("/api/v1/status", {"Accept-Encoding": "gzip"}),
            get("/nothing", {"Accept-Encoding": "gzip"}),
            get("/", {"Accept-Encoding": "gzip"}, page=True),
        ),
        record(
            "HTTP/1.0",
            wide,
            raw("GET /metrics HTTP/1.0\r\n\r\n"),
            raw("GET /metrics HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n"),
        ),
        record(
            "headers that are ignored",
            wide,
            scrape(None, {"X-Prometheus-Scrape-Timeout-Seconds": "10"}),
            scrape(None, {"X-Prometheus-Scrape-Timeout-Seconds": "x"}),
            scrape(None, {"If-Modified-Since": "Sun, 22 Nov 2026 00:00:00 GMT"}),
            scrape(None, {"If-None-Match": "*"}),
            scrape(None, {"Range": "bytes=0-10"}),
            scrape(None, {"Origin": "http://elsewhere"}),
        ),
    ]


def _order() -> list[Record]:
    return [
        # Series of equal values under other names: up to twelve stand as they came, more as the sort leaves them.
        record("order of families and series", put("/metrics/job/a", UNTIED), scrape(PROTOBUF)),
        record("order of series that stand alike", put("/metrics/job/a", 'a{z="a"} 1\na{l="a"} 1\na{m="a"} 1\n')),
        record("order over groups", *(put(f"/metrics/job/{job}", UNTIED) for job in ("z", "a", "M", "1", "%C3%A9"))),
        record(
            "order over groups of other labels",
            put("/metrics/job/b", "m 1\n"),
            put("/metrics/job/a/x/1", "m 2\n"),
            put("/metrics/job/a/a/9", "m 3\n"),
            put("/metrics/job/a/instance/5", "m 4\n"),
            put("/metrics/job/c/a/1/b/2", "m 5\n"),
            put("/metrics/job/a/a/9/instance/0", "m 6\n"),
            put("/metrics/job/a/zz/0", 'm{aa="2"} 7\nm{aa="1"} 8\n'),
        ),
        record("ten series by value", put("/metrics/job/a", "".join(f'm{{n="{n}"}} {n}\n' for n in range(12)))),
        record(
            "a thousand series",
            put("/metrics/job/a", "".join(f'm{{n="{n * 7919 % 1000}"}} {n}\n' for n in range(1000))),
        ),
        record(
            "a thousand families",
            put("/metrics/job/a", "".join(f"m{n * 7919 % 1000} {n}\n" for n in range(1000))),
            scrape(PROTOBUF),
            scrape(None, {"Accept-Encoding": "gzip"}),
        ),
        record(
            "series come and go in the middle",
            put("/metrics/job/a", "".join(f'm{{n="{n:03}"}} {n}\n' for n in range(300))),
            put("/metrics/job/b", "".join(f'm{{n="{n:03}"}} {n}\n' for n in range(150, 450))),
            post("/metrics/job/a", "".join(f'm{{n="{n:03}"}} 1\n' for n in range(0, 300, 3))),
            request("DELETE", "/metrics/job/b"),
            put("/metrics/job/c", 'm{n="100"} 1\n'),
        ),
        record(
            "the same name and labels in other groups",
            put("/metrics/job/a", '# TYPE m gauge\nm{x="1"} 1\nm{x="2"} 2\n'),
            put("/metrics/job/b", '# TYPE m gauge\nm{x="2"} 3\nm{x="1"} 4\n'),
        ),
        record(
            "buckets stay in the order of the push",
            put(
                "/metrics/job/a",
                '# TYPE h histogram\nh_bucket{le="5"} 5\nh_bucket{le="1"} 1\nh_bucket{le="3"} 3\nh_count 9\n',
            ),
            scrape(PROTOBUF),
        ),
        record(
            "labels around le and quantile",
            put(
                "/metrics/job/a",
                '# TYPE h histogram\nh_bucket{zz="1",le="5",a="2"} 5\nh_count{zz="1",a="2"} 9\n'
                '# TYPE s summary\ns{zz="1",quantile="0.5",a="2"} 5\ns_count{zz="1",a="2"} 9\n',
            ),
        ),
    ]


def _help_and_escapes() -> list[Record]:
    created = family("c", COUNTER, metric({}, counter(1)), help='a "quote" \\ and\nline\ttab')
    return [
        record(
            "HELP in protobuf is escaped in text", put("/metrics/job/a", delimited(created), {"Content-Type": PROTOBUF})
        ),
        record(
            "HELP in one group only",
            put("/metrics/job/a", "# HELP m text\nm 1\n"),
            put("/metrics/job/b", "# HELP m text\nm 2\n"),
        ),
        record(
            "HELP of another text",
            put("/metrics/job/a", "# HELP m one\nm 1\n"),
            put("/metrics/job/b", "# HELP m two\nm 2\n"),
        ),
        record(
            "HELP here and none there", put("/metrics/job/a", "# HELP m one\nm 1\n"), put("/metrics/job/b", "m 2\n")
        ),
        record(
            "HELP changes with a push",
            put("/metrics/job/a", "# HELP m one\nm 1\n"),
            post("/metrics/job/a", "# HELP m two\nm 1\n"),
        ),
        record(
            "values with every escape",
            put("/metrics/job/a", 'm{a="\\\\\\\\",b="\\"\\"",c="\\n\\n",d="\\\\n",e="\t\r\x01\x7f"} 1\n'),
        ),
        record(
            "empty families are not shown",
            put("/metrics/job/a", delimited(family("e", HISTOGRAM, help="x")), {"Content-Type": PROTOBUF}),
        ),
        record(
            "an empty family beside a full one",
            put("/metrics/job/a", delimited(family("e", HISTOGRAM)), {"Content-Type": PROTOBUF}),
            put(
                "/metrics/job/b",
                delimited(family("e", HISTOGRAM, metric({}, histogram(1, 1)))),
                {"Content-Type": PROTOBUF},
            ),
        ),
        record(
            "push_time_seconds of several groups", *(put(f"/metrics/job/{job}", "") for job in "cab"), scrape(PROTOBUF)
        ),
    ]


def _own_metrics() -> list[Record]:
    requests = "pushgateway_http_requests_total"
    sizes = "pushgateway_http_push_size_bytes"
    return [
        record(
            "requests are counted by code, handler and method",
            put("/metrics/job/a", "a 1\n"),
            put("/metrics/job/a", "bad"),
            put("/metrics/job/a", "a 1 1\n"),
            put("/metrics/job/a/b", ""),
            post("/metrics/job/a", "a 1\n"),
            post("/metrics/job@base64/YQ", "a 1\n"),
            request("DELETE", "/metrics/job/a"),
            request("DELETE", "/metrics/job@base64/!"),
            get("/-/healthy"),
            get("/-/ready"),
            get("/", page=True),
            get("/status", page=True),
            get("/static/nothing", page=True),
            get("/api/v1/metrics"),
            get("/api/v1/status"),
            request("OPTIONS", "/api/v1/metrics"),
            request("OPTIONS", "/api/v1/nothing"),
            request("PUT", "/api/v1/admin/wipe"),
            request("GET", "/api/v1/admin/wipe"),
            request("OPTIONS", "/metrics"),
            request("OPTIONS", "/metrics/job/a"),
            request("PATCH", "/metrics/job/a"),
            request("HEAD", "/-/healthy"),
            get("/metrics"),
            get("/metrics/"),
            get("/nothing"),
            get("/-/quit"),
            post("/-/quit"),
            put("/metrics/job/a", "", {"Content-Encoding": "gzip"}),
            scrape(keep=[requests]),
            fresh=True,
        ),
        record(
            "request sizes are measured",
            put("/metrics/job/a", "a 1\n"),
            post("/metrics/job/a?x=y", "a 1\n", {"X": "y"}),
            scrape(keep=[sizes]),
            fresh=True,
        ),
        record(
            "request sizes of refused and chunked pushes",
            put("/metrics/job/a", "garbage"),
            put("/metrics/job/a/b", "garbage"),
            chunked("PUT", "/metrics/job/a", ["a 1\n"]),
            request("DELETE", "/metrics/job/a"),
            scrape(keep=[sizes]),
            fresh=True,
        ),
        record(
            "request sizes go by the URL as Go prints it",
            *(
                put(f"/metrics/job/{rest}", "")
                for rest in ("a%2Fb%2Fc", "%41", "a%20b", "!*'()[]", "[<b>]", "a%5b", "\u00e9", "a/b/%FF?c#d", "a?")
            ),
            raw("PUT http://other:80/metrics/job/a HTTP/1.1\r\nHost: gateway\r\n\r\n"),
            raw("PUT http://u:p@h/metrics/job/a?x HTTP/1.1\r\nHost: gateway\r\n\r\n"),
            request("PUT", "/api/v1/admin/wipe"),
            scrape(keep=[sizes]),
            fresh=True,
        ),
        record(
            "request sizes go by the headers as Go keeps them",
            put("/metrics/job/a", "", [("X", "a b "), ("x", ""), ("Y", "c"), ("X", "d")]),
            put("/metrics/job/a", "a 1\n", [("Content-Length", "4")]),
            chunked("PUT", "/metrics/job/a", ["a 1\n"], [("Trailer", "Z"), ("X", "")]),
            put("/metrics/job/a", "", [("Trailer", "Z"), ("Connection", "close")]),
            scrape(keep=[sizes]),
            fresh=True,
        ),
        record(
            "nothing is counted at first",
            scrape(keep=[requests, sizes, "pushgateway_http_push_duration_seconds"]),
            fresh=True,
        ),
    ]


RECORDS = [*_negotiation(), *_order(), *_help_and_escapes(), *_own_metrics()]
