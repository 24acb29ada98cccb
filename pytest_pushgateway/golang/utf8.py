"""Bytes that are UTF-8, or are kept as they are: Go's strings hold any bytes, ours hold them as surrogates."""

from __future__ import annotations


def is_utf8(raw: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    if raw.isascii():
        return True
    try:
        if len(raw) <= _AT_ONCE:
            raw.decode()
        else:
            _decode_in_pieces(raw)
    except UnicodeDecodeError:
        return False
    return True


_AT_ONCE = 1 << 16
"""Bytes that are decoded at once: a text can take four times the memory of its bytes."""


def _decode_in_pieces(raw: bytes) -> None:
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(raw), _AT_ONCE):
        decoder.decode(raw[start : start + _AT_ONCE])
    decoder.decode(b"", True)


def text_of(raw: bytes) -> str:
    """Return a name, label value or help text as users see it; `bytes_of` gives its bytes back, valid UTF-8 or not."""
    return raw.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Return the bytes of a text that `text_of` returned, or that a user wrote."""
    return text.encode("utf-8", "surrogateescape")
