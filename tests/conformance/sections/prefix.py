"""Route prefix, external URL and telemetry path, and the redirects that forget them."""

from __future__ import annotations

from tests.conformance.records import Record, delete, get, looks, post, put, record, request

PREFIXES = {
    "prefix": "/pfx",
    "prefix_without_slashes": "/nolead",
    "prefix_metrics": "/metrics",
    "external": "/ext/path",
    "external_at_root": "",
    "external_opaque": "",
    "external_word": "/notaurl",
}


def _under(flags: str, prefix: str) -> list[Record]:
    look = looks(prefix)
    paths = (
        "/metrics", "/metrics/", "/METRICS", "//metrics", "/metrics/job/a", "/metrics/job", "/-/healthy", "/-/ready/",
        "/-/quit", "/api/v1/metrics", "/api/v1/metrics/", "/api/v1/", "/api/v1", "/api/v1/nothing", "/API/v1/status",
        "/nothing", "/./metrics",
    )  # fmt: skip
    records = [
        record(
            f"{flags}: pushes under the prefix",
            put(f"{prefix}/metrics/job/a", "a 1\n"),
            post(f"{prefix}/metrics/job/a/instance/b", "a 1\n"),
            put(f"{prefix}/metrics/job@base64/YQ/x@base64/Yg", "b 1\n"),
            put(f"{prefix}/metrics/job/a/b", "a 1\n"),
            put(f"{prefix}/metrics/job/bad", "bad"),
            put(f"{prefix}/METRICS/job/a", "a 2\n"),
            put(f"{prefix}//metrics/job/a", "a 2\n"),
            put(f"{prefix.upper()}/metrics/job/a", "a 2\n"),
            delete(f"{prefix}/metrics/job/a"),
            request("PUT", f"{prefix}/api/v1/admin/wipe"),
            flags=flags,
            look=look,
        ),
        record(f"{flags}: everything by GET", *(get(prefix + path) for path in paths), flags=flags, look=look),
        record(
            f"{flags}: everything by OPTIONS",
            *(request("OPTIONS", prefix + path, None) for path in paths),
            flags=flags,
            look=look,
        ),
        record(
            f"{flags}: everything by PUT",
            *(request("PUT", prefix + path, None) for path in paths),
            flags=flags,
            look=look,
        ),
        record(
            f"{flags}: the prefix itself",
            *(
                get(path, page=True)
                for path in (prefix, prefix + "/", prefix + "//", prefix + "/status", prefix + "/status/")
                if path
            ),
            get(prefix.upper() + "/", page=not prefix),
            get(prefix + "/static"),
            get(prefix + "/static/nothing", page=True),
            flags=flags,
            look=look,
        ),
    ]
    if prefix:
        records.append(
            record(
                f"{flags}: nothing outside of the prefix",
                *(get(path, page=path == f"{prefix}/") for path in paths if not path.startswith("/-/quit")),
                get("/-/quit"),
                post("/-/quit"),
                put("/metrics/job/a", "a 1\n"),
                delete("/metrics/job/a"),
                get("/"),
                get("/status"),
                get(prefix + "x/metrics"),
                flags=flags,
                look=look,
            )
        )
    return records


def _telemetry() -> list[Record]:
    return [
        record(
            "telemetry path",
            put("/metrics/job/a", "a 1\n"),
            *(
                get(path)
                for path in (
                    "/tele/metry",
                    "/tele/metry/",
                    "/TELE/metry",
                    "/tele",
                    "/tele//metry",
                    "/metrics",
                    "/metrics/",
                    "/metrics/job",
                )
            ),
            *(request(method, "/tele/metry", None) for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD")),
            put("/tele/metry/job/a", "a 1\n"),
            flags="telemetry",
            look=looks(telemetry="/tele/metry"),
        ),
        record(
            "telemetry path under a prefix",
            put("/pfx/metrics/job/a", "a 1\n"),
            *(get(path) for path in ("/pfx/tele", "/pfx/tele/", "/tele", "/pfx/metrics", "/pfx/Tele")),
            flags="telemetry_prefix",
            look=looks("/pfx", telemetry="/tele"),
        ),
    ]


RECORDS = [*(entry for flags, prefix in PREFIXES.items() for entry in _under(flags, prefix)), *_telemetry()]
