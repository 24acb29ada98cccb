"""Faults as JSON, and the register that gives each a number."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway import threads
from pytest_pushgateway.testapi.codec import body_in
from pytest_pushgateway.testapi.problems import ApiProblem, check_members

if TYPE_CHECKING:
    from pytest_pushgateway.harness.faults.faults import Fault, Faults

Json = dict[str, Any]

_ANSWER = ("status", "body", "body_base64", "headers")
_WHICH = ("times", "methods", "paths")
KINDS: Mapping[str, tuple[str, ...]] = {
    "error": (*_ANSWER, "after", *_WHICH),
    "delay": ("seconds", *_WHICH),
    "respond": ("answers", *_WHICH),
    "hang": ("after", *_WHICH),
    "disconnect": ("after", *_WHICH),
    "truncate": ("size", *_WHICH),
    "refuse": (),
}
"""The kinds of faults with the members that each takes."""
_NEEDED = {"error": "status", "delay": "seconds", "respond": "answers", "truncate": "size"}


class FaultRegister:
    """The faults that were asked for since the last reset, by number."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threads.Lock()
        self._numbers = itertools.count(1)
        self._known: dict[str, Fault] = {}

    def add(self, given: Json) -> Json:
        """Make a fault active and return it as JSON.

        Raises:
            ApiProblem: its kind or a member is unknown, or one is missing.
            TypeError: a member is of the wrong type.
            ValueError: a member cannot have this value.

        """
        kind = given.pop("kind", None)
        if kind not in KINDS:
            raise ApiProblem(400, f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        if "when" in given:
            raise ApiProblem(400, "a predicate cannot cross to this gateway; choose requests by methods and paths")
        name = given.pop("name", "")
        check_members(given, KINDS[kind])
        needed = _NEEDED.get(kind)
        if needed is not None and needed not in given:
            raise ApiProblem(400, f"a fault of kind {kind!r} needs {needed}")
        options = {name: given[name] for name in (*_WHICH, "after") if given.get(name) is not None}
        fault = self._make(kind, given, options)
        if name and kind != "refuse":
            fault.name = str(name)
        with self._lock:
            identifier = str(next(self._numbers))
            self._known[identifier] = fault
        return _as_json(identifier, fault)

    def _make(self, kind: str, given: Json, options: Json) -> Fault:
        faults = self._faults
        if kind == "error":
            body = body_in(given) if "body" in given or "body_base64" in given else None
            return faults.error(given["status"], body=body, headers=_headers(given), **options)
        if kind == "respond":
            answers = given["answers"]
            several = isinstance(answers, list)
            return faults.respond([_answer(one) for one in answers] if several else _answer(answers), **options)
        if kind == "refuse":
            return faults.refuse()
        if kind in ("delay", "truncate"):
            method = faults.delay if kind == "delay" else faults.truncate
            return method(given[_NEEDED[kind]], **options)
        return faults.hang(**options) if kind == "hang" else faults.disconnect(**options)

    def remove(self, identifier: str) -> None:
        """End a fault.

        Raises:
            ApiProblem: 404, no fault has this number.

        """
        with self._lock:
            fault = self._known.get(identifier)
        if fault is None:
            raise ApiProblem(404, f"there is no fault {identifier!r}; GET /v1/faults lists those since the last reset")
        fault.remove()

    def forget(self) -> None:
        """Forget all: a reset has ended them."""
        with self._lock:
            self._known.clear()

    def as_json(self) -> list[Json]:
        """Return all faults since the last reset, the oldest first."""
        with self._lock:
            return [_as_json(identifier, fault) for identifier, fault in self._known.items()]


def _as_json(identifier: str, fault: Fault) -> Json:
    return {
        "id": identifier,
        "name": fault.name,
        "hits": fault.hits,
        "times": fault.times,
        "active": fault.active,
    }


def _headers(given: Json) -> Any:
    headers = given.get("headers")
    return [tuple(pair) for pair in headers] if isinstance(headers, list) else headers


def _answer(one: Any) -> Any:
    """Return an answer as `Faults.respond` takes it: null for the gateway's own, a status, or an object."""
    if not isinstance(one, dict):
        return one
    check_members(one, _ANSWER)
    if "body" not in one and "body_base64" not in one and "headers" not in one:
        return one.get("status")
    return one.get("status"), body_in(one), _headers(one) or ()
