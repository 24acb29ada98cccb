"""Paths, methods and the message around them: cleaning, redirects, grouping keys, 404 and 405, framing."""

from __future__ import annotations

from tests.conformance.records import NO_LOOK, Record, Request, chunked, delete, get, post, put, raw, record, request

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get", "FOO")

FIXED_PATHS = {
    "metrics": "/metrics",
    "push path": "/metrics/job/a",
    "push path with labels": "/metrics/job/a/instance/b",
    "base64 push path": "/metrics/job@base64/YQ",
    "job without name": "/metrics/job",
    "healthy": "/-/healthy",
    "ready": "/-/ready",
    "quit": "/-/quit",
    "api status": "/api/v1/status",
    "api metrics": "/api/v1/metrics",
    "api wipe": "/api/v1/admin/wipe",
    "api root": "/api/v1/",
    "api unknown": "/api/v1/nothing",
    "unknown": "/nothing/here",
}


def _page(path: str) -> bool:
    """Tell paths whose page is each program's own markup."""
    return path in ("/", "/status")


def _methods() -> list[Record]:
    records = []
    for name, path in FIXED_PATHS.items():
        steps = [request(method, path, None if method in ("GET", "HEAD") else "") for method in METHODS]
        # The answers of the status document and of wiped gateways are separate sections.
        records.append(record(f"every method on {name}", *steps))
    for path in ("/", "/status"):
        steps = [request(method, path, None, page=method == "GET") for method in METHODS]
        records.append(record(f"every method on the page {path}", *steps))
    return records


CLEANED_OR_REDIRECTED = """
/metrics/ /METRICS /Metrics /metrics// //metrics /./metrics /../metrics /metrics/. /metrics/.. /x/../metrics
/metrics/job/ /METRICS/JOB/a /Metrics/Job/a/ /metrics/JOB/a/Instance/B /metrics/job@BASE64/YQ /metrics//job/a
/metrics/job//a /metrics/job/a//b/c /metrics/job/a/b//c /metrics/job/a/b//c/d /metrics/job/a/./b/c
/metrics/job/a/../b/c /metrics/job/a/b/.. /metrics/job/a/b/. /metrics/job/.. /metrics/job/. /metrics/job/a/b/../
/metrics/job/a// /metrics/job/a/b// /metrics/job/a%2F%2Fb /metrics/job/%2E /metrics/job/%2E%2E /metrics/job/%2F
/metrics/job/a/%2e%2e/b /metrics/job/a/b/%2F /metrics/job/a/b/c%2F /metrics/job/a%20b//c /metrics/job/a%25b//c
/metrics//job/a?x=1&y=%20 /metrics/job/a%3F//b /metrics/job//instance/b /status/ /STATUS /Status/ /-/Healthy
/-/READY/ /-/healthy/ /-/ready// /-/quit/ /-/QUIT /debug //// // /./ /.. /../ /api/v1 /api/v1/ /api /api/v2/status
/api/v1/metrics/ /api/v1/status/ /api/v1/METRICS /API/v1/metrics /api/v1//metrics /api/v1/Status /api/v1/admin
/api/v1/admin/ /api/v1/admin/wipe/ /api/v1/Admin/Wipe /metrics/job/caf%C3%A9//x /metrics/job/%ff//x
/metrics/job/a;b//c /metrics/job/a+b//c /metrics/job/%00//c /metrics/job/a~b//c /metrics/job/%22%3C%3E//c
/metrics/job/a:b@c//d /metrics/job/a=b&c//d /metrics/job/[a]//d /METRICS/?a=b /metrics/?name[]=a /metricsx
/metrics/jo /metrics/jobs/a /metrics/job@base64 /metrics/job@base64/ /metrics/job@base32/a /metrics/instance/a
"""
REDIRECTS = CLEANED_OR_REDIRECTED.split()


def _redirects() -> list[Record]:
    return [
        record(
            f"{path} by GET, PUT, DELETE, OPTIONS",
            *(request(method, path, None) for method in ("GET", "PUT", "DELETE", "OPTIONS")),
        )
        for path in REDIRECTS
    ]


