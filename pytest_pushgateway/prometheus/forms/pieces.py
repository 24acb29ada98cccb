"""Pieces of a file that Prometheus would read, and where in the file they are."""

from __future__ import annotations

import re

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.golang.yaml_v2 import PLAIN, QUOTED, MappingNode, ScalarNode, SequenceNode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.model import OperatorEndpoint

CONFIGURATION = "configuration"
RULES = "rules"


class Source:
    """A text whose nodes have their positions in it: the file, or a text that one of its scalars holds."""

    def __init__(self, text: bytes, parent: Source | None = None, scalar: Node | None = None) -> None:
        self.text = text
        self.parent = parent
        self.scalar = scalar
        self._indent: int | None = None
        if parent is not None and isinstance(scalar, ScalarNode) and scalar.style == "|":
            self._indent = _indent_of_literal(text, parent.text, scalar)

    def outer(self, at: Position) -> Position:
        """Return the place in the file of a place in this text: the scalar's own where lines do not correspond."""
        if self.parent is None or self.scalar is None:
            return at
        mark = self.scalar.start_mark
        if self._indent is None:
            return self.parent.outer(Position(mark.line + 1, mark.column + 1))
        return self.parent.outer(Position(mark.line + 1 + at.line, at.column + self._indent))

    @property
    def is_file(self) -> bool:
        """Whether this text is the file itself."""
        return self.parent is None


def _indent_of_literal(text: bytes, outer: bytes, scalar: Node) -> int | None:
    """Return how many columns a literal block scalar is indented; ``None`` if its lines are not the text's."""
    lines = outer.decode("utf-8", "replace").split("\n")[scalar.start_mark.line + 1 :]
    inner = text.decode("utf-8", "replace").split("\n")
    for line, wanted in zip(lines, inner, strict=False):
        if wanted.strip():
            indent = len(line) - len(wanted) - line.endswith("\r")
            return indent if indent >= 0 and line.rstrip("\r").endswith(wanted) else None
    return None


class Piece:
    """One configuration in a file.

    ``name`` names the object and the key that hold it (``ConfigMap/prometheus, data."prometheus.yml"``), ``root`` is
    its node with places in ``source``. ``whole`` means that the source is this piece and nothing else, ``dialect``
    names the program that reads it, ``monitors`` are the Operator's endpoints behind its jobs, in their order.
    """

    __slots__ = ("dialect", "kind", "monitors", "name", "root", "source", "whole")

    def __init__(
        self,
        name: str,
        root: Node | None,
        source: Source,
        *,
        whole: bool = False,
        dialect: str = "",
        kind: str = CONFIGURATION,
        monitors: Sequence[OperatorEndpoint] = (),
    ) -> None:
        self.name: str = name
        self.root: Node | None = root
        self.source: Source = source
        self.whole: bool = whole
        self.dialect: str = dialect
        self.kind: str = kind
        self.monitors: Sequence[OperatorEndpoint] = monitors


