"""Content types and content encodings of pushes: gzip, framed snappy, and everything that is read as plain text."""

from __future__ import annotations

import struct
import zlib

import cramjam

from tests.conformance.protowire import GAUGE, delimited, family, gauge, metric
from tests.conformance.records import NO_LOOK, PROTOBUF, Record, chunked, delete, get, post, put, record, request
from tests.conformance.wire import gzipped

GZIP = {"Content-Encoding": "gzip"}
SNAPPY = {"Content-Encoding": "snappy"}
BODY = b"# TYPE some_metric counter\nsome_metric 3\n"
PACKED = gzipped(BODY)


def _framed(body: bytes) -> bytes:
    return bytes(cramjam.snappy.compress(body))


def _snappy_chunk(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(3, "little") + content


def _masked_crc(body: bytes) -> bytes:
    """CRC-32C, masked as the framing format wants it."""
    crc = 0xFFFFFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


MAGIC = b"\xff\x06\x00\x00sNaPpY"
PLAIN_CHUNK = _snappy_chunk(1, _masked_crc(BODY) + BODY)
FRAMED = _framed(BODY)


def _gzip_with_header() -> bytes:
    """A member with every optional field of the header: extra, name, comment, header CRC."""
    header = b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03" + b"\x04\0abcd" + b"name\0" + b"comment\0"
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    return header + PACKED[10:]


GZIP_BODIES: dict[str, bytes] = {
    "a good body": PACKED,
    "empty after decompression": gzipped(b""),
    "two members": gzipped(b"a 1\n") + gzipped(b"b 2\n"),
    "all header fields": _gzip_with_header(),
    "bad text inside": gzipped(b"garbage\n"),
    "no final newline inside": gzipped(b"a 1"),
    "nothing at all": b"",
    "one byte": b"\x1f",
    "magic only": b"\x1f\x8b",
    "nine bytes": PACKED[:9],
    "header only": PACKED[:10],
    "cut in the data": PACKED[:-12],
    "cut before the checksum": PACKED[:-8],
    "cut in the checksum": PACKED[:-3],
    "plain text": BODY,
    "plain text of nine bytes": b"a 1\nb 2\n\n",
    "wrong checksum": PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:],
    "wrong length": PACKED[:-4] + b"\0\0\0\0",
    "wrong method": PACKED[:2] + b"\x07" + PACKED[3:],
    "reserved flags": PACKED[:3] + b"\xe0" + PACKED[4:],
    "wrong header checksum": PACKED[:3] + b"\x02" + PACKED[4:10] + b"\0\0" + PACKED[10:],
    "open name field": PACKED[:3] + b"\x08" + PACKED[4:10] + b"name without an end",
    "garbage after the member": PACKED + b"garbage that is no member",
    "zeros after the member": PACKED + b"\0" * 20,
    "a cut member after the member": PACKED + PACKED[:15],
    "zlib instead": zlib.compress(BODY),
    "bad deflate data": PACKED[:10] + b"\xff" * 30,
    "compressed twice": gzipped(PACKED),
    "a bad byte in the data": PACKED[:20] + bytes([PACKED[20] ^ 0xFF]) + PACKED[21:],
    "a stored block": b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x04\0\xfb\xffa 1\n"
    + struct.pack("<II", zlib.crc32(b"a 1\n"), 4),
    "parse error before a wrong checksum": gzipped(b"garbage\n")[:-8] + b"\0" * 8,
    "parse error before the cut": gzipped(b"garbage\n" + bytes(range(256)) * 300)[:20000],
}

