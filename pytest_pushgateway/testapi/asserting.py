"""The assertions of the test API: members of a JSON object become the arguments of a `Pushgateway`'s method."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.matchers import ANY
from pytest_pushgateway.testapi.problems import ApiProblem, check_members

if TYPE_CHECKING:
    from pytest_pushgateway.harness.pushgateway import Pushgateway

_OF_SAMPLES = ("exposed", "not_exposed", "pushed", "not_pushed")
ASSERTIONS = (*_OF_SAMPLES, "deleted", "rejected", "no_rejections")
"""The methods' names behind ``assert_``, the routes' behind ``/v1/assert/``."""


def assertion(gateway: Pushgateway, name: str, given: Mapping[str, Any]) -> Callable[[], object]:
    """Return the assertion that a request asks for, ready to be called again and again.

    Args:
        gateway: the one that it is about.
        name: one of `ASSERTIONS`.
        given: the members of the request, without ``timeout``.

    Raises:
        ApiProblem: a member is unknown, or of a kind that none of its kind has.

    """
    method = getattr(gateway, f"assert_{name}")
    if name in _OF_SAMPLES:
        check_members(dict(given), ("name", "value", "labels", "timeout"))
        value = _value(given["value"]) if "value" in given else ANY
        return partial(method, given.get("name"), value, labels=matchers(given.get("labels")))
    if name == "deleted":
        check_members(dict(given), ("labels", "timeout"))
        return partial(method, labels=matchers(given.get("labels")))
    if name == "rejected":
        check_members(dict(given), ("match", "status", "method", "labels", "timeout"))
        options = {member: given[member] for member in ("status", "method") if member in given}
        return partial(method, given.get("match"), labels=matchers(given.get("labels")), **options)
    check_members(dict(given), ("timeout",))
    return partial(method)


def matchers(labels: Any) -> dict[str, Any] | None:
    """Return label matchers from their JSON: text, or ``{"regex": "..."}``, which must match the whole.

    Raises:
        ApiProblem: they are something else.

    """
    if labels is None:
        return None
    if not isinstance(labels, dict):
        raise ApiProblem(400, f'labels must be an object such as {{"job": "backup"}}, not {labels!r}')
    found: dict[str, Any] = {}
    for name, wanted in labels.items():
        if isinstance(wanted, dict) and list(wanted) == ["regex"] and isinstance(wanted["regex"], str):
            try:
                found[name] = re.compile(wanted["regex"])
            except re.error as problem:
                raise ApiProblem(400, f"the regular expression of label {name!r} cannot be read: {problem}") from None
        elif isinstance(wanted, str):
            found[name] = wanted
        else:
            raise ApiProblem(400, f'the label {name!r} must be text or {{"regex": "..."}}, not {wanted!r}')
    return found


def _value(value: Any) -> float:
    """Return a sample's value: a number, or text such as ``"NaN"``, ``"+Inf"`` and ``"1e6"``."""
    try:
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise ValueError
        return float(value)
    except ValueError:
        raise ApiProblem(400, f'value must be a number, or text such as "1024" or "NaN", not {value!r}') from None
