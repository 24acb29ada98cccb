"""Docstrings of the public face: one form, with every parameter, the result and the exceptions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pytest_pushgateway

pytestmark = pytest.mark.once

NOTHING = (None, "None", "NoReturn", inspect.Signature.empty)


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield every public function and method of what the package exports, each once."""
    seen = set()
    for name in sorted(pytest_pushgateway.__all__):
        value = getattr(pytest_pushgateway, name)
        members = {name: value} if inspect.isfunction(value) else {}
        if inspect.isclass(value):
            members = {f"{name}.{one}": inspect.getattr_static(value, one) for one in dir(value) if one[0] != "_"}
        for place, member in members.items():
            function = inspect.unwrap(member) if callable(member) else member
            ours = (getattr(function, "__module__", None) or "").startswith("pytest_pushgateway")
            if inspect.isfunction(function) and ours and function not in seen:
                seen.add(function)
                yield place, function


FUNCTIONS = dict(functions())


@pytest.mark.parametrize("place", FUNCTIONS)
def test_docstring_has_parameters_result_and_exceptions(place: str) -> None:
    docstring = inspect.getdoc(FUNCTIONS[place]) or ""
    signature = inspect.signature(FUNCTIONS[place])
    explained = re.findall(r"^ {4}(\w+): \S", _section(docstring, "Args"), re.MULTILINE)

    assert explained == [name for name in signature.parameters if name != "self"]
    assert signature.return_annotation in NOTHING or _returns(docstring), docstring
    assert not re.search(r"\bRaises (?!:)", docstring), "exceptions belong into the section Raises:"


@pytest.mark.parametrize("name", ["Pushgateway.push", "Faults.error", "load"])
def test_known_functions_are_among_those_looked_at(name: str) -> None:
    assert name in FUNCTIONS


FIELDS_OF_PROMETHEUS = ("ScrapeJob", "TargetGroup")
"""Classes whose attributes are the fields that Prometheus documents, under the same names."""


@pytest.mark.parametrize(
    "name", [one for one in pytest_pushgateway.__all__ if inspect.isclass(getattr(pytest_pushgateway, one))]
)
def test_every_attribute_is_documented(name: str) -> None:
    documented = getattr(pytest_pushgateway, name)
    ours = [one for one in documented.__mro__ if one.__module__.startswith("pytest_pushgateway")]
    attributes = "\n".join(_section(inspect.cleandoc(one.__doc__ or ""), "Attributes") for one in ours)
    declared = {field for one in ours for field in (*vars(one).get("__annotations__", ()), *_slots(one))}
    explained = set(re.findall(r"^ {4}(\w+)(?: \(.*?\))?: \S", attributes, re.MULTILINE))
    members = inspect.getmembers(documented, lambda one: isinstance(one, property))
    properties = {field: value for field, value in members if field[0] != "_"}

    if name not in (*FIELDS_OF_PROMETHEUS, "Settings"):
        assert {field for field in declared if field[0] != "_"} <= explained | set(properties)
    for field, value in properties.items():
        summary = (inspect.getdoc(value) or "").partition("\n")[0]
        assert summary, field
        assert ": " not in summary, f"{field}: Sphinx takes what is before a colon for a type"
        assert inspect.get_annotations(value.fget).get("return"), field


def _slots(owner: type) -> tuple[str, ...]:
    slots: tuple[str, ...] = vars(owner).get("__slots__", ())
    return slots


def _section(docstring: str, name: str) -> str:
    found = re.search(rf"^{name}:\n((?: {{4}}.*\n?|\n)*)", docstring, re.MULTILINE)
    return found[1] if found else ""


def _returns(docstring: str) -> bool:
    """A summary of one line describes it, or there is a section."""
    return bool(_section(docstring, "Returns")) or docstring.splitlines()[0].startswith("Return ")
