"""The part of a `Pushgateway` that waits for what an application will do.

Waiting is done on the journal's condition, so that no frozen clock stops it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pytest_pushgateway.gateway.monotonic import monotonic
from pytest_pushgateway.harness.journal.journal import Journal, Journalled
from pytest_pushgateway.harness.journal.requests import Push
from pytest_pushgateway.harness.matching import ANY, Expected, carried, expected
from pytest_pushgateway.harness.wording import show_key

_POLL = 0.05
"""Seconds after which a predicate is asked again without a request: it may depend on other things."""


class Waiting(Journalled):
    """The part of a `Pushgateway` that waits."""

    def wait_for_push(
        self,
        name: str | None = None,
        /,
        *,
        after: Push | None = None,
        count: int = 1,
        timeout: float = 5,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Push:
        """Return the ``count``-th accepted push of this test that carries ``name`` with these labels.

        Pushes that are there already count, but only those after the push ``after``, if one is given; what the test
        itself pushes does not. ``timeout`` is in seconds.

        Raises:
            AssertionError: it did not come in time.

        """
        __tracebackhide__ = True
        awaited = _Awaited(self._journal, expected(name, ANY, labels, label_values), after, count)
        push: Push | None = _wait(self._journal, awaited.look, timeout, None)
        if push is None:
            raise AssertionError(awaited.message(timeout, self._closed(), _hint("wait_for_push")))
        return push

    def wait_until(self, predicate: Callable[[], Any], timeout: float = 5) -> Any:
        """Call ``predicate()`` in this thread, after every request and now and then, until it is true; return that.

        Raises:
            AssertionError: it was not true within ``timeout`` seconds.

        """
        __tracebackhide__ = True
        result = _wait(self._journal, predicate, timeout, _POLL)
        if not result:
            raise AssertionError(_until_message(predicate, timeout, self._journal, "wait_until", self._closed()))
        return result

    async def async_wait_for_push(
        self,
        name: str | None = None,
        /,
        *,
        after: Push | None = None,
        count: int = 1,
        timeout: float = 5,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Push:
        """Do as `wait_for_push` does, while the event loop (asyncio's) runs on.

        Raises:
            AssertionError: the push did not come in time.

        """
        __tracebackhide__ = True
        awaited = _Awaited(self._journal, expected(name, ANY, labels, label_values), after, count)
        push: Push | None = await _async_wait(self._journal, awaited.look, timeout, None)
        if push is None:
            raise AssertionError(awaited.message(timeout, self._closed()))
        return push

    async def async_wait_until(self, predicate: Callable[[], Any], timeout: float = 5) -> Any:
        """Do as `wait_until` does, while the event loop (asyncio's) runs on; ``predicate`` is no coroutine.

        Raises:
            AssertionError: it was not true within ``timeout`` seconds.

        """
        __tracebackhide__ = True
        result = await _async_wait(self._journal, predicate, timeout, _POLL)
        if not result:
            raise AssertionError(_until_message(predicate, timeout, self._journal, "async_wait_until", self._closed()))
        return result


class _Awaited:
    """The push that is waited for: the ``count``-th accepted one of the application, past ones included."""

    def __init__(self, journal: Journal, expectation: Expected, after: Push | None, count: int) -> None:
        if type(count) is not int or count < 1:
            raise ValueError(f"count must be a whole number of at least 1, not {count!r}")
        if after is not None and not isinstance(after, Push):
            raise TypeError(f"after is a Push that came before, not {after!r}")
        self._journal = journal
        self._expectation = expectation
        self._after = after._order if after is not None else 0
        self._seen = self._after
        self._count = count
        self._found: list[Push] = []

    def look(self) -> Push | None:
        """Return the push, if it is there; what was looked at before is not looked at again."""
        for push in self._journal.pushes():
            if push._order <= self._seen:
                continue
            self._seen = push._order
            if push.origin == "application" and push.accepted and self._matches(push):
                self._found.append(push)
                if len(self._found) == self._count:
                    return push
        return None

    def _matches(self, push: Push) -> bool:
        if self._expectation.name is None:
            labels = {**push.grouping_key}
            if all(labels.get(name) == value for name, value in self._expectation.labels.items()):
                return True
            return any(self._expectation.labels_match(sample.labels) for sample in push.samples)
        return any(self._expectation.matches(each.sample) for each, _ in carried(self._expectation, push))

    def message(self, timeout: float, closed: str | None, advice: Sequence[str] = ()) -> str:
        """Return what was waited for in vain, and what came instead."""
        from pytest_pushgateway.harness.messages import failures as expect
        from pytest_pushgateway.harness.wording import brief

        wanted = "an accepted push" if self._count == 1 else f"{self._count} accepted pushes"
        if self._expectation.name is not None:
            wanted += f" of {self._expectation}"
        elif self._expectation.labels:
            wanted += f" with {brief(show_key(dict(self._expectation.labels)))}"
        if self._count > 1:
            wanted += f", of which {len(self._found) or 'none'} came"
        first = f"waited {timeout:g} s for {wanted}"
        requests = [entry for entry in self._journal.requests() if entry._order > self._after]
        return expect.timed_out(first, self._expectation, requests, self._journal.dropped, advice, closed)


def _wait(journal: Journal, look: Callable[[], Any], timeout: float, poll: float | None) -> Any:
    """Ask ``look`` after every request, and every ``poll`` seconds, for something; None if nothing came in time."""
    deadline = monotonic() + timeout
    while True:
        sequence = journal.sequence
        result = look()  # without the lock: it may send requests of its own
        if result:
            return result
        left = deadline - monotonic()
        if left <= 0:
            return None
        journal.wait_beyond(sequence, left if poll is None else min(left, poll))


async def _async_wait(journal: Journal, look: Callable[[], Any], timeout: float, poll: float | None) -> Any:
    """Do as `_wait` does, while the event loop runs on."""
    import asyncio

    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(changed.set)

    deadline = monotonic() + timeout
    # The loop's own timers stand still under freezegun; a thread's do not.
    ticker = _Ticker(wake, min(timeout, poll or 1.0))
    journal.listen(wake)
    try:
        while True:
            changed.clear()
            result = look()
            if result:
                return result
            if monotonic() >= deadline:
                return None
            await changed.wait()
    finally:
        journal.unlisten(wake)
        ticker.stop()


class _Ticker:
    """Calls ``tick`` every ``interval`` seconds from a thread of its own until it is stopped."""

    def __init__(self, tick: Callable[[], None], interval: float) -> None:
        self._tick = tick
        self._interval = max(interval, 0.001)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pushgateway-wait", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._interval):
            self._tick()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()


def _until_message(
    predicate: Callable[[], Any], timeout: float, journal: Journal, method: str, closed: str | None
) -> str:
    """Return what was waited for in vain, and what came meanwhile."""
    from pytest_pushgateway.harness.messages import failures as expect

    name = getattr(predicate, "__qualname__", None) or repr(predicate)
    code = getattr(predicate, "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    first = f"waited {timeout:g} s in vain for {name}{where} to be true"
    return expect.timed_out(first, None, journal.requests(), journal.dropped, _hint(method), closed)


def _hint(method: str) -> list[str]:
    """Return the advice for a test that stops its own event loop by waiting."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or method.startswith("async_"):
        return []
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return []
    return [f"An event loop runs in this thread and stood still meanwhile: use `await gateway.async_{method}(...)`."]