SNAPPY_BODIES: dict[str, bytes] = {
    "a good body": FRAMED,
    "an uncompressed chunk": MAGIC + PLAIN_CHUNK,
    "two chunks": MAGIC + PLAIN_CHUNK + PLAIN_CHUNK.replace(b"some", b"some"),
    "nothing at all": b"",
    "magic only": MAGIC,
    "magic twice": MAGIC + MAGIC + PLAIN_CHUNK,
    "padding": MAGIC + _snappy_chunk(0xFE, b"\0" * 10) + PLAIN_CHUNK,
    "a skippable chunk": MAGIC + _snappy_chunk(0x80, b"whatever") + PLAIN_CHUNK,
    "an unskippable chunk": MAGIC + _snappy_chunk(0x02, b"whatever") + PLAIN_CHUNK,
    "no magic": PLAIN_CHUNK,
    "wrong magic": b"\xff\x06\x00\x00sNaPpX" + PLAIN_CHUNK,
    "block format": bytes(cramjam.snappy.compress_raw(BODY)),
    "plain text": BODY,
    "bad checksum": MAGIC + _snappy_chunk(1, b"\0\0\0\0" + BODY),
    "cut in the magic": MAGIC[:6],
    "cut after the magic": FRAMED[:12],
    "cut in the data": FRAMED[:-4],
    "bad text inside": _framed(b"garbage\n"),
    "empty after decompression": _framed(b""),
    "a chunk too short for its checksum": MAGIC + _snappy_chunk(1, b"\0\0"),
    "a bad compressed block": MAGIC + _snappy_chunk(0, b"\0\0\0\0" + b"\xff" * 8),
    "an empty chunk": MAGIC + _snappy_chunk(1, _masked_crc(b"")) + PLAIN_CHUNK,
    "a good line and then a bad checksum": MAGIC + PLAIN_CHUNK + _snappy_chunk(1, b"\0\0\0\0" + BODY),
}

IGNORED_ENCODINGS = (
    "deflate",
    "zstd",
    "br",
    "identity",
    "gzip, gzip",
    "gzip,",
    "x-gzip",
    "compress",
    "snappy-framed",
    '"gzip"',
    "*",
)
READ_ENCODINGS = ("GZIP", "Gzip", " gzip ", "gzip")

CONTENT_TYPES = (
    "text/plain",
    "text/plain; version=0.0.4",
    "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
    "text/plain; version=1.0.0; escaping=allow-utf-8",
    "text/plain; version=9",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "garbage",
    "a/b/c",
    "; ;",
    "",
    "application/vnd.google.protobuf",
    "application/vnd.google.protobuf; encoding=delimited",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=compact-text",
    "application/vnd.google.protobuf; proto=io.prometheus.client.Metric; encoding=delimited",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=Delimited",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; encoding=text",
    "application/vnd.google.protobuf, proto=io.prometheus.client.MetricFamily, encoding=delimited",
    "application/x-protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
)

PROTOBUF_TYPES = (
    PROTOBUF,
    PROTOBUF.upper()
    .replace("IO.PROMETHEUS.CLIENT.METRICFAMILY", "io.prometheus.client.MetricFamily")
    .replace("DELIMITED", "delimited"),
    "application/vnd.google.protobuf;encoding=delimited;proto=io.prometheus.client.MetricFamily",
    'application/vnd.google.protobuf; proto="io.prometheus.client.MetricFamily"; encoding="delimited"',
    PROTOBUF + "; escaping=underscores",
    PROTOBUF + "; escaping=nonsense",
    PROTOBUF + ";",
    PROTOBUF + "; x",
    PROTOBUF + "; charset=utf-8",
)

DELIMITED = delimited(family("p", GAUGE, metric({"l": "v"}, gauge(2.5))))


