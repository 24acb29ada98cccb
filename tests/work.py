"""Counts what an action costs, so that a test can double its input: lines and calls of Python, memory at the peak."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import FrameType
from typing import Any, NamedTuple

import pytest


class Work(NamedTuple):
    """The cost of an action."""

    lines: int
    """Lines of Python that were run; what C does in one call counts as one."""
    memory: int
    """Bytes held at the peak beyond those held before; the stack of a regular expression is among them. 0 on PyPy."""


def work_of(action: Callable[[], object]) -> Work:
    """Run an action once for its lines and once for its memory."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return Work(lines, peak_of(action) if find_spec("_tracemalloc") else 0)


def calls_of(action: Callable[[], object]) -> int:
    """Return how many of Python's functions an action calls."""
    calls = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(before)
    return calls


def peak_of(action: Callable[[], object]) -> int:
    """Run an action; return the bytes held at the peak beyond those held before."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy does not measure memory")
    gc.collect()
    tracemalloc.start()
    try:
        held: int = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        action()
        peak: int = tracemalloc.get_traced_memory()[1]
        return peak - held
    finally:
        tracemalloc.stop()


def assert_linear(action: Callable[[int], Callable[[], object]], size: int) -> None:
    """Check that twice the input costs at most twice the work, and a little.

    ``action(size)`` prepares an input and returns what is to be counted.
    """
    action(size)()  # what is made once, such as compiled patterns, does not count
    one, two = work_of(action(size)), work_of(action(2 * size))
    assert two.lines <= 2.2 * one.lines + 200, f"{one.lines} lines became {two.lines}"
    assert two.memory <= 2.4 * one.memory + 50_000, f"{one.memory} bytes became {two.memory}"


class Metered(bytes):
    """Bytes that count how many of them are copied when they are joined to others by ``+`` or cut."""

    copied = 0

    def __add__(self, other: Any) -> Metered:
        return self._counted(bytes(self) + other)

    def __radd__(self, other: Any) -> Metered:
        return self._counted(other + bytes(self))

    def __getitem__(self, place: Any) -> Any:
        found = bytes(self)[place]
        return self._counted(found) if isinstance(found, bytes) else found

    @staticmethod
    def _counted(found: bytes) -> Metered:
        Metered.copied += len(found)
        return Metered(found)


def copies_of(action: Callable[[], object]) -> int:
    """Return how many of its metered bytes an action copies."""
    before = Metered.copied
    action()
    return Metered.copied - before


class Scanned(str):
    """Text that counts how many of its letters are counted through or copied, which C does in one call."""

    letters = 0

    def count(self, *arguments: Any) -> int:
        Scanned.letters += len(range(*slice(*arguments[1:]).indices(len(self)))) if arguments[2:] else len(self)
        return str(self).count(*arguments)

    def __getitem__(self, place: Any) -> str:
        found = str(self)[place]
        Scanned.letters += len(found)
        return found


def letters_of(action: Callable[[], object]) -> int:
    """Return how many letters of scanned texts an action goes through."""
    before = Scanned.letters
    action()
    return Scanned.letters - before
