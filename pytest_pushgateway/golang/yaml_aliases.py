"""Aliases that yaml.v2 refuses: they contain themselves, or are nearly all of the work ("billion laughs")."""

from __future__ import annotations

from pytest_pushgateway.golang.yaml_v2 import Node, SyntaxProblem, anchor, position


class Aliases:
    """Counts the collections of one document that are decoded, those that an alias repeats for themselves."""

    __slots__ = ("_alias_depth", "_alias_steps", "_open", "_seen", "_steps", "_text", "any")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.any: bool = b"*" in text and b"&" in text
        """Whether there may be aliases at all."""
        self._open: set[int] = set()
        self._seen: set[int] = set()
        self._steps = self._alias_steps = self._alias_depth = 0

    def enter(self, node: Node) -> bool:
        """Note that the collection ``node`` is being decoded; return whether it has been before.

        Raises:
            SyntaxProblem: aliases would expand to too much.

        """
        identity = id(node)
        if identity in self._open:
            raise SyntaxProblem(f"anchor '{anchor(self._text, node)}' value contains itself", position(node))
        self._open.add(identity)
        again = identity in self._seen
        self._seen.add(identity)
        self._alias_depth += again
        self._steps += 2 * len(node.value) + 1
        if self._alias_depth:
            self._alias_steps += 2 * len(node.value) + 1
            if self._alias_steps > 100 and self._steps > 1000 and self._alias_steps > _share(self._steps):
                raise SyntaxProblem("document contains excessive aliasing", position(node))
        return again

    def leave(self, node: Node, again: bool) -> None:
        """Undo :meth:`enter`."""
        self._open.discard(id(node))
        self._alias_depth -= again


def _share(steps: int) -> float:
    """Return how many of ``steps`` may come from aliases: yaml.v2 allows 99 %, falling to 10 % for huge documents."""
    if steps <= 400_000:
        return 0.99 * steps
    return max(0.10, 0.99 - 0.89 * (steps - 400_000) / 3_600_000) * steps
