"""The errors of Go's ``encoding/json`` about a text that is not JSON: the character that it blames, and its words.

Python's decoder blames other characters, and its words change with Python's version. Two wordings are distinguished:
that of ``encoding/json`` up to Go 1.24, and that of its second implementation.
"""

from __future__ import annotations

import re

from pytest_pushgateway.golang.strconv import quote

_VALUE, _FIRST_VALUE, _FIRST_KEY, _KEY, _COLON, _NEXT = range(6)
_BLANK = re.compile("[ \t\r\n]*")
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_PLAIN = re.compile('[^"\\\\\x00-\x1f]*')
_ESCAPE = re.compile('\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4})')
_NUMBER = (
    (re.compile("-?"), re.compile("0|[1-9][0-9]*"), "in numeric literal"),
    (re.compile("[.]?"), re.compile("[0-9]+"), "after decimal point in numeric literal"),
    (re.compile("(?:[eE][+-]?)?"), re.compile("[0-9]+"), "in exponent of numeric literal"),
)


class JsonError(ValueError):
    """The text is not JSON; ``str()`` is Go's message, ``offset`` the index of the character that it blames."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset: int = offset


def find_error(text: str, *, old: bool = False) -> JsonError | None:
    """Return the error with which ``encoding/json`` refuses a text; None if the text is one JSON value.

    Args:
        text: what should be JSON.
        old: complain as Go up to 1.24 does.
    """
    try:
        _Reader(text, old).read()
    except JsonError as error:
        return error
    return None


class _Reader:
    def __init__(self, text: str, old: bool) -> None:
        self.text = text
        self.old = old
        self.at = 0

    def read(self) -> None:
        open_: list[str] = []
        expected = _VALUE
        while True:
            self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
            here = self.text[self.at : self.at + 1]
            if expected in (_VALUE, _FIRST_VALUE):
                if here and here in "[{":
                    self.at += 1
                    open_.append(here)
                    expected = _FIRST_VALUE if here == "[" else _FIRST_KEY
                    continue
                if not (expected == _FIRST_VALUE and here == "]"):
                    self._scalar(here)
                expected = _NEXT
            elif expected in (_FIRST_KEY, _KEY):
                if here == '"':
                    self._string()
                    expected = _COLON
                    continue
                if expected == _KEY or here != "}":
                    raise self._wrong("looking for beginning of object key string")
                expected = _NEXT
            elif expected == _COLON:
                if here != ":":
                    raise self._wrong("after object key")
                self.at += 1
                expected = _VALUE
            elif not open_:
                if here:
                    raise self._wrong("after top-level value")
                return
            elif here == ",":
                self.at += 1
                expected = _VALUE if open_[-1] == "[" else _KEY
            elif here == ("]" if open_[-1] == "[" else "}"):
                self.at += 1
                open_.pop()
            else:
                raise self._wrong("after array element" if open_[-1] == "[" else "after object key:value pair")

    def _scalar(self, here: str) -> None:
        if here == '"':
            self._string()
        elif here in _LITERALS:
            self._literal(_LITERALS[here])
        elif here and here in "-0123456789":
            self._number()
        else:
            raise self._wrong("looking for beginning of value")

    def _literal(self, word: str) -> None:
        for letter in word:
            if self.text[self.at : self.at + 1] != letter:
                raise self._wrong(f"in literal {word} (expecting '{letter}')", inside=True)
            self.at += 1

    def _number(self) -> None:
        for opening, digits, where in _NUMBER:
            opened = opening.match(self.text, self.at)
            assert opened is not None
            if not opened[0] and opening is not _NUMBER[0][0]:
                continue
            self.at = opened.end()
            found = digits.match(self.text, self.at)
            if found is None:
                raise self._wrong(where if self.old else "in numeric literal", inside=True)
            self.at = found.end()

    def _string(self) -> None:
        self.at += 1
        while True:
            self.at = _PLAIN.match(self.text, self.at).end()  # type: ignore[union-attr]
            here = self.text[self.at : self.at + 1]
            if here == '"':
                self.at += 1
                return
            if here != "\\":
                raise self._wrong("in string literal" if self.old else "in string")
            escape = _ESCAPE.match(self.text, self.at)
            if escape is None:
                raise self._bad_escape()
            self.at = escape.end()

    def _bad_escape(self) -> JsonError:
        """Blame the character that is wrong, or all of an escape sequence as the second implementation does."""
        whole = self.text[self.at : self.at + (6 if self.text[self.at + 1 : self.at + 2] == "u" else 2)]
        right = re.match(r"\\(?:u[0-9a-fA-F]{0,4})?", whole)
        assert right is not None
        if self.old or (right.end() == len(whole) and self.at + right.end() == len(self.text)):
            self.at += right.end()
            where = "in string escape code" if right.end() == 1 else "in \\u hexadecimal character escape"
            return self._wrong(where, inside=True)
        shown = f"`{whole}`" if whole.isprintable() and "`" not in whole and " " not in whole else quote(whole.encode())
        return JsonError(f"invalid escape sequence {shown} in string", self.at)

    def _wrong(self, context: str, *, inside: bool = False) -> JsonError:
        letter = self.text[self.at : self.at + 1]
        if not letter:
            # The older one reads a blank behind the end, and blames it where it may not stand.
            if not (self.old and inside):
                return JsonError("unexpected end of JSON input", self.at)
            letter = " "
        if self.old and letter > "\x7f":
            letter = chr(letter.encode("utf-8", "surrogatepass")[0])
        shown = {"'": "'\\''", '"': "'\"'"}.get(letter) or f"'{quote(letter.encode('utf-8', 'surrogatepass'))[1:-1]}'"
        return JsonError(f"invalid character {shown} {context}", self.at)
