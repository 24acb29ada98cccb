"""The requests that meet a fault: by method, path or a function of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.harness.journal.requests import Request
from pytest_pushgateway.matchers import is_routine, shown
from pytest_pushgateway.settings import nearest

if TYPE_CHECKING:
    from pytest_pushgateway.gateway import hooks

When = Callable[[Request], bool]

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"))


class Condition:
    """The requests that a fault meets: by default pushes and deletions; with an argument only this decides.

    Raises:
        TypeError: ``methods`` or ``paths`` are not text, or ``when`` is not a plain function.
        ValueError: no request has such a method or path.

    """

    def __init__(
        self, methods: str | Iterable[str] | None, paths: str | Iterable[str] | None, when: When | None
    ) -> None:
        __tracebackhide__ = True
        _check_predicate(when)
        self.methods: frozenset[str] | None = None if methods is None else _read_methods(methods)
        self.paths: tuple[str, ...] | None = None if paths is None else _read_paths(paths)
        self._when = when

    def meets(self, request: hooks.RawRequest) -> bool:
        """Return whether a request is one of those; what the test's function raises comes out."""
        if self.methods is None and self.paths is None and self._when is None:
            return request.kind in ("push", "delete")
        if self.methods is not None and request.method.upper() not in self.methods:
            return False
        if self.paths is not None:
            path = request.target.partition("?")[0]
            if not any(fnmatchcase(path, pattern) for pattern in self.paths):
                return False
        return self._when is None or _holds(self._when(Request(request)))


def _check_predicate(when: Any) -> None:
    __tracebackhide__ = True
    if when is None:
        return
    from inspect import iscoroutinefunction

    if not callable(when) or iscoroutinefunction(when):
        raise TypeError(f"when must be a callable, not {when!r}; a thread of the gateway calls it")


def _holds(result: Any) -> bool:
    """Return whether a predicate's result is true; raise TypeError if it can only be true."""
    if hasattr(result, "__await__") or is_routine(result) or hasattr(type(result), "__next__"):
        if hasattr(result, "close"):
            result.close()
        raise TypeError(f"the function given as when= returned {shown(result)}, which is always true")
    return bool(result)


def _read_methods(methods: Any) -> frozenset[str]:
    __tracebackhide__ = True
    found = frozenset(method.upper() for method in _strings(methods, "methods"))
    for method in found - _METHODS:
        raise ValueError(
            f"methods has {method!r}, which no request has{nearest(method, _METHODS)}; a push is a PUT or POST"
        )
    return found


def _read_paths(paths: Any) -> tuple[str, ...]:
    __tracebackhide__ = True
    found = _strings(paths, "paths")
    for path in found:
        if path[0] not in "/*?[":
            raise ValueError(f"paths has {path!r}, which no path matches: a path begins with '/'")
    return found


def _strings(value: Any, what: str) -> tuple[str, ...]:
    __tracebackhide__ = True
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (None,)
    if any(not isinstance(one, str) for one in found):
        raise TypeError(f"{what} must be a string or several, not {shown(value)}")
    if not found or not all(found):
        raise ValueError(f"{what} must not be empty; leave it out")
    return found
