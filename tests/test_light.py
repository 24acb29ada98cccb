"""Named tuples of a start behave as those of ``typing``."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from pytest_pushgateway.gateway.http.host import Answer
from pytest_pushgateway.light import NamedTuple


class Place(NamedTuple):
    """A place in a text."""

    line: int
    column: int = 1
    note: str = ""

    @property
    def shown(self) -> str:
        return f"{self.line}:{self.column}"


@pytest.mark.parametrize(
    ("made", "items"),
    [
        (Place(7), (7, 1, "")),
        (Place(7, 8), (7, 8, "")),
        (Place(7, 8, "x"), (7, 8, "x")),
        (Place(line=7, note="x"), (7, 1, "x")),
        (Place(7, note="x"), (7, 1, "x")),
    ],
)
def test_items_are_positional_named_or_defaults(made: Place, items: tuple[object, ...]) -> None:
    assert made == items
    assert (made.line, made.column, made.note) == items
    assert made.shown == f"{items[0]}:{items[1]}"


@pytest.mark.parametrize(
    ("positional", "named"),
    [((), {}), ((), {"column": 1}), ((1, 2, "x", 4), {}), ((1,), {"line": 1}), ((1,), {"row": 1})],
    ids=["none", "one missing", "too many", "twice", "unknown"],
)
def test_wrong_items_are_an_error(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    make: Any = Place
    with pytest.raises(TypeError, match=r"Place\(\) takes line, column, note, each once"):
        make(*positional, **named)


def test_copies_and_changes_are_of_the_same_class() -> None:
    place = Place(7, note="x")
    for other in (copy.deepcopy(place), place._replace(line=7)):
        assert type(other) is Place
        assert other == place
    assert place._replace(column=9)._asdict() == {"line": 7, "column": 9, "note": "x"}
    assert repr(place) == "Place(line=7, column=1, note='x')"
    match place:
        case Place(line, column):
            assert (line, column) == (7, 1)
    answer = Answer(200, error="x")
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert not hasattr(answer, "__dict__")