def _encodings() -> list[Record]:
    return [
        *(record(f"gzip: {name}", put("/metrics/job/a", body, GZIP)) for name, body in GZIP_BODIES.items()),
        *(record(f"snappy: {name}", put("/metrics/job/a", body, SNAPPY)) for name, body in SNAPPY_BODIES.items()),
        record(
            "encodings that are ignored",
            *(put("/metrics/job/a", BODY, {"Content-Encoding": e}) for e in IGNORED_ENCODINGS),
        ),
        record(
            "encodings that are ignored although the body has them",
            *(put("/metrics/job/a", PACKED, {"Content-Encoding": e}) for e in IGNORED_ENCODINGS),
        ),
        record(
            "gzip in other spellings", *(put("/metrics/job/a", PACKED, {"Content-Encoding": e}) for e in READ_ENCODINGS)
        ),
        record(
            "snappy in other spellings",
            *(put("/metrics/job/a", FRAMED, {"Content-Encoding": e}) for e in ("SNAPPY", "Snappy")),
        ),
        record(
            "two Content-Encoding headers",
            put("/metrics/job/a", PACKED, [("Content-Encoding", "gzip"), ("Content-Encoding", "identity")]),
            put("/metrics/job/a", PACKED, [("Content-Encoding", "identity"), ("Content-Encoding", "gzip")]),
        ),
        record("gzip in chunks", chunked("PUT", "/metrics/job/a", [PACKED[:7], PACKED[7:]], GZIP)),
        record("snappy in chunks", chunked("POST", "/metrics/job/a", [FRAMED[:3], FRAMED[3:]], SNAPPY)),
        record("gzip and protobuf", put("/metrics/job/a", gzipped(DELIMITED), {**GZIP, "Content-Type": PROTOBUF})),
        record("snappy and protobuf", put("/metrics/job/a", _framed(DELIMITED), {**SNAPPY, "Content-Type": PROTOBUF})),
        record("gzip without a body on a PUT without length", request("PUT", "/metrics/job/a", None, GZIP)),
        record(
            "gzip on every other path, without a body",
            *(
                get(path, GZIP)
                for path in ("/-/healthy", "/-/ready", "/metrics", "/nothing", "/metrics/", "/metrics//", "/-/quit")
            ),
            *(get(path, GZIP) for path in ("/api/v1/metrics", "/api/v1/status", "/api/v1/nothing", "/api/v1")),
            *(delete(path, GZIP) for path in ("/metrics/job/a", "/metrics/job/a/b", "/metrics")),
            request("OPTIONS", "/metrics", None, GZIP),
            request("HEAD", "/metrics", None, GZIP),
            request("OPTIONS", "*", None, GZIP),
            request("PUT", "/api/v1/admin/wipe", None, GZIP),
        ),
        record(
            "gzip on other paths, with a body",
            request("GET", "/-/healthy", PACKED, GZIP),
            request("GET", "/nothing", PACKED, GZIP),
            request("DELETE", "/metrics/job/a", PACKED, GZIP),
            request("GET", "/-/healthy", BODY, GZIP),
            request("POST", "/-/quit", BODY, GZIP),
            look=NO_LOOK,
        ),
        record(
            "snappy on other paths",
            get("/-/healthy", SNAPPY),
            get("/nothing", SNAPPY),
            request("GET", "/-/healthy", BODY, SNAPPY),
            request("DELETE", "/metrics/job/a", BODY, SNAPPY),
            look=NO_LOOK,
        ),
        record("gzip before a bad URL", put("/metrics/job/a/b", BODY, GZIP), put("/metrics/job/a/b", PACKED, GZIP)),
        record(
            "a large body of gzip", put("/metrics/job/a", gzipped(b"".join(b"m%d 1\n" % n for n in range(3000))), GZIP)
        ),
        record(
            "a large body of snappy",
            put("/metrics/job/a", _framed(b"".join(b"m%d 1\n" % n for n in range(20000))), SNAPPY),
        ),
    ]


def _types() -> list[Record]:
    return [
        *(
            record(
                f"text under {kind!r}",
                put("/metrics/job/a", BODY, {"Content-Type": kind}),
                post("/metrics/job/a", DELIMITED, {"Content-Type": kind}),
            )
            for kind in CONTENT_TYPES
        ),
        *(
            record(f"protobuf under {kind!r}", put("/metrics/job/a", DELIMITED, {"Content-Type": kind}))
            for kind in PROTOBUF_TYPES
        ),
        record(
            "two Content-Type headers",
            put("/metrics/job/a", DELIMITED, [("Content-Type", PROTOBUF), ("Content-Type", "text/plain")]),
            put("/metrics/job/a", DELIMITED, [("Content-Type", "text/plain"), ("Content-Type", PROTOBUF)]),
        ),
        record("no content type", put("/metrics/job/a", BODY), put("/metrics/job/a", DELIMITED)),
    ]


RECORDS = [*_encodings(), *_types()]
