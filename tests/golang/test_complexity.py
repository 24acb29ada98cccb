"""Twice the document costs twice the work: YAML as the originals read it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from yaml.nodes import MappingNode, ScalarNode

from pytest_pushgateway.golang.yaml_v2 import SyntaxProblem, compose, resolve, string_value
from tests.work import assert_linear

pytestmark = [pytest.mark.slow, pytest.mark.once]

DOCUMENTS: dict[str, Callable[[int], bytes]] = {
    "keys": lambda size: b"".join(b"k%d: v\n" % number for number in range(size)),
    "one key again and again": lambda size: b"k: v\n" * size,
    "items": lambda size: b"- v\n" * size,
    "flow": lambda size: b"[" + b"v, " * size + b"]",
    "depth": lambda size: b"[" * size,
    "comments": lambda size: b"# c\n" * size + b"k: v\n",
    "blanks": lambda size: b"k:" + b" " * 20 * size + b"v\n",
    "a block": lambda size: b"k: |\n" + b"  text\n" * size,
    "a folded block": lambda size: b"k: >\n" + b"  text\n\n" * size,
    "a quoted string": lambda size: b'k: "' + b"\\x41" * size + b'"\n',
    "anchors": lambda size: b"".join(b"k%d: &a%d v\n" % (number, number) for number in range(size)),
    "aliases": lambda size: b"a: &a v\n" + b"".join(b"k%d: *a\n" % number for number in range(size)),
    "documents": lambda size: b"--- a\n" * size,
    "tags": lambda size: b"- !!str v\n" * size,
    "digits": lambda size: b"k: " + b"1" * size + b"\n",
    "underscores": lambda size: b"k: 1" + b"_1" * size + b"\n",
    "wrong at the end": lambda size: b"k: v\n" * size + b"\t- {",
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_yaml(document: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        text = DOCUMENTS[document](size)

        def action() -> None:
            with suppress(SyntaxProblem, RecursionError):
                node = compose(text)
                value = node.value[0][1] if isinstance(node, MappingNode) else node
                if isinstance(value, ScalarNode):
                    resolve(value)
                    string_value(value)

        return action

    assert_linear(prepare, 300)
