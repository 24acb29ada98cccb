"""The tables of methods in the documentation show the signatures that the code has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from pytest_pushgateway import Clock, Faults, Interception, Pushgateway

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[2] / "docs" / "gateway.md"
OBJECTS = {"": Pushgateway, "faults": Faults, "clock": Clock, "interception": Interception}
EXPLAINED_ONCE = {"": {"labels"}, "faults": {"times", "methods", "paths", "when", "after"}}
"""Arguments, only by name, that the page explains once for all methods of an object."""

ROWS = re.findall(r"^\| ((?:`[\w.]+\([^`]*\)`(?:, )?)+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
SHOWN = [shown for row in ROWS for shown in re.findall(r"`([^`]+)`", row)]


class AnyValue:
    def __repr__(self) -> str:
        return "..."


def signature(name: str) -> str:
    """Return a method as a table shows it: no types, ``...`` for any value, matchers of labels as ``**labels``."""
    owner, _, method = (name, "", "__call__") if name in OBJECTS else name.rpartition(".")
    parameters = []
    for one in inspect.signature(getattr(OBJECTS[owner], method)).parameters.values():
        if one.name == "self" or (one.kind is one.KEYWORD_ONLY and one.name in EXPLAINED_ONCE.get(owner, ())):
            continue
        default = AnyValue() if one.default is ... else one.default
        shown_name = "labels" if one.name == "label_values" else one.name
        parameters.append(one.replace(name=shown_name, annotation=one.empty, default=default))
    return f"{name}{inspect.Signature(parameters)}"


@pytest.mark.parametrize("shown", SHOWN)
def test_shown_signature_is_that_of_the_method(shown: str) -> None:
    assert shown == signature(shown.partition("(")[0])


def test_tables_are_found() -> None:
    assert {"assert_exposed", "wait_for_push", "faults.error"} <= {shown.partition("(")[0] for shown in SHOWN}
