"""Parts of files as texts that a program can be asked about by themselves, and the way back to their places."""

from __future__ import annotations

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.golang.yaml_v2 import MAX_SIZE, PLAIN, QUOTED, MappingNode, ScalarNode, position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node

    Place = Callable[[Position], tuple[Position, "str | None"]]


LATER = "documents after the first, which Prometheus does not read"
"""The name of what is not judged because it is not read."""


class Part:
    """A configuration, or rules, in a file.

    Args:
        root: its node.
        rules: whether it is a rule file.
        file: the file that holds it.
        unjudged: the entries of the configuration's ``unjudged`` that are about it.
        place: returns the place in the file of a place in the part, and the name of the object around it.

    Attributes:
        text: the part as a file; empty if it would be larger than what is read.

    """

    def __init__(
        self, root: Node, *, rules: bool, file: str, unjudged: list[dict[str, Any]], place: Place | None = None
    ) -> None:
        self.rules: bool = rules
        self.file: str = file
        self.unjudged: list[dict[str, Any]] = unjudged
        self._place = place
        self._lines: list[tuple[int, Node, Node]] = []
        self.text: str = "".join(self._written(root))

    def place(self, line: int, column: int | None = None) -> tuple[Position, str | None]:
        """Return the place in the file of a place in ``text``, and the name of the object around it.

        Without a column it is the place of the key.
        """
        start, key, value = self._lines[min(line, len(self._lines)) - 1]
        own = position(key if column is None or column <= start else value)
        return self._place(own) if self._place is not None else (own, None)

    def _written(self, root: Node) -> list[str]:
        """Return the lines of a document in block style, one scalar or key in each."""
        lines: list[str] = []
        size = 0
        waiting: list[tuple[str, Node, Node]] = [("", root, root)]
        while waiting:
            head, key, node = waiting.pop()
            below: list[tuple[str, Node, Node]] = []
            indent = " " * (len(head) - len(head.lstrip()))
            inner = f"{indent}  " if head else ""
            if node.__class__ is ScalarNode:
                line = f"{head}{' ' if head else ''}{_scalar(node)}"
            elif not node.value:
                line = f"{head} {'{}' if node.__class__ is MappingNode else '[]'}".strip(" " if not head else "\n")
            else:
                line = head
                if node.__class__ is MappingNode:
                    below = [(f"{inner}{_scalar(name)}:", name, value) for name, value in node.value]
                else:
                    below = [(f"{inner}-", item, item) for item in node.value]
            if line or not below:
                lines.append(f"{line}\n")
                self._lines.append((len(head) + 1, key, node))
            size += len(line)
            if size > MAX_SIZE:
                return []
            waiting += reversed(below)
        return lines


def _scalar(node: Node) -> str:
    if node.__class__ is not ScalarNode:
        return "? "  # a key that is not a scalar was refused before
    text = str(node.value)
    if node.tag == PLAIN and "\n" not in text:
        return text
    tag = "" if node.tag in (PLAIN, QUOTED) else f"!<{node.tag}> "
    return tag + '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
