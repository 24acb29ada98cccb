"""Requests over the whole surface, and ways to spoil them."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable

TEXT = b'# TYPE a counter\na{b="c"} 1\na{b="d"} 2\n# HELP e f\ne 3\n'
MESSAGE = b'\x17\n\x01m\x18\x03"\x10\n\x08\n\x01a\x12\x03b"c\x1a\x04\x1a\x02\x09\x01'
PROTOBUF = b"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


def request(method: bytes, target: bytes, *headers: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    lines = [method + b" " + target + b" " + version, b"Host: gateway.test", *headers]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


GROUP = b"/metrics/job/j/instance/i"
SEEDS = [
    request(b"PUT", GROUP, body=TEXT),
    request(b"POST", GROUP, body=b"# TYPE a gauge\na 5\n"),
    request(b"POST", b"/metrics/job/k", body=b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'),
    request(b"PUT", b"/metrics/job@base64/aSBj/l/%C3%A9", body=b"x 1\n"),
    request(b"PUT", b"/metrics/job/j//x/y", body=b"x 1\n"),
    request(b"PUT", b"/metrics/job/j", b"Content-Encoding: gzip", body=gzip.compress(TEXT, mtime=0)),
    request(
        b"PUT", b"/metrics/job/j", b"Content-Encoding: snappy", body=b"\xff\x06\x00\x00sNaPpY" + b"\x01\x08\0\0" * 2
    ),
    request(b"PUT", b"/metrics/job/j", b"Content-Type: " + PROTOBUF, body=MESSAGE),
    request(b"PUT", b"/metrics/job/j", b"Transfer-Encoding: chunked") + chunks(TEXT, 7),
    request(b"POST", b"/metrics/job/j", b"Transfer-Encoding: chunked", b"Expect: 100-continue") + chunks(TEXT, 99),
    request(b"PUT", b"/metrics/job/j", b"Connection: keep-alive", body=TEXT, version=b"HTTP/1.0"),
    request(b"PUT", b"http://other.test/metrics/job/j", body=b"x 1\n"),
    request(b"DELETE", GROUP),
    request(b"DELETE", b"/metrics/job/j"),
    request(b"PUT", b"/api/v1/admin/wipe"),
    request(b"GET", b"/metrics"),
    request(b"GET", b"/metrics", b"Accept-Encoding: gzip"),
    request(b"GET", b"/metrics", b"Accept: " + PROTOBUF + b";q=0.7,text/plain;version=0.0.4;q=0.3"),
    request(b"GET", b"/metrics", b"Accept: text/plain;version=1.0.0;escaping=allow-utf-8"),
    request(b"HEAD", b"/metrics"),
    request(b"GET", b"/api/v1/metrics"),
    request(b"GET", b"/api/v1/status"),
    request(b"OPTIONS", b"/api/v1/metrics", b"Origin: http://x.test"),
    request(b"OPTIONS", b"*"),
    request(b"GET", b"/-/healthy"),
    request(b"GET", b"/-/ready"),
    request(b"PUT", b"/-/quit"),
    request(b"GET", b"/"),
    request(b"GET", b"/status"),
    request(b"GET", b"/static/../static/%2e%2e/secret"),
    request(b"GET", b"//metrics//job"),
    request(b"GET", b"/api/v1/state?x=%00"),
    request(b"CONNECT", b"a.test:80"),
    request(b"PRI", b"*", version=b"HTTP/2.0"),
    request(b"GET", b"/metrics", b"Authorization: Basic YTpi"),
]

HEADERS = [
    *[b"Content-Length: " + value for value in (b"0", b"5", b"-1", b"+5", b"5, 5", b"0x5", b"5 ", b"", b"1e1", b"005")],
    *[b"Content-Length: " + value for value in (b"9" * 18, b"9" * 19, b"18446744073709551616", b"\xb2", b"5\x0b")],
    *[b"Transfer-Encoding: " + value for value in (b"chunked", b"Chunked", b"identity", b"gzip, chunked", b"chunked,")],
    *[
        b"Transfer-Encoding: " + value
        for value in (b"", b"\x0bchunked", b"chunked\x0c", b'"chunked"', b"chunked, chunked")
    ],
    *[b"Transfer-Encoding : chunked", b"Transfer-Encoding:\r\n chunked", b"Content-Length\t: 3", b" Content-Length: 3"],
    *[b"Content-Encoding: " + value for value in (b"gzip", b"snappy", b"GZIP", b"deflate", b"gzip, gzip", b"")],
    *[b"Host: " + value for value in (b"", b"a b", b"[::1", b"gateway.test", b"\xff", b"a\0")],
    *[b"Connection: " + value for value in (b"close", b"upgrade", b"keep-alive, close", b"close\0", b",,,")],
    *[b"Expect: " + value for value in (b"100-continue", b"200-ok", b"", b"100-continue, x")],
    *[b"Accept: " + value for value in (b"*/*;q=nan", b";;;", b"text/plain;q=9e9", b'a/b;c="d', b"\xff", b"," * 500)],
    *[b"Accept-Encoding: " + value for value in (b"gzip;q=0", b"*", b"gzip;q=x", b";", b"identity;q=0")],
    *[
        b"Content-Type: " + value
        for value in (PROTOBUF, b"a;b=", b"a/b; charset=\xff", b"application/vnd.google.protobuf")
    ],
    *[b"A: " + b"b" * size for size in (5_000, 70_000, 1_100_000)],
    *[
        b"A\0: b",
        b"A: \0",
        b": b",
        b"A",
        b"A: b\r\n\tc",
        b"\xff: b",
        b"A: b\rc",
        b"A: b\nB: c",
        b"X: y\r\n" * 1100 + b"A: b",
    ],
    *[
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAA",
        b"Trailer: Content-Length",
        b"Cookie: \xe9",
        b"Authorization: Basic \xff",
    ],
]
PIECES = [
    *[bytes([byte]) for byte in b'\0\t\n\r "#%&*+,./0:;=?@[\\]{}\x7f\x80\xff'],
    *[
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"%00",
        b"%2f",
        b"%",
        b"%zz",
        b"//",
        b"/../",
        b"/./",
        b"@base64",
        b"/=",
        b"HTTP/1.1",
    ],
    *[
        b"HTTP/9.9",
        b"ffffffffffffffff\r\n",
        b"0\r\n\r\n",
        b"-1\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\xed\xa0\x80",
        "é".encode(),
    ],
    *[b"a" * 3000, b"\0" * 300, b"/a/b" * 500, b"%41" * 1000],
]


def _spoil_header(randomness: random.Random, raw: bytes) -> bytes:
    """Add, double, remove or replace a header."""
    head, blank, body = raw.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    at = randomness.randrange(1, len(lines) + 1)
    change = randomness.randrange(6)
    if change == 0 and len(lines) > 1:
        del lines[min(at, len(lines) - 1)]
    elif change == 1 and len(lines) > 1:
        lines.insert(at, lines[randomness.randrange(1, len(lines))])
    elif change == 2 and len(lines) > 1:
        lines[min(at, len(lines) - 1)] = randomness.choice(HEADERS)
    else:
        lines.insert(at, randomness.choice(HEADERS))
    return b"\r\n".join(lines) + blank + body


def _spoil_bytes(randomness: random.Random, raw: bytes) -> bytes:
    at = randomness.randrange(len(raw) + 1)
    to = min(len(raw), at + randomness.choice([0, 0, 1, 1, 2, 9]))
    filling = randomness.choice(
        [randomness.choice(PIECES), randomness.randbytes(randomness.choice([1, 1, 2, 20])), b""]
    )
    return raw[:at] + filling + raw[to:]


def _spoil_target(randomness: random.Random, raw: bytes) -> bytes:
    method, _, rest = raw.partition(b" ")
    target, _, rest = rest.partition(b" ")
    at = randomness.randrange(len(target) + 1)
    return method + b" " + target[:at] + randomness.choice(PIECES) + target[at:] + b" " + rest


def _truncate(randomness: random.Random, raw: bytes) -> bytes:
    return raw[: randomness.randrange(len(raw) + 1)]


def _pipeline(randomness: random.Random, raw: bytes) -> bytes:
    return raw + randomness.choice(SEEDS)


def _splice(randomness: random.Random, raw: bytes) -> bytes:
    other = randomness.choice(SEEDS)
    return raw[: randomness.randrange(len(raw) + 1)] + other[randomness.randrange(len(other)) :]


_WAYS: list[Callable[[random.Random, bytes], bytes]] = [
    *[_spoil_header, _spoil_header, _spoil_header, _spoil_bytes, _spoil_bytes, _spoil_target],
    *[_truncate, _pipeline, _splice],
]


def mutated(randomness: random.Random) -> bytes:
    """Return a request, or several, spoilt in a few ways; now and then as it should be."""
    raw = randomness.choice(SEEDS)
    for _ in range(randomness.choice([0, 1, 1, 1, 2, 2, 3, 5])):
        raw = randomness.choice(_WAYS)(randomness, raw)
    return raw
