"""A tree of routes that finds, and redirects to, what httprouter 1.3 does.

Whether httprouter redirects over a trailing slash or letter case depends on where the nodes of its tree begin and end,
so this tree parts where that one does. Paths are decoded bytes. A lookup tries nothing twice.
"""

from __future__ import annotations

import posixpath

from pytest_pushgateway.light import NamedTuple

_SLASH = ord("/")


class _Node:
    __slots__ = ("catch_all", "children", "group", "handler", "text")

    def __init__(
        self,
        text: bytes = b"",
        handler: str | None = None,
        children: dict[int, _Node] | None = None,
        catch_all: str | None = None,
        group: str | None = None,
    ) -> None:
        self.text: bytes = text
        self.handler: str | None = handler
        self.children: dict[int, _Node] = {} if children is None else children
        """By the first byte of what they add; that of a catch-all, which has its own node, is the slash."""
        self.catch_all: str | None = catch_all
        """The handler of whatever follows, from a slash on."""
        self.group: str | None = group
        """The handler of one segment, and whatever follows it."""


class Match(NamedTuple):
    """The route of a path."""

    handler: str | None
    values: tuple[bytes, ...] = ()
    """The matches of the route's wildcards: a group's segment, and what follows from a slash on."""
    other_slash: bool = False
    """Without a handler: whether the path with, or without, a slash at its end is to be tried."""


class Tree:
    """The routes of one method.

    A route ends in ``/*`` to take whatever follows, in ``/:`` to take a segment and whatever follows it: httprouter's
    ``/:job`` and ``/:job/*labels``.
    """

    def __init__(self) -> None:
        self._root: _Node | None = None

    def add(self, route: bytes, handler: str) -> None:
        """Add a route.

        Raises:
            ValueError: httprouter panics: the route is taken, or a wildcard is in its way.

        """
        if self._root is None:
            self._root = _leaf(route, handler)
            return
        node = self._root
        while True:
            common = posixpath.commonprefix([node.text, route.removesuffix(b"/*").removesuffix(b":")])
            if len(common) < len(node.text):
                _split(node, len(common))
            route = route[len(common) :]
            if not route and node.handler is None:
                node.handler = handler
                return
            below_catch_all = node.catch_all is not None and route[:1] == b"/"
            if not route or node.group is not None or below_catch_all or (route == b"/*" and _SLASH in node.children):
                raise ValueError("is taken")
            if route[0] not in node.children:
                node.children[route[0]] = _leaf(route, handler)
                return
            node = node.children[route[0]]

    def find(self, path: bytes) -> Match:
        """Return what a path leads to."""
        assert self._root is not None
        node = self._root
        while len(path) > len(node.text) and path.startswith(node.text):
            path = path[len(node.text) :]
            if node.group is not None:
                segment, slash, rest = path.partition(b"/")
                return Match(node.group, (segment, slash + rest))
            if node.catch_all is not None and path[0] == _SLASH:
                return Match(node.catch_all, (path,))
            child = node.children.get(path[0])
            if child is None:
                return Match(None, other_slash=path == b"/" and node.handler is not None)
            node = child
        if path != node.text:
            # As httprouter: what is left being a slash is enough, whether or not anything is at the path before it.
            return Match(None, other_slash=path == b"/" or (path + b"/" == node.text and node.handler is not None))
        if node.handler is not None:
            return Match(node.handler)
        below = node.children.get(_SLASH)
        slash_below = below is not None and below.text == b"/" and below.handler is not None
        before_group = path == b"/" and node.group is not None and node is not self._root
        return Match(None, other_slash=before_group or node.catch_all is not None or slash_below)

    def respell(self, path: bytes) -> bytes | None:
        """Return the path in the spelling of a route that differs in letter case, or in its last slash; or None."""
        assert self._root is not None
        return _respell(self._root, path, b"", b"")


def _leaf(route: bytes, handler: str) -> _Node:
    if route.endswith(b"/*"):
        return _Node(route[:-2], catch_all=handler)
    if route.endswith(b"/:"):
        return _Node(route[:-1], group=handler)
    return _Node(route, handler)


def _split(node: _Node, at: int) -> None:
    tail = _Node(node.text[at:], node.handler, node.children, node.catch_all, node.group)
    node.text, first = node.text[:at], node.text[at]
    node.handler = node.catch_all = node.group = None
    node.children = {first: tail}


def _respell(node: _Node, path: bytes, done: bytes, pending: bytes) -> bytes | None:
    """Look ``path`` up from ``node`` on; ``done`` is spelled already.

    ``pending`` is what is left of the character by whose first byte ``node`` was found: nodes may part inside of one.
    """
    while len(path) >= len(node.text) and _alike(path[1 : len(node.text)], node.text[1:]):
        before, path = path, path[len(node.text) :]
        done += node.text
        if not path:
            return _respelled_end(node, done)
        if node.group is not None:
            # As httprouter, which looks for the slash with a byte left over from before the segment.
            return done + path if b"/" not in path or pending[:1] == b"/" else None
        if pending := pending[len(node.text) :]:
            spellings = [pending]
        else:
            spellings = _spellings(before, len(node.text)) if node.text else []
        for pending in spellings:
            if node.catch_all is not None and pending[0] == _SLASH:
                return done + path
            if (child := node.children.get(pending[0])) and (found := _respell(child, path, done, pending)) is not None:
                return found
        return done if path == b"/" and node.handler is not None else None
    if path == b"/":
        return done
    if node.handler is None or len(path) + 1 != len(node.text) or not node.text.endswith(b"/"):
        return None
    return done + node.text if _alike(path[1:], node.text[1:-1]) else None


def _respelled_end(node: _Node, done: bytes) -> bytes | None:
    if node.handler is not None:
        return done
    below = node.children.get(_SLASH)
    if node.catch_all is not None or (below is not None and below.text == b"/" and below.handler is not None):
        return done + b"/"
    return None


def _alike(one: bytes, other: bytes) -> bool:
    if one.isascii() and other.isascii():
        return one.lower() == other.lower()
    left, right = (text.decode("utf-8", "surrogateescape") for text in (one, other))
    return len(left) == len(right) and all(
        a == b or a.lower() == b.lower() or a.upper() == b.upper() for a, b in zip(left, right, strict=True)
    )


def _spellings(text: bytes, position: int) -> list[bytes]:
    """Return the character at ``position`` in lower and in upper case, from the byte at ``position`` on."""
    start = position
    while position - start < 2 and start > 1 and text[start] & 0xC0 == 0x80:
        start -= 1
    character = text[start : start + 4].decode("utf-8", "replace")[0]
    spelled = [character.lower()[0], *(other for other in [character.upper()] if other != character.lower())]
    return [one.encode()[position - start :] for one in spelled if len(one.encode()) > position - start]


def clean_path(path: bytes) -> bytes:
    """Clean a path as httprouter does before it looks for another spelling: a final dot leaves a slash."""
    cleaned = posixpath.normpath(b"/" + path.lstrip(b"/"))
    trailing = path.endswith((b"/", b"/."))
    return cleaned + b"/" if trailing and cleaned != b"/" else cleaned