GROUPS: dict[str, str | bytes] = {
    "only a job": "/metrics/job/a",
    "trailing slash": "/metrics/job/a/",
    "instance": "/metrics/job/a/instance/b",
    "two labels unsorted": "/metrics/job/a/z/1/b/2",
    "empty value at the end": "/metrics/job/a/i/",
    "odd number": "/metrics/job/a/i",
    "odd number with trailing slash": "/metrics/job/a/i/b/",
    "odd number of five": "/metrics/job/a/i/b/c",
    "slash in the job": "/metrics/job/a%2Fb",
    "slash in the job making labels": "/metrics/job/a%2Fb%2Fc",
    "slash in a value": "/metrics/job/a/i/b%2Fc",
    "slash in a value making a pair": "/metrics/job/a/i/b%2Fc%2Fd",
    "encoded slashes all over": "/metrics%2Fjob%2Fa",
    "plus": "/metrics/job/a+b/i/c+d",
    "space": "/metrics/job/a%20b/i/c%20d",
    "utf-8": "/metrics/job/caf%C3%A9/i/%E2%82%AC",
    "raw utf-8": "/metrics/job/café/i/€",
    "nul": "/metrics/job/a%00b/i/%00",
    "percent": "/metrics/job/100%25/i/%2541",
    "question mark": "/metrics/job/a%3Fb/i/c%3Fd",
    "query": "/metrics/job/a/i/b?c=d&job=e",
    "query of a question mark": "/metrics/job/a??",
    "hash": "/metrics/job/a#frag",
    "encoded hash": "/metrics/job/a%23frag",
    "semicolon and friends": "/metrics/job/a;b,c:d=e&f$g!h*i(j)'k",
    "quotes and backslash": "/metrics/job/%22a%5C%22/i/%27b%5Cn",
    "raw quotes and backslash": '/metrics/job/"a\\"/i/b',
    "newline": "/metrics/job/a%0Ab/i/%0D%0A",
    "tab and control": "/metrics/job/a%09b/i/%1b%7f",
    "angle brackets": "/metrics/job/<a>&b/i/%3Cc%3E",
    "brackets and braces": "/metrics/job/{a}[b]|^`",
    "tilde and dots": "/metrics/job/~a/i/...",
    "lower-case escapes": "/metrics/job/%e2%82%ac",
    "escaped letters of the path": "/%6detrics/j%6Fb/a",
    "raw byte": b"/metrics/job/a\xe9b",
    "colon in the name": "/metrics/job/a/b:c/d",
    "digit first in the name": "/metrics/job/a/1b/d",
    "dash in the name": "/metrics/job/a/b-c/d",
    "equals in the name": "/metrics/job/a/b=c/d",
    "utf-8 in the name": "/metrics/job/a/caf%C3%A9/d",
    "empty name": "/metrics/job/a/@base64/YQ",
    "space in the name": "/metrics/job/a/b%20c/d",
    "underscore names": "/metrics/job/a/_/1/_b/2/c_/3",
    "reserved name": "/metrics/job/a/__b/c",
    "reserved __name__": "/metrics/job/a/__name__/c",
    "two underscores": "/metrics/job/a/__/c",
    "upper-case name": "/metrics/job/a/Instance/c",
    "another job": "/metrics/job/a/job/b",
    "two more jobs": "/metrics/job/a/job/b/job/c",
    "duplicate name": "/metrics/job/a/i/1/i/2",
    "duplicate name plain and base64": "/metrics/job/a/i/1/i@base64/Mg",
    "le as a label": "/metrics/job/a/le/1",
    "quantile as a label": "/metrics/job/a/quantile/1",
    "U__ without the flag": "/metrics/job/a/U__b_2e_c/d",
    "a long path": "/metrics/job/" + "a" * 3000,
    "many labels": "/metrics/job/a" + "".join(f"/l{number}/v{number}" for number in range(60)),
    "job named job": "/metrics/job/job/job/job",
    "job named metrics": "/metrics/job/metrics",
}

