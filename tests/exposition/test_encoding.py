from __future__ import annotations

import gzip
import struct
import sys
import zlib

import pytest

from pytest_pushgateway.exposition.content_coding import DecodedTooLarge, EncodingError, decode, decoded
from pytest_pushgateway.exposition.model import ParseError
from pytest_pushgateway.exposition.text.reader import parse_pieces
from tests.exposition.differential import GROUPING
from tests.exposition.oracle import Oracle

cramjam = pytest.importorskip("cramjam")

BODY = b"# TYPE a gauge\n" + b"".join(b'a{b="%d"} %d\n' % (number, number) for number in range(200))
GZIP = gzip.compress(BODY, mtime=0)
SNAPPY = bytes(cramjam.snappy.compress(BODY))
EMPTY_SNAPPY = b"\xff\x06\x00\x00sNaPpY"


def gzip_with(flags: int, fields: bytes) -> bytes:
    return GZIP[:3] + bytes([flags]) + GZIP[4:10] + fields + GZIP[10:]


def corrupt(body: bytes, position: int) -> bytes:
    return body[:position] + bytes([body[position] ^ 0xFF]) + body[position + 1 :]


BAD_TEXT = 'text format parsing error in line 2: expected float as value, got "x"'
BAD_TEXT_GZIP = gzip.compress(b"a 1\nb x\n" + BODY, mtime=0)

WORDS: list[tuple[str, bytes, str]] = [
    ("gzip", b"", "EOF"),
    ("gzip", b"\x1f", "unexpected EOF"),
    ("gzip", GZIP[:9], "unexpected EOF"),
    ("gzip", GZIP[:10], "unexpected EOF"),
    ("gzip", b"plain text, no gzip", "gzip: invalid header"),
    ("gzip", b"\x1f\x8b\x07" + GZIP[3:], "gzip: invalid header"),
    ("gzip", GZIP[:100], "unexpected EOF"),
    ("gzip", GZIP[:-1], "unexpected EOF"),
    ("gzip", GZIP[:-8], "unexpected EOF"),
    ("gzip", corrupt(GZIP, len(GZIP) - 1), "gzip: invalid checksum"),
    ("gzip", corrupt(GZIP, len(GZIP) - 8), "gzip: invalid checksum"),
    ("gzip", GZIP + b"x", "unexpected EOF"),
    ("gzip", GZIP + b"garbage after it", "gzip: invalid header"),
    ("gzip", GZIP + GZIP[:50], "unexpected EOF"),
    ("gzip", gzip_with(4, b"\xff\xff"), "unexpected EOF"),
    ("gzip", gzip_with(8, b"n" * 600), "gzip: invalid header"),
    ("gzip", GZIP[:3] + b"\x08" + GZIP[4:10] + b"name", "unexpected EOF"),
    ("gzip", gzip_with(2, b"\x00\x00"), "gzip: invalid header"),
    ("gzip", GZIP[:10] + b"\x07" + GZIP[11:], "flate: corrupt input before offset 1"),
    ("gzip", BAD_TEXT_GZIP[:-4], 'text format parsing error in line 2: expected float as value, got "x"'),
    (
        "gzip",
        corrupt(BAD_TEXT_GZIP, len(BAD_TEXT_GZIP) - 1),
        'text format parsing error in line 2: expected float as value, got "x"',
    ),
    ("snappy", b"x", "snappy: corrupt input"),
    ("snappy", BODY, "snappy: corrupt input"),
    ("snappy", bytes(cramjam.snappy.compress_raw(BODY)), "snappy: corrupt input"),
    ("snappy", SNAPPY[:-1], "snappy: corrupt input"),
    ("snappy", SNAPPY[:12], "snappy: corrupt input"),
    ("snappy", corrupt(SNAPPY, 15), "snappy: corrupt input"),
    ("snappy", corrupt(SNAPPY, 60), "snappy: corrupt input"),
    ("snappy", corrupt(SNAPPY, 5), "snappy: corrupt input"),
    ("snappy", EMPTY_SNAPPY + b"\x02\x01\x00\x00x", "snappy: unsupported input"),
    ("snappy", EMPTY_SNAPPY + b"\x00\xff\xff\xff", "snappy: unsupported input"),
    ("snappy", EMPTY_SNAPPY + b"\x80\x02\x00\x00x", "snappy: corrupt input"),
    ("snappy", EMPTY_SNAPPY + b"\x01\x02\x00\x00xy", "snappy: corrupt input"),
    # Blocks that claim to be 4 GiB, and one byte more than a block may be.
    ("snappy", EMPTY_SNAPPY + b"\x00\x0b\x00\x00" + bytes(4) + b"\xff\xff\xff\xff\x0f\x00a", "snappy: corrupt input"),
    ("snappy", EMPTY_SNAPPY + b"\x00\x09\x00\x00" + bytes(4) + b"\x81\x80\x04\x00a", "snappy: corrupt input"),
]

