"""``--web.config.file``: TLS, client certificates, basic auth, response headers, reading the file again."""

from __future__ import annotations

import base64

from tests.conformance.records import NO_LOOK, CopyFile, Record, delete, get, looks, post, put, raw, record, request
from tests.conformance.webconfigs import AUTHORISED, PASSWORD, USER

PATHS = (
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/api/v1/status",
    "/api/v1/nothing",
    "/nothing",
    "/metrics/",
    "//metrics",
    "/-/quit",
)


def _basic(credentials: str | bytes) -> dict[str, str]:
    data = credentials if isinstance(credentials, bytes) else credentials.encode()
    return {"Authorization": "Basic " + base64.b64encode(data).decode()}


CREDENTIALS: dict[str, dict[str, str]] = {
    "none": {},
    "good": AUTHORISED,
    "another user": _basic("bob:bob"),
    "wrong password": _basic(f"{USER}:wrong"),
    "no password": _basic(f"{USER}:"),
    "no user": _basic(f":{PASSWORD}"),
    "no colon": _basic(USER),
    "unknown user": _basic(f"eve:{PASSWORD}"),
    "another user's password": _basic("bob:" + PASSWORD),
    "user in other case": _basic(f"{USER.upper()}:{PASSWORD}"),
    "trailing newline": _basic(f"{USER}:{PASSWORD}\n"),
    "latin-1": _basic(b"\xe9:\xff"),
    "a long password": _basic(f"{USER}:" + "x" * 200),
    "colons in the password": _basic(f"{USER}:a:b:c"),
    "nul in the password": _basic(f"{USER}:{PASSWORD}\0"),
    "lower-case scheme": {"Authorization": AUTHORISED["Authorization"].replace("Basic", "basic")},
    "two spaces": {"Authorization": AUTHORISED["Authorization"].replace("Basic ", "Basic  ")},
    "Bearer": {"Authorization": "Bearer abc"},
    "no scheme": {"Authorization": AUTHORISED["Authorization"].removeprefix("Basic ")},
    "only the scheme": {"Authorization": "Basic"},
    "not base64": {"Authorization": "Basic !!!"},
    "without padding": {"Authorization": AUTHORISED["Authorization"].rstrip("=")},
    "empty": {"Authorization": ""},
}