BASE64: dict[str, str] = {
    "job": "/metrics/job@base64/YQ",
    "padded job": "/metrics/job@base64/YQ==",
    "over-padded job": "/metrics/job@base64/YQ======",
    "padding in the middle": "/metrics/job@base64/Y=Q",
    "escaped padding": "/metrics/job@base64/YQ%3D%3D",
    "escaped at sign": "/metrics/job%40base64/YQ",
    "slash inside": "/metrics/job@base64/YS9i",
    "url alphabet": "/metrics/job@base64/-_-_",
    "standard alphabet plus": "/metrics/job@base64/a+b",
    "standard alphabet slash": "/metrics/job@base64/a%2Fbc",
    "only padding": "/metrics/job@base64/=",
    "only paddings": "/metrics/job@base64/====",
    "bad byte first": "/metrics/job@base64/.abc",
    "bad byte second": "/metrics/job@base64/a.bc",
    "bad byte fifth": "/metrics/job@base64/YWJj.YQ",
    "impossible length": "/metrics/job@base64/abcde",
    "single letter": "/metrics/job@base64/a",
    "trailing bits": "/metrics/job@base64/YR",
    "trailing bits of three": "/metrics/job@base64/YWK",
    "line feed inside": "/metrics/job@base64/Y%0AQ",
    "carriage return inside": "/metrics/job@base64/Y%0D%0AQ",
    "only a line feed": "/metrics/job@base64/%0A",
    "space inside": "/metrics/job@base64/Y%20Q",
    "nul inside": "/metrics/job@base64/Y%00Q",
    "utf-8 inside": "/metrics/job@base64/Y%C3%A9",
    "not utf-8 when decoded": "/metrics/job@base64/_w",
    "nul when decoded": "/metrics/job@base64/AA",
    "label": "/metrics/job/a/i@base64/YS9i",
    "label and job": "/metrics/job@base64/YQ/i@base64/YS9i",
    "empty label": "/metrics/job/a/i@base64/=",
    "empty label at the end": "/metrics/job/a/i@base64/",
    "empty instance": "/metrics/job/a/instance@base64/=",
    "bad label": "/metrics/job/a/i@base64/a.b",
    "bad label length": "/metrics/job/a/i@base64/abcde",
    "bad second label": "/metrics/job/a/i@base64/YQ/j@base64/!",
    "bad job and bad label": "/metrics/job@base64/!/i@base64/!",
    "bad name and bad label": "/metrics/job/a/b-c@base64/!",
    "bad label and bad name after it": "/metrics/job/a/i@base64/!/b-c/d",
    "suffix of other case": "/metrics/job/a/i@Base64/YQ",
    "suffix twice": "/metrics/job/a/i@base64@base64/YQ",
    "reserved name in base64": "/metrics/job/a/__i@base64/YQ",
    "job as label in base64": "/metrics/job/a/job@base64/Yg",
    "odd number after a base64 job": "/metrics/job@base64/YQ/i",
    "bad base64 and odd number": "/metrics/job@base64/!/i",
    "two values of one base64 name": "/metrics/job/a/i@base64/YQ/i@base64/Yg",
    "value of quotes": "/metrics/job/a/i@base64/IgoiXA",
    "not utf-8 before the bad byte": "/metrics/job@base64/_w_w.",
}


def _groups() -> list[Record]:
    records = []
    for name, path in {**GROUPS, **{f"base64 {name}": path for name, path in BASE64.items()}}.items():
        records.append(record(f"group: {name}", put(path, "some_metric 3\n"), post(path, "other 4\n"), delete(path)))
    return records


