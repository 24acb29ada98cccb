"""Errors of mistaken calls: in names that the reader knows, with a suggestion for an unknown argument."""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any

from pytest_pushgateway.settings import nearest

_TAKES_ANY_VALUE = 0x04
_TAKES_ANY_KEYWORD = 0x08
_IS_ASYNC = 0x80
"""Flags of a code object: it has ``*names``; it has ``**labels``; it makes a coroutine."""


def name_calls(owner: str, *classes: type) -> None:
    """Have the errors of mistaken calls speak of methods as a test writes them, such as ``Pushgateway.push()``.

    Python names the class in which a method happens to be defined and, before 3.13, no argument that may be meant.

    Args:
        owner: what a test calls the object.
        classes: those that its public methods come from.

    """
    for one in classes:
        for name, method in list(vars(one).items()):
            if isinstance(method, FunctionType) and not name.startswith("_"):
                method.__qualname__ = f"{owner}.{name}"
                if method.__code__.co_flags & (_IS_ASYNC | _TAKES_ANY_VALUE):
                    continue
                if method.__code__.co_flags & _TAKES_ANY_KEYWORD:
                    setattr(one, name, _counted(method))
                else:
                    setattr(one, name, _checked(method))


def name_options(owner: type) -> None:
    """Make the error of a class that gets its options without their names show how to pass them."""
    made = owner.__init__  # type: ignore[misc]

    @functools.wraps(made)
    def init(self: Any, *args: Any, **options: Any) -> None:
        __tracebackhide__ = True
        if args:
            raise TypeError(f"{owner.__name__}() takes options by name, such as port=9091, not {args[0]!r}")
        made(self, **options)

    owner.__init__ = init  # type: ignore[misc]


def _counted(method: FunctionType) -> FunctionType:
    """Return a method with ``**labels`` whose error for too many values shows how to pass them."""
    most = method.__code__.co_argcount

    @functools.wraps(method)
    def call(*args: Any, **labels: Any) -> Any:
        __tracebackhide__ = True
        if len(args) <= most:
            return method(*args, **labels)
        try:
            return method(*args, **labels)
        except TypeError as error:
            raise TypeError(f'{error}; labels are given by name, such as job="backup"') from None

    return call  # type: ignore[return-value]


def _checked(method: FunctionType) -> FunctionType:
    code = method.__code__
    positional = max(code.co_posonlyargcount, 1)  # self at least
    known = code.co_varnames[positional : code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        for name in kwargs:
            if name not in known:
                takes = f"it takes {', '.join(known)}" if known else "it takes none by keyword"
                hint = nearest(name, known) or f"; {takes}"
                raise TypeError(f"{method.__qualname__}() has no argument {name!r}{hint}")
        return method(*args, **kwargs)

    return call  # type: ignore[return-value]