def _auth() -> list[Record]:
    look = looks(headers=AUTHORISED)
    return [
        *(
            record(
                f"credentials: {name}",
                get("/-/healthy", headers),
                put("/metrics/job/a", "a 1\n", headers),
                flags="auth",
                look=look,
            )
            for name, headers in CREDENTIALS.items()
        ),
        record("every path asks for credentials", *(get(path) for path in PATHS), get("/"), flags="auth", look=look),
        record(
            "every path with credentials",
            *(get(path, AUTHORISED) for path in PATHS if path != "/api/v1/status"),
            flags="auth",
            look=look,
        ),
        record(
            "every method asks for credentials",
            *(
                request(method, "/metrics/job/a", None)
                for method in ("PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "FOO")
            ),
            request("OPTIONS", "*", None),
            request("OPTIONS", "/api/v1/metrics", None),
            flags="auth",
            look=look,
        ),
        record(
            "credentials come before the encoding",
            put("/metrics/job/a", "x", {"Content-Encoding": "gzip"}),
            flags="auth",
            look=look,
        ),
        record(
            "the first of two headers counts",
            get("/-/healthy", [*AUTHORISED.items(), *_basic("a:b").items()]),
            get("/-/healthy", [*_basic("a:b").items(), *AUTHORISED.items()]),
            flags="auth",
            look=look,
        ),
        record(
            "a refused push leaves the connection open",
            raw("PUT /metrics/job/a HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\na 1\n", marker=True),
            raw("PUT /metrics/job/a HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\na 1\n"),
            flags="auth",
            look=look,
        ),
    ]


def _headers() -> list[Record]:
    return [
        record(
            "headers on every path",
            *(get(path) for path in PATHS if path != "/api/v1/status"),
            get("/", page=True),
            flags="headers",
        ),
        record(
            "headers on every answer",
            put("/metrics/job/a", "a 1\n"),
            put("/metrics/job/a", "bad"),
            put("/metrics/job/a", "bad", {"Content-Encoding": "gzip"}),
            put("/metrics/job/a", "a 1\na 1\n"),
            put("/metrics/job/a/b", ""),
            post("/metrics/job//a", ""),
            delete("/metrics/job/a"),
            request("OPTIONS", "/metrics", None),
            request("OPTIONS", "/api/v1/metrics", None),
            request("OPTIONS", "*", None),
            request("HEAD", "/metrics", None),
            request("PUT", "/api/v1/admin/wipe", None),
            raw("GET /% HTTP/1.1\r\nHost: g\r\n\r\n"),
            flags="headers",
        ),
        record(
            "an empty file changes nothing",
            put("/metrics/job/a", "a 1\n"),
            *(get(path) for path in PATHS if path != "/api/v1/status"),
            flags="empty_config",
        ),
    ]


def _tls() -> list[Record]:
    push = (put("/metrics/job/a", "a 1\n"), get("/-/healthy"), get("/metrics/"), put("/metrics/job/a", "bad"))
    auth = looks(headers=AUTHORISED)
    return [
        record("over TLS", *push, flags="tls"),
        record("over TLS 1.3", *push, flags="tls13"),
        record("over TLS with inline certificate and key", *push, flags="inline_tls"),
        record(
            "over TLS with credentials and headers",
            get("/-/healthy"),
            get("/-/healthy", AUTHORISED),
            put("/metrics/job/a", "a 1\n", AUTHORISED),
            put("/metrics/job/a", "a 1\n"),
            flags="tls_auth_headers",
            look=auth,
        ),
        record(
            "plain HTTP to a TLS port",
            raw("GET /-/healthy HTTP/1.1\r\nHost: g\r\n\r\n", plain=True),
            raw("PUT /metrics/job/a HTTP/1.0\r\nContent-Length: 4\r\n\r\na 1\n", plain=True),
            raw("DELETE / HTTP/1.1\r\n\r\n", plain=True),
            raw("nonsense that is neither\r\n\r\n", plain=True),
            flags="tls",
        ),
        record("a client certificate that is asked for", *push, flags="mutual"),
        record("a client certificate that is missing", get("/-/healthy"), flags="mutual_without", look=NO_LOOK),
        record("a client certificate of a stranger", get("/-/healthy"), flags="mutual_stranger", look=NO_LOOK),
        record("a client certificate that may be missing", *push, flags="mutual_if_given"),
        record(
            "a client certificate of a stranger that may be missing",
            get("/-/healthy"),
            flags="mutual_if_given_stranger",
            look=NO_LOOK,
        ),
        record("a client certificate that is requested", *push, flags="mutual_request"),
    ]


def _reread() -> list[Record]:
    return [
        record(
            "credentials are asked for once the file says so",
            get("/-/healthy"),
            CopyFile("auth.yml", "empty.yml"),
            get("/-/healthy"),
            get("/-/healthy", AUTHORISED),
            put("/metrics/job/a", "a 1\n"),
            flags="empty_config",
            look=looks(headers=AUTHORISED),
        ),
        record(
            "credentials are asked for no longer",
            get("/-/healthy"),
            CopyFile("headers.yml", "auth.yml"),
            get("/-/healthy"),
            put("/metrics/job/a", "a 1\n"),
            flags="auth",
        ),
        record(
            "a file that became invalid",
            get("/-/healthy"),
            CopyFile("server.pem", "headers.yml"),
            get("/-/healthy"),
            put("/metrics/job/a", "a 1\n"),
            CopyFile("auth.yml", "headers.yml"),
            get("/-/healthy"),
            flags="headers",
            look=looks(headers=AUTHORISED),
        ),
        record(
            "a client certificate is asked for once the file says so",
            get("/-/healthy"),
            CopyFile("mutual.yml", "tls.yml"),
            get("/-/healthy"),
            flags="tls",
            look=NO_LOOK,
        ),
    ]


RECORDS = [*_auth(), *_headers(), *_tls(), *_reread()]
