"""``--push.enable-utf8-names``: quoted names in bodies, escaped names in paths, escaping at scrape."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.protowire import GAUGE, delimited, family, gauge, metric
from tests.conformance.records import PROTOBUF, Record, Step, api, delete, post, put, record, scrape

SCHEMES = ("allow-utf-8", "underscores", "dots", "values")
EVERY_SCHEME = (scrape(), *(scrape(f"text/plain; version=1.0.0; escaping={scheme}") for scheme in SCHEMES), api())

PATHS: Mapping[str, str | bytes] = {
    "dotted label": "/metrics/job/a/b.c/d",
    "utf-8 label": "/metrics/job/a/caf%C3%A9/d",
    "raw utf-8 label": "/metrics/job/a/caf\u00e9/d",
    "label of a space": "/metrics/job/a/b%20c/d",
    "label of a digit": "/metrics/job/a/1/d",
    "label of a colon": "/metrics/job/a/b:c/d",
    "label of quotes and a backslash": "/metrics/job/a/%22b%5C/d",
    "label of a newline": "/metrics/job/a/b%0Ac/d",
    "label of an equals sign": "/metrics/job/a/b=c/d",
    "empty label": "/metrics/job/a/@base64/YQ",
    "not utf-8": "/metrics/job/a/%FF/d",
    "raw byte": b"/metrics/job/a/\xff/d",
    "surrogate": "/metrics/job/a/%ED%A0%80/d",
    "reserved": "/metrics/job/a/__b/d",
    "reserved and dotted": "/metrics/job/a/__b.c/d",
    "escaped dot": "/metrics/job/a/U__b_2e_c/d",
    "escaped and reserved": "/metrics/job/a/U_____foo/d",
    "escaped letter": "/metrics/job/a/U__b_61_c/d",
    "escaped underscore": "/metrics/job/a/U__b__c/d",
    "escaped euro": "/metrics/job/a/U___20ac_/d",
    "escaped emoji": "/metrics/job/a/U___1f600_/d",
    "escaped upper case": "/metrics/job/a/U___20AC_/d",
    "escaped surrogate": "/metrics/job/a/U___d800_/d",
    "escaped beyond unicode": "/metrics/job/a/U___110000_/d",
    "escaped too long": "/metrics/job/a/U___1234567_/d",
    "escaped not hexadecimal": "/metrics/job/a/U___xy_/d",
    "escaped open": "/metrics/job/a/U__b_2e/d",
    "escaped open at once": "/metrics/job/a/U__b_/d",
    "escaped empty": "/metrics/job/a/U__/d",
    "escaped empty number": "/metrics/job/a/U__a__b/d",
    "escaped nul": "/metrics/job/a/U___0_/d",
    "escaped slash": "/metrics/job/a/U__b_2f_c/d",
    "escaped with other characters": "/metrics/job/a/U__b.c/d",
    "escaped with a dash": "/metrics/job/a/U__b_2e_c-d/d",
    "lower-case prefix": "/metrics/job/a/u__b_2e_c/d",
    "escaped job": "/metrics/job/a/U__job/d",
    "escaped job by number": "/metrics/job/a/U___6a_ob/d",
    "escaped twins": "/metrics/job/a/U__b_2e_c/1/b.c/2",
    "escaped and base64": "/metrics/job/a/U__b_2e_c@base64/ZA",
    "dotted and base64": "/metrics/job/a/b.c@base64/ZA",
    "bad base64 of a dotted label": "/metrics/job/a/b.c@base64/!",
    "several": "/metrics/job/a/b.c/1/b_c/2/\u00e9/3",
    "escaped value is a value": "/metrics/job/a/b/U__c_2e_d",
}

BODIES: Mapping[str, str | bytes] = {
    "quoted name": '{"a.b"} 1\n',
    "quoted name and label": '{"a.b",c="d"} 1\n',
    "quoted label": 'a{"b.c"="d"} 1\n',
    "quoted name, quoted label": '{"a.b","c.d"="e","f"="g"} 1\n',
    "quoted name after a label": '{c="d","a.b"} 1\n',
    "quoted name after a quoted label": '{"c.d"="e","a.b"} 1\n',
    "quoted legacy name": '{"abc"} 1\n',
    "utf-8 name": '{"caf\u00e9 \u20ac"} 1\n',
    "utf-8 name unquoted": "caf\u00e9 1\n",
    "dotted name unquoted": "a.b 1\n",
    "utf-8 label unquoted": 'a{\u00e9="b"} 1\n',
    "two quoted names": '{"a.b","c.d"} 1\n',
    "two equal names": '{"a.b","a.b"} 1\n',
    "a name and a quoted name": 'x{"a.b"} 1\n',
    "text after a quoted name": '{"a.b"x} 1\n',
    "space after a quoted name": '{"a.b" } 1\n',
    "spaces everywhere": '{ "a.b" , "c.d" = "e" } 1\n',
    "comma after a quoted name": '{"a.b",} 1\n',
    "empty quoted name": '{""} 1\n',
    "empty quoted label": 'a{""="b"} 1\n',
    "empty braces": 'a 1\n{"a"} 2\n',
    "labels without a name": '{a="b"} 1\n',
    "escapes in a quoted name": '{"a\\"b\\\\c\\nd"} 1\n',
    "unknown escape in a quoted name": '{"a\\x"} 1\n',
    "newline in a quoted name": '{"a\nb"} 1\n',
    "open quoted name": '{"a.b',
    "no value after a quoted name": '{"a.b"}\n',
    "invalid utf-8 in a quoted name": b'{"a\xff"} 1\n',
    "invalid utf-8 in a quoted label": b'a{"b\xff"="c"} 1\n',
    "nul in a quoted name": b'{"a\x00b"} 1\n',
    "quoted __name__": '{"a.b","__name__"="x"} 1\n',
    "quoted reserved label": '{"a.b","__x.y"="z"} 1\n',
    "duplicate quoted labels": '{"a.b","c.d"="1","c.d"="2"} 1\n',
    "duplicate label, once quoted": 'a{b="1","b"="2"} 1\n',
    "TYPE of a quoted name": '# TYPE "a.b" counter\n{"a.b"} 1\n',
    "HELP of a quoted name": '# HELP "a.b" some text\n{"a.b"} 1\n',
    "HELP of a quoted name with escapes": '# HELP "a\\"\\\\\\nb" some text\n{"a\\"\\\\\\nb"} 1\n',
    "HELP of an open quoted name": '# HELP "a.b\n',
    "HELP of a quoted name without text": '# HELP "a.b"\n{"a.b"} 1\n',
    "HELP of a quoted name glued": '# HELP "a.b"text\n{"a.b"} 1\n',
    "TYPE twice for a quoted name": '# TYPE "a.b" counter\n# TYPE "a.b" gauge\n',
    "TYPE of an unquoted dotted name": "# TYPE a.b counter\n",
    "TYPE of an empty quoted name": '# TYPE "" counter\n',
    "summary of a quoted name": '# TYPE "s.x" summary\n{"s.x",quantile="0.5"} 1\n{"s.x_sum"} 2\n{"s.x_count"} 3\n',
    "histogram of a quoted name": '# TYPE "h.x" histogram\n{"h.x_bucket",le="1"} 1\n{"h.x_sum"} 2\n{"h.x_count"} 3\n',
    "histogram of quoted labels": '# TYPE h histogram\nh_bucket{"l.m"="x","le"="1"} 1\nh_count{"l.m"="x"} 3\n',
    "timestamp on a quoted name": '{"a.b"} 1 1\n',
    "U__ in a body": '{"U__a_2e_b"} 1\nU__a_2e_b 2\n',
    "names that meet when escaped": '{"a.b"} 1\n{"a_b"} 2\na_b{x="y"} 3\n{"a b"} 4\n',
    "labels that meet when escaped": '{"m","a.b"="1","a_b"="2"} 1\n',
    "every character": '{"a' + "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\') + '"} 1\n',
    "underscores": '{"_"} 1\n{"__"} 1\n{"a__b.c"} 1\n{"a.b__c_d"} 1\n',
    "name starting with a digit": '{"1a"} 1\n{"1a.b"} 2\n{"1.a"} 2\n',
    "name of dots": '{"."} 1\n{".."} 1\n{"..a.."} 1\n',
    "emoji": '{"\U0001f600"} 1\n{"a\U0001f600b",l="\U0001f600"} 1\n',
    "go_goroutines dotted": '{"go.goroutines"} 1\n',
    "order of unescaped names": '{"b.a"} 1\nb_b 2\n{"b a"} 3\n{"ba"} 4\n{"m","z.a"="1","z_b"="2","zA"="3"} 1\n',
}


def _wire(name: str, *families: bytes) -> Record:
    push = put("/metrics/job/a", delimited(*families), {"Content-Type": PROTOBUF})
    kinds = ("delimited", "text", "compact-text")
    scrapes = [
        scrape(PROTOBUF.replace("delimited", kind) + f"; escaping={scheme}") for kind in kinds for scheme in SCHEMES
    ]
    return record(name, push, *EVERY_SCHEME, *scrapes, flags="utf8")


def _with(name: str, *steps: Step) -> Record:
    return record(name, *steps, flags="utf8")


RECORDS = [
    *(_with(f"path: {name}", put(path, "m 1\n"), *EVERY_SCHEME[1:3], delete(path)) for name, path in PATHS.items()),
    *(_with(f"body: {name}", put("/metrics/job/a", body), *EVERY_SCHEME) for name, body in BODIES.items()),
    _wire("protobuf: dotted", family("a.b", GAUGE, metric({"c.d": "e"}, gauge(1)), help="h")),
    _wire("protobuf: utf-8", family("caf\u00e9", GAUGE, metric({"\u20ac": "e"}, gauge(1)))),
    _wire("protobuf: legacy", family("abc", GAUGE, metric({"d": "e"}, gauge(1)))),
    _wire(
        "protobuf: names that meet",
        family("a.b", GAUGE, metric({}, gauge(1))),
        family("a_b", GAUGE, metric({}, gauge(2))),
    ),
    _wire("protobuf: invalid utf-8", family(b"a\xff", GAUGE, metric({}, gauge(1)))),
    _wire("protobuf: empty label name", family("a", GAUGE, metric({"": "x"}, gauge(1)))),
    _with(
        "groups by escaped and plain names are one",
        put("/metrics/job/a/U__b_2e_c/d", "x 1\n"),
        post("/metrics/job/a/b.c/d", "y 2\n"),
        delete("/metrics/job/a/b%2Ec/d"),
    ),
    _with(
        "two groups whose labels meet when escaped",
        put("/metrics/job/a/b.c/d", "x 1\n"),
        put("/metrics/job/a/b_c/d", "x 2\n"),
        *EVERY_SCHEME,
    ),
    record(
        "without the flag a dotted name reaches the store through protobuf alone",
        put(
            "/metrics/job/a",
            delimited(family("a.b", GAUGE, metric({"c.d": "e"}, gauge(1)))),
            {"Content-Type": PROTOBUF},
        ),
        *EVERY_SCHEME,
        put("/metrics/job/a", '{"a.b"} 1\n'),
        put("/metrics/job/a/U__b_2e_c/d", "x 1\n"),
    ),
]
