"""Requests put together from what framing, heads and paths are made of, whole or broken."""

from __future__ import annotations

import random

from tests.stress.requests_to_mutate import mutated

_METHODS = [
    b"GET",
    b"PUT",
    b"POST",
    b"DELETE",
    b"HEAD",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"get",
    b"A B",
    b"P\xe9",
    b"",
]
_SEGMENTS = [
    *[
        b"metrics",
        b"METRICS",
        b"job",
        b"Job",
        b"job@base64",
        b"job@BASE64",
        b"job%40base64",
        b"a",
        b"YQ",
        b"YQ==",
        b"=",
        b"i",
    ],
    *[
        b"instance",
        b"i@base64",
        b"__x",
        b"x-y",
        b"api",
        b"v1",
        b"%76%31",
        b"status",
        b"STATUS",
        b"admin",
        b"wipe",
        b"-",
    ],
    *[
        b"healthy",
        b"ready",
        b"quit",
        b"static",
        b"debug",
        b"pprof",
        b"",
        b"",
        b".",
        b"..",
        b"...",
        b"%2E",
        b"%2e%2E",
        b"%2F",
    ],
    *[
        b"a%2F%2Fb",
        b"%25",
        b"%252F",
        b"%20",
        b"%",
        b"%zz",
        b"%00",
        b"%0A",
        b"+",
        b"a b",
        b"\xc3\xa9",
        b"%C3%A9",
        b"\xff",
        b"%FF",
    ],
    *[b"!'()*", b"$&,:;=@", b"[]", b'"<>', b"{}|\\^`", b"~_", b"#", b"U__a_2e_b", b"x" * 300],
]
_HOSTS = [
    *[
        b"gateway",
        b"gateway:80",
        b"GATEWAY:",
        b"[::1]",
        b"[::1]:80",
        b"[::1%25eth0]",
        b"a:b",
        b"a:1:2",
        b"u@a",
        b"u:p@a",
    ],
    *[
        b"u%40:p%3A@a",
        b"a%41",
        b"a%C3%A9",
        b"a\xe9",
        b"a b",
        b"",
        b"a<b",
        b"[::1",
        b"[1.2.3.4]",
        b"x[::1]",
        b"@",
        b"a%25",
    ],
]
_SCHEMES = [b"http://", b"https://", b"HTTP://", b"x+y.z-1://", b"http:", b"http:///", b"1a://", b":", b"//"]
_QUERIES = [b"", b"", b"", b"?", b"??", b"?a=b", b"?a=%zz", b"?\xc3\xa9", b"?a#b", b"?/../x", b'?"<>']
_VERSIONS = (
    [b"HTTP/1.1"] * 20
    + [b"HTTP/1.0"] * 4
    + [b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1", b"HTTP/1.10", b"HTTP/1.", b""]
)
_LINE_ENDS = [b"\r\n"] * 30 + [b"\n", b"\r\r\n", b"\r", b" \r\n"]
_HEADERS = [
    *[b"Host: gateway", b"Host: other", b"Host:", b"Host: a b", b"HOST: x", b"Host : x", b"Connection: close"],
    *[b"Connection: keep-alive", b"Connection: x, Close", b"connection: keep-alive, close", b"Connection:"],
    *[b"Content-Length: 4", b"Content-Length: 4", b"content-length:4", b"Content-Length: 04", b"Content-Length: +4"],
    *[b"Content-Length:", b"Content-Length: 4, 4", b"Content-Length: 5", b"Content-Length: 0", b"Content-Length:\t4 "],
    *[b"Content-Length: 9223372036854775807", b"Content-Length: 9223372036854775808", b"Content-Length: 4_0"],
    *[
        b"Transfer-Encoding: chunked",
        b"transfer-encoding: CHUNKED",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding:",
    ],
    *[b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: chunked;x"],
    *[b"Trailer: X", b"Trailer: Content-Length", b"Trailer: x,transfer-encoding", b"Trailer: X Y", b"Trailer:"],
    *[b"Expect: 100-continue", b"Expect: 100-Continue", b"Expect: x", b"Expect:", b"Upgrade: h2c", b"Pragma: no-cache"],
    *[
        b"X: a\r\n b",
        b"X: a\r\n\tb",
        b"X: a\r\n \r\n b",
        b" X: a",
        b"X:\xff",
        b"X: a\x00",
        b"X: a\x7f",
        b"X\xff: a",
        b"X",
        b": a",
    ],
    *[b"X(: a", b"X Y: a", b"X\t: a", b"X: a\rb", b"X: a\nY: b", b"Content-Encoding: gzip", b"Content-Encoding: x"],
]
_SIZES = [
    *[
        b"4",
        b"4",
        b"4",
        b"04",
        b"4 ",
        b"4\t",
        b" 4",
        b"4;",
        b"4;x",
        b"4; x=y",
        b"4 ;x",
        b'4;x="\\""',
        b"4;\xff",
        b"4;\x00",
        b"4;\r",
    ],
    *[
        b"4\r",
        b"+4",
        b"-4",
        b"0x4",
        b"4_",
        b"4\x0b",
        b"4,4",
        b"",
        b";",
        b"g",
        b"5",
        b"3",
        b"0000000000000004",
        b"00000000000000004",
    ],
    *[b"4;" + b"x" * 4088, b"4;" + b"x" * 4095, b"4;" + b"x" * 1000],
]
_ENDS = [b"\r\n"] * 20 + [b"\n", b"\r", b"\n\r", b"", b"xx", b"\r\n\r\n", b"\n\n"]
_LAST = [b"0", b"0", b"0", b"00", b"0;x", b"0 ", b"0x", b"", b"-0", b"0\t;"]
_TRAILERS = [
    *[b""] * 6,
    *[
        b"X: a\r\n",
        b"X: a\n",
        b"X:\r\n",
        b"X\r\n",
        b" X: a\r\n",
        b"X: a\r\n b\r\n",
        b"X: a\r\n \r\n",
        b": a\r\n",
        b"X : a\r\n",
    ],
    *[
        b"X\t: a\r\n",
        b"X(: a\r\n",
        b"X: a\x01\r\n",
        b"X: a\rb\r\n",
        b"X: \xff\r\n",
        b"X\xff: a\r\n",
        b"X: a\r\r\n",
        b"\n",
        b"\nX: a\r\n",
    ],
    *[
        b"X: " + b"a" * 4087 + b"\r\n",
        b"X: " + b"a" * 5000 + b"\r\n",
        b" " + b"x" * 90 + b"\r\n",
        b"Content-Length: 5\r\n",
    ],
]
_BODIES = [b"a 1\n", b"a 1\n", b"a 1\n", b"b x\n", b"{} 1", b"a 1 "]


def _target(randomness: random.Random) -> bytes:
    known = [b"/metrics/job/a", b"/metrics", b"/-/ready", b"/api/v1/metrics", b"/", b"*"]
    if randomness.random() < 0.3:
        path = randomness.choice(known)
    else:
        path = b"/" + b"/".join(randomness.choices(_SEGMENTS, k=randomness.randint(1, 6)))
        if randomness.random() < 0.4:
            path = randomness.choice([b"/metrics/job/", b"/api/v1/", b"/metrics/job/a/"]) + path[1:]
    if randomness.random() < 0.1:
        path = randomness.choice(_SCHEMES) + randomness.choice(_HOSTS) + path
    return path + randomness.choice(_QUERIES)


def _chunks(randomness: random.Random) -> bytes:
    raw = b""
    for _ in range(randomness.choice([0, 1, 1, 1, 2])):
        raw += randomness.choice(_SIZES) + randomness.choice(_LINE_ENDS) + randomness.choice(_BODIES)
        raw += randomness.choice(_ENDS)
    raw += randomness.choice(_LAST) + randomness.choice(_LINE_ENDS)
    raw += b"".join(randomness.choices(_TRAILERS, k=randomness.choice([0, 0, 1, 1, 2])))
    return raw + randomness.choice(_LINE_ENDS)


def _one(randomness: random.Random) -> bytes:
    method = randomness.choice(_METHODS[:6] * 5 + _METHODS)
    lines = [b" ".join((method, _target(randomness), randomness.choice(_VERSIONS)))]
    chunked = randomness.random() < 0.4
    if randomness.random() < 0.9:
        lines.append(b"Host: gateway")
    lines += randomness.choices(_HEADERS, k=randomness.choice([0, 0, 0, 1, 1, 2, 3]))
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif randomness.random() < 0.5:
        lines.append(b"Content-Length: 4")
    head = b"".join(line + randomness.choice(_LINE_ENDS) for line in lines) + randomness.choice(_LINE_ENDS)
    return head + (_chunks(randomness) if chunked else randomness.choice(_BODIES) if randomness.random() < 0.6 else b"")


def invented(randomness: random.Random) -> bytes:
    """Return one or several requests, most of them a little wrong, or one of the mutated ones."""
    if randomness.random() < 0.3:
        return mutated(randomness)
    return b"".join(_one(randomness) for _ in range(randomness.choice([1, 1, 1, 2])))