class Remark:
    """A problem that the form itself has.

    ``name`` is the object, ``rule`` ``form`` or a lint rule, ``consequence`` and ``fix`` are a lint rule's.
    """

    __slots__ = ("at", "consequence", "fix", "message", "name", "rule", "severity")

    def __init__(
        self,
        message: str,
        at: Position,
        name: str = "",
        *,
        severity: str = "error",
        rule: str = "form",
        consequence: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.message: str = message
        self.at: Position = at
        self.name: str = name
        self.severity: str = severity
        self.rule: str = rule
        self.consequence: str | None = consequence
        self.fix: str | None = fix


class FormReading:
    """The contents of a file: its form (for people), its pieces, and remarks.

    ``unjudged`` names the objects and documents that could hold something of Prometheus's and have no piece, ``others``
    those that hold nothing of it, each with its place. ``of_metrics`` means that the former include rules or monitors
    of another program.
    """

    def __init__(self, form: str) -> None:
        self.form = form
        self.pieces: list[Piece] = []
        self.remarks: list[Remark] = []
        self.unjudged: list[tuple[str, Position]] = []
        self.others: list[tuple[str, Position]] = []
        self.of_metrics = False

    def size(self) -> int:
        """Return how much was found so far, to see whether a part adds something."""
        return len(self.pieces) + len(self.remarks) + len(self.unjudged) + len(self.others)


def place(*keys: str | int) -> str:
    """Return a path as people write it: ``data."prometheus.yml"``, ``spec.endpoints[0]``."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if text else "") + (key if re.fullmatch(r"[\w-]+", key, re.ASCII) else f'"{key}"')
    return text


def named(thing: str, *keys: str | int) -> str:
    """Return a place within an object, or only the place if the file is not one."""
    path = place(*keys)
    return f"{thing}, {path}" if thing and path else thing or path


def at(node: Node) -> Position:
    """Return where ``node`` begins."""
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def pairs(node: Node | None) -> Iterator[tuple[Node, Node]]:
    """Yield the keys and values of a mapping whose keys are scalars; nothing for anything else."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                yield key, value


def key_node(node: Node | None, name: str) -> Node | None:
    """Return the node of the key ``name`` of a mapping; ``None`` if it has none."""
    return next((key for key, _ in pairs(node) if key.value == name), None)


def get(node: Node | None, *names: str) -> Node | None:
    """Return the node at a path of keys; ``None`` if it leads nowhere."""
    for name in names:
        node = next((value for key, value in pairs(node) if key.value == name), None)
        if node is None:
            return None
    return node


def keys(node: Node | None) -> set[str]:
    """Return the keys of a mapping; none for anything else."""
    return {key.value for key, _ in pairs(node)}


def items(node: Node | None) -> list[Node]:
    """Return the items of a list; none for anything else."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def text_of(node: Node | None) -> str:
    """Return the text of a scalar; ``""`` for anything else."""
    return str(node.value) if isinstance(node, ScalarNode) else ""


def is_true(node: Node | None) -> bool:
    """Return whether a scalar is YAML's true, not in quotes."""
    return isinstance(node, ScalarNode) and node.tag == PLAIN and text_of(node).lower() == "true"


def is_jobs(node: Node | None) -> bool:
    """Return whether ``node`` is a list of scrape jobs."""
    found = items(node)
    return bool(found) and any("job_name" in keys(item) for item in found)


def scalar(text: str, like: Node, *, plain: bool = False) -> Node:
    """Return a new scalar at the place of ``like``; in quotes unless it is ``plain``."""
    return ScalarNode(PLAIN if plain else QUOTED, text, like.start_mark, like.end_mark)


def sequence(values: Iterable[Node], like: Node) -> Node:
    """Return a new list at the place of ``like``."""
    return SequenceNode(PLAIN, list(values), like.start_mark, like.end_mark)


def mapping(fields: Iterable[tuple[str, Node, Node | None]], like: Node) -> Node:
    """Return a new mapping at the place of ``like``: key, value, and the node of the key as written."""
    return MappingNode(
        PLAIN,
        [(scalar(name, place_of if place_of is not None else value), value) for name, value, place_of in fields],
        like.start_mark,
        like.end_mark,
    )


def jobs_only(jobs: Node) -> Node:
    """Return a configuration that has these jobs and nothing else."""
    return mapping([("scrape_configs", jobs, None)], jobs)


class _Mark:
    """A place that PyYAML's marks cannot be set to; ``index`` is unknown."""

    __slots__ = ("column", "index", "line")

    def __init__(self, position: Position) -> None:
        self.line = position.line - 1
        self.column = position.column - 1
        self.index = None


def move(piece: Piece) -> None:
    """Move the nodes of ``piece`` to their places in the file, once it has been judged apart from the file."""
    source = piece.source
    if source.is_file or piece.root is None:
        return
    waiting = [piece.root]
    while waiting:
        node = waiting.pop()
        if isinstance(node.start_mark, _Mark):
            continue  # it has been moved, by an alias or with another piece
        node.start_mark, node.end_mark = (
            _Mark(source.outer(Position(mark.line + 1, mark.column + 1))) for mark in (node.start_mark, node.end_mark)
        )
        if isinstance(node, MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, SequenceNode):
            waiting += node.value