def _order_of_checks() -> list[Record]:
    bad_body = "garbage"
    return [
        record(
            "url errors come before body errors",
            put("/metrics/job@base64/!", bad_body),
            put("/metrics/job/a/b", bad_body),
            put("/metrics/job/a/b-c/d", bad_body),
            put("/metrics/job@base64/=", bad_body),
        ),
        record(
            "labels are judged before the job is found empty",
            put("/metrics/job@base64/=/b", ""),
            put("/metrics/job@base64/=/b-c/d", ""),
            put("/metrics/job@base64/=/b/d", ""),
        ),
        record(
            "deletions judge their URL alone",
            delete("/metrics/job/never"),
            delete("/metrics/job/a/b"),
            delete("/metrics/job@base64/="),
            request("DELETE", "/metrics/job/a", bad_body),
            request("DELETE", "/metrics/job/a", "a 1\n"),
        ),
        record(
            "groups with and without an empty label stand apart",
            put("/metrics/job/a", "x 1\n"),
            put("/metrics/job/a/foo@base64/=", "y 1\n"),
            put("/metrics/job/a/instance@base64/=", "z 1\n"),
            delete("/metrics/job/a"),
        ),
        record(
            "a DELETE matches the exact grouping key",
            put("/metrics/job/a/i/1", "x 1\n"),
            put("/metrics/job/a/i/2", "x 1\n"),
            delete("/metrics/job/a"),
            delete("/metrics/job/a/i@base64/MQ"),
        ),
    ]


def _raw(line: str, *headers: str, body: str = "", **more: str | bool) -> Request:
    return raw("\r\n".join([line, *headers, "", body]), **more)  # type: ignore[arg-type]


HOST = "Host: gateway"


def _chunked(body: str, *headers: str, coding: str = "chunked") -> Request:
    return _raw("PUT /metrics/job/chunked HTTP/1.1", HOST, f"Transfer-Encoding: {coding}", *headers, body=body)


