"""Configurations with one or two faults of the kinds that people make: misspelt, mistyped, misplaced.

Nothing here knows which fields Prometheus has: names come from the file that is mutated and from other files.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

_VALUES: tuple[Any, ...] = (
    *(None, "", 0, 1, -1, 1.5, True, False, 10**12, 10**20, "~", "null", "true", "x", "5", "0x1F", "08", "1e3", ".inf"),
    *("5s", "1m30s", "-1s", "1.5h", "http://a:1/x", "://x", "%zz", "a:1", "${HOME}", "/x", "a b", "é", "-1MB", "512MB"),
    *([], {}, ["a"], [None], [""], ["a", "a"], {"a": "b"}, {"a": None}, [{}], [{"a": 1}], [["a"]], [1, 2.5, True]),
    *({"username": "a", "password": "b"}, {"credentials": "x"}, {"type": "basic"}, {"ca": "x", "ca_file": "y"}),
    *({"cert_file": "a"}, {"Authorization": "x"}, {"Host": "y"}),
)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Return every key and index below ``node``, with its mapping or list."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield node, key
            yield from _places(value)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield node, index
            yield from _places(value)


def _misspelt(randomness: random.Random, name: str) -> str:
    at = randomness.randrange(max(1, len(name)))
    swapped = name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :]
    camel = name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:])
    kinds = (f"{name}s", name[:at] + name[at + 1 :], name.upper(), name.replace("_", "-"), name[:-1], swapped, camel)
    return randomness.choice(kinds)


class Mutator:
    """Makes mutants of configurations, the same ones for the same seed."""

    def __init__(self, seed: int, documents: Sequence[Any]) -> None:
        self._random = random.Random(seed)
        self._documents = documents
        self._names = sorted({key for one in documents for _, key in _places(one) if isinstance(key, str)})
        self._sections = [holder[key] for one in documents for holder, key in _places(one)]

    def mutant(self) -> Any:
        """Return a copy of one of the documents with one fault, seldom two."""
        document = copy.deepcopy(self._random.choice(self._documents))
        for _ in range(self._random.choice((1, 1, 1, 2))):
            self._spoil(document)
        return document

    def _spoil(self, document: Any) -> None:
        places = list(_places(document))
        if not places:
            return
        holder, key = self._random.choice(places)
        kind = self._random.random()
        if kind < 0.3:
            holder[key] = copy.deepcopy(self._random.choice(_VALUES))
        elif kind < 0.45 and isinstance(holder, dict):
            value = holder.pop(key)
            holder[_misspelt(self._random, str(key))] = value
        elif kind < 0.6:
            del holder[key]
        elif kind < 0.72 and isinstance(holder, dict):
            holder[self._random.choice(self._names)] = copy.deepcopy(self._random.choice(_VALUES))
        elif kind < 0.82:
            self._move(document, holder, key)
        elif kind < 0.88:
            holder[key] = copy.deepcopy(self._random.choice(self._sections))
        elif kind < 0.95:
            holder[key] = [holder[key]]
        else:
            holder[key] = {"a": holder[key]}

    def _move(self, document: Any, holder: Any, key: Any) -> None:
        """Put a value into another mapping of the document."""
        mappings = [document, *(one[name] for one, name in _places(document) if isinstance(one[name], dict))]
        value = copy.deepcopy(holder[key])
        del holder[key]
        target = self._random.choice(mappings)
        target[key if isinstance(key, str) else self._random.choice(self._names)] = value
