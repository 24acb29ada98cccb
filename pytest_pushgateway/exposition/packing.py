"""Compression of answers: level 1, since a client on the same machine waits for the time, not for the bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_END = b"\x03\x00"
"""An empty last block."""


def gzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Compress blocks one after the other, while they are sent if there are many."""
    import zlib

    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    yield from filter(None, map(packer.compress, blocks))
    yield packer.flush()


def deflated(blocks: Iterable[bytes]) -> list[bytes]:
    """Compress blocks so that others, compressed by themselves, can stand before and after them."""
    import zlib

    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    packed = [*map(packer.compress, blocks), packer.flush(zlib.Z_FULL_FLUSH)]
    return [piece for piece in packed if piece]


def as_gzip(plain: Iterable[bytes], packed: Sequence[bytes]) -> list[bytes]:
    """Return one gzip stream of parts that `deflated` made.

    Args:
        plain: everything that was compressed, in the same order; its check sum and length end the stream.
        packed: the results of `deflated`, one after the other.
    """
    import zlib

    checksum = length = 0
    for block in plain:
        checksum = zlib.crc32(block, checksum)
        length += len(block)
    end = checksum.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
    return [_HEADER, *packed, _END + end]