READABLE: list[tuple[str, bytes]] = [
    ("gzip", GZIP),
    ("GZip", GZIP),
    ("gzip", gzip.compress(BODY[:100], mtime=0) + gzip.compress(BODY[100:], mtime=0)),
    ("gzip", gzip_with(4, b"\x02\x00ab")),
    ("gzip", gzip_with(8 | 16, b"name\0comment\0")),
    ("gzip", gzip_with(2, struct.pack("<H", zlib.crc32(GZIP[:3] + b"\x02" + GZIP[4:10]) & 0xFFFF))),
    ("gzip", gzip_with(0xE0, b"")),
    ("gzip", GZIP + gzip.compress(b"", mtime=0)),
    ("snappy", SNAPPY),
    ("SNAPPY", SNAPPY + EMPTY_SNAPPY),
    ("snappy", SNAPPY + b"\x80\x03\x00\x00pad\xfe\x00\x00\x00"),
]


def verdict(encoding: str, body: bytes) -> str | None:
    """Say what a gateway complains of; nothing if the body can be read and is BODY."""
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    verdicts = []
    for source in ((body,), pieces):
        try:
            parse_pieces(decoded(source, encoding), GROUPING)
        except ParseError as error:
            verdicts.append(str(error))
        else:
            assert b"".join(decoded(source, encoding)) == BODY
            verdicts.append("")
    assert verdicts[0] == verdicts[1]
    return verdicts[0] or None


@pytest.mark.parametrize(("encoding", "body", "words"), WORDS)
def test_broken_bodies_are_refused_in_the_original_s_words(encoding: str, body: bytes, words: str) -> None:
    assert verdict(encoding, body) == words


@pytest.mark.parametrize(("encoding", "body"), READABLE)
def test_whole_bodies_are_decoded(encoding: str, body: bytes) -> None:
    assert verdict(encoding, body) is None


@pytest.mark.conformance
@pytest.mark.parametrize(("encoding", "body"), [*[case[:2] for case in WORDS], *READABLE])
def test_original_gives_same_verdict(oracle: Oracle, encoding: str, body: bytes) -> None:
    answer = oracle.push(body, headers={"Content-Encoding": encoding})
    words = verdict(encoding, body)
    assert (answer.status, answer.body.decode()) == ((400, f"{words}\n") if words else (200, ""))


@pytest.mark.conformance
def test_corrupt_deflate_data_are_located_as_in_the_original(oracle: Oracle) -> None:
    for position in range(10, len(GZIP) - 8, 7):
        body = corrupt(GZIP, position)
        answer = oracle.push(body, headers={"Content-Encoding": "gzip"})
        assert answer.body.decode().rstrip("\n") == verdict("gzip", body), position


@pytest.mark.conformance
@pytest.mark.parametrize(("encoding", "body", "words"), WORDS)
def test_only_a_broken_header_is_noticed_on_other_paths(oracle: Oracle, encoding: str, body: bytes, words: str) -> None:
    answer = oracle.request("GET", "/-/healthy", body, {"Content-Encoding": encoding})
    said = ""
    try:
        next(decoded((body,), encoding))
    except EncodingError as error:
        said = f"{error}\n"
        assert said == f"{words}\n"
    assert (answer.status, answer.body.decode()) == ((400, said) if said else (200, "OK"))


@pytest.mark.parametrize("encoding", [None, "", "identity", "deflate", "zstd", "gzip, gzip", "x-gzip"])
def test_other_encodings_leave_body_unchanged(encoding: str | None) -> None:
    assert decode(GZIP, encoding) == GZIP


def test_empty_snappy_body_is_empty() -> None:
    assert decode(b"", "snappy") == b""
    assert decode(EMPTY_SNAPPY, "snappy") == b""


@pytest.mark.parametrize(("encoding", "body"), [("gzip", GZIP), ("snappy", SNAPPY)])
def test_no_more_than_the_limit_is_decoded(encoding: str, body: bytes) -> None:
    assert decode(body, encoding, limit=len(BODY)) == BODY
    with pytest.raises(DecodedTooLarge, match=f"longer than {len(BODY) - 1} bytes") as caught:
        decode(body, encoding, limit=len(BODY) - 1)
    assert caught.value.limit == len(BODY) - 1


def test_bomb_is_stopped_early() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(DecodedTooLarge):
        decode(bomb, "gzip", limit=1_000_000)


def test_large_bodies_are_decoded_in_pieces() -> None:
    large = bytes(range(256)) * 4000
    assert decode(gzip.compress(large), "gzip") == large
    assert decode(gzip.compress(large, 0), "gzip") == large
    assert decode(bytes(cramjam.snappy.compress(large)), "snappy") == large


def test_without_cramjam_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cramjam", None)
    with pytest.raises(EncodingError, match=r"pytest-pushgateway\[snappy\]"):
        decode(SNAPPY, "snappy")
    assert decode(EMPTY_SNAPPY, "snappy") == b""