def _messages() -> list[Record]:
    """The framing of requests: Host, protocol versions, targets, lengths, codings, connections."""
    return [
        record(
            "Host",
            _raw("GET /-/healthy HTTP/1.1"),
            _raw("GET /-/healthy HTTP/1.1", HOST, HOST),
            _raw("GET /-/healthy HTTP/1.1", "Host:"),
            _raw("GET /-/healthy HTTP/1.1", "Host: a b"),
            _raw("GET /-/healthy HTTP/1.1", "hOST: gateway"),
            _raw("GET /-/healthy HTTP/1.1", "Host: gateway/x"),
            _raw("GET /-/healthy HTTP/1.0"),
            look=NO_LOOK,
        ),
        record(
            "protocol versions",
            _raw("GET /-/healthy HTTP/1.0", HOST, method="GET"),
            _raw("GET /-/healthy HTTP/1.0", HOST, "Connection: keep-alive", marker=True),
            _raw("GET /metrics/ HTTP/1.0", HOST),
            _raw("PUT /metrics/job/a HTTP/1.0", HOST, "Content-Length: 4", body="a 1\n"),
            _raw("GET /-/healthy HTTP/1.2", HOST),
            _raw("GET /-/healthy HTTP/2.0", HOST),
            _raw("GET /-/healthy HTTP/3.7", HOST),
            _raw("GET /-/healthy HTTP/0.9", HOST),
            _raw("GET /-/healthy HTTP/1", HOST),
            _raw("GET /-/healthy HTTP/11.1", HOST),
            _raw("GET /-/healthy http/1.1", HOST),
            _raw("GET /-/healthy FTP/1.1", HOST),
            _raw("GET /-/healthy", HOST),
        ),
        record(
            "request lines",
            _raw("GET  /-/healthy HTTP/1.1", HOST),
            _raw("GET /-/heal thy HTTP/1.1", HOST),
            _raw("G(T /-/healthy HTTP/1.1", HOST),
            _raw("G\u00c9T /-/healthy HTTP/1.1", HOST),
            _raw(" GET /-/healthy HTTP/1.1", HOST),
            _raw("GET", HOST),
            _raw("GET -/healthy HTTP/1.1", HOST),
            _raw("GET /-/healthy%zz HTTP/1.1", HOST),
            _raw("GET /-/healthy% HTTP/1.1", HOST),
            _raw("GET /-/healthy?%zz HTTP/1.1", HOST),
            _raw("GET /-/healthy?a;b HTTP/1.1", HOST),
            _raw("GET /-/healthy\x01 HTTP/1.1", HOST),
            _raw("GET /-/healthy\x7f HTTP/1.1", HOST),
            _raw("GET * HTTP/1.1", HOST),
            _raw("OPTIONS * HTTP/1.1", HOST),
            _raw("PUT * HTTP/1.1", HOST, "Content-Length: 0"),
            _raw("CONNECT gateway:80 HTTP/1.1", HOST),
            _raw("CONNECT /-/healthy HTTP/1.1", HOST),
            _raw("CONNECT /metrics// HTTP/1.1", HOST),
            look=NO_LOOK,
        ),
        record(
            "absolute-form targets",
            _raw("GET http://elsewhere/-/healthy HTTP/1.1", HOST),
            _raw("GET HTTP://elsewhere:80/-/ready HTTP/1.1", HOST),
            _raw("GET https://elsewhere/-/healthy HTTP/1.1", HOST),
            _raw("GET http://elsewhere/-/healthy?x HTTP/1.1"),
            _raw("GET http://user:secret@elsewhere/-/healthy HTTP/1.1", HOST),
            _raw("GET http://elsewhere/metrics/ HTTP/1.1", HOST),
            _raw("GET http://elsewhere//metrics HTTP/1.1", HOST),
            _raw("PUT http://elsewhere/metrics/job/absolute HTTP/1.1", HOST, "Content-Length: 4", body="a 1\n"),
            _raw("GET http:///-/healthy HTTP/1.1", HOST),
            _raw("GET http:/-/healthy HTTP/1.1", HOST),
            _raw("GET mailto:x HTTP/1.1", HOST),
            _raw("GET http://[::1/-/healthy HTTP/1.1", HOST),
            _raw("GET http://elsewhere%zz/-/healthy HTTP/1.1", HOST),
            _raw("GET //elsewhere/-/healthy HTTP/1.1", HOST),
        ),
        record(
            "header lines",
            _raw("GET /-/healthy HTTP/1.1", HOST, "Bad Header: x"),
            _raw("GET /-/healthy HTTP/1.1", HOST, "NoColon"),
            _raw("GET /-/healthy HTTP/1.1", HOST, ": empty"),
            _raw("GET /-/healthy HTTP/1.1", HOST, "X: a", " folded"),
            _raw("GET /-/healthy HTTP/1.1", " Host: gateway", HOST),
            _raw("GET /-/healthy HTTP/1.1", HOST, "X : a"),
            _raw("GET /-/healthy HTTP/1.1", HOST, "X: \x00"),
            _raw("GET /-/healthy HTTP/1.1", HOST, "X: \u00e9"),
            raw("GET /-/healthy HTTP/1.1\nHost: gateway\n\n"),
            raw("\r\nGET /-/healthy HTTP/1.1\r\nHost: gateway\r\n\r\n"),
            look=NO_LOOK,
        ),
        record(
            "lengths",
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: 4", "Content-Length: 4", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: 4", "Content-Length: 5", body="a 1\n\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: x", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: -1", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: +4", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: 0x4", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length:", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: 004", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: 4, 4", body="a 1\n"),
            _raw("PUT /metrics/job/none HTTP/1.1", HOST),
            _raw("POST /metrics/job/none HTTP/1.1", HOST),
        ),
        record(
            "a body cut short gets no answer and stores nothing",
            _raw("PUT /metrics/job/short HTTP/1.1", HOST, "Content-Length: 40", body="a 1\n", half_close=True),
            raw(
                "PUT /metrics/job/short HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n",
                half_close=True,
            ),
        ),
        record(
            "chunked bodies",
            chunked("PUT", "/metrics/job/a", ["a 1\n", "b 2\n"]),
            chunked("POST", "/metrics/job/a", ["c", " ", "3", "\n"]),
            chunked("PUT", "/metrics/job/empty", []),
            chunked("DELETE", "/metrics/job/never", ["x"]),
            chunked("PUT", "/metrics/job/bad", ["bad\n"]),
            _chunked("4;x=y\r\na 1\n\r\n0\r\nT: v\r\n\r\n"),
            _chunked("4\r\na 1\n\r\n0\r\n\r\n", coding="Chunked"),
            _chunked("z\r\na 1\n\r\n0\r\n\r\n"),
            _chunked("4\r\na 1\nxx0\r\n\r\n"),
        ),
        record(
            "other transfer codings",
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Transfer-Encoding: gzip", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Transfer-Encoding: identity", "Content-Length: 4", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"),
            _raw(
                "PUT /metrics/job/a HTTP/1.1",
                HOST,
                "Transfer-Encoding: chunked",
                "Transfer-Encoding: chunked",
                body="0\r\n\r\n",
            ),
            _raw("PUT /metrics/job/a HTTP/1.0", HOST, "Transfer-Encoding: chunked", body="4\r\na 1\n\r\n0\r\n\r\n"),
        ),
        record(
            "connections stay open, or close",
            _raw("GET /-/healthy HTTP/1.1", HOST, marker=True),
            _raw("GET /-/healthy HTTP/1.1", HOST, "Connection: close", marker=True),
            _raw("GET /-/healthy HTTP/1.1", HOST, "Connection: Close, x", marker=True),
            _raw("GET /-/healthy HTTP/1.1", HOST, "Connection: keep-alive", marker=True),
            _raw("GET /-/healthy HTTP/1.0", HOST, marker=True),
            _raw("GET /nothing HTTP/1.1", HOST, marker=True),
            _raw("GET /metrics/ HTTP/1.1", HOST, marker=True),
            _raw("PATCH /metrics HTTP/1.1", HOST, marker=True),
            _raw("HEAD /metrics HTTP/1.1", HOST),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: 4", body="a 1\n", marker=True),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Content-Length: 4", body="bad\n", marker=True),
            _raw("PUT /metrics/job/a/b HTTP/1.1", HOST, "Content-Length: 4", body="a 1\n", marker=True),
            _raw("PUT /nothing HTTP/1.1", HOST, "Content-Length: 4", body="a 1\n", marker=True),
            _raw("DELETE /metrics/job/a HTTP/1.1", HOST, "Content-Length: 4", body="a 1\n", marker=True),
            _raw("GET /-/healthy HTTP/1.1", HOST, "Content-Length: 4", body="a 1\n", marker=True),
        ),
        record(
            "Expect",
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Expect: 100-continue", "Content-Length: 4", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Expect: 100-Continue", "Content-Length: 4", body="bad\n"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Expect: 100-continue", "Content-Length: 0"),
            _raw("PUT /metrics/job/a HTTP/1.1", HOST, "Expect: 200-ok", "Content-Length: 4", body="a 1\n"),
            _raw("PUT /nothing HTTP/1.1", HOST, "Expect: 100-continue", "Content-Length: 4", body="a 1\n"),
            _raw("GET /-/healthy HTTP/1.1", HOST, "Expect: 100-continue"),
            _raw("PUT /metrics/job/a/b HTTP/1.1", HOST, "Expect: 100-continue", "Content-Length: 4", body="a 1\n"),
            _raw("PUT /metrics/job/a HTTP/1.0", HOST, "Expect: 100-continue", "Content-Length: 4", body="a 1\n"),
        ),
        record("GET with a body", request("GET", "/-/healthy", "a 1\n"), request("GET", "/metrics", "x")),
        record(
            "queries are ignored",
            get("/-/healthy?x=y"),
            get("/metrics?name[]=a"),
            get("/metrics?x"),
            put("/metrics/job/a?job=b", "a 1\n"),
        ),
    ]


RECORDS = [*_methods(), *_redirects(), *_groups(), *_order_of_checks(), *_messages()]
