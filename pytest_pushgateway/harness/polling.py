"""Looking again and again for what a test waits for: a push, or a predicate that is true.

The looks follow the journal's condition, so that no frozen clock stops them.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from pytest_pushgateway import threads
from pytest_pushgateway.harness.journal.journal import Journal, Notes
from pytest_pushgateway.harness.journal.requests import Push
from pytest_pushgateway.harness.matching import Expected, carries
from pytest_pushgateway.harness.wording import brief, show_matchers
from pytest_pushgateway.later import later
from pytest_pushgateway.matchers import is_routine, shown
from pytest_pushgateway.monotonic import monotonic

if TYPE_CHECKING:
    import asyncio

    from pytest_pushgateway.harness.messages import failures
else:
    failures = later("pytest_pushgateway.harness.messages.failures")

_T = TypeVar("_T")


class PolledPredicate(Generic[_T]):
    """A predicate that is asked again and again, and what came of it last."""

    def __init__(self, predicate: Callable[[], _T], method: str) -> None:
        __tracebackhide__ = True
        if not callable(predicate):
            raise TypeError(f"predicate must be a function, not {shown(predicate)}; write {method}(lambda: ...)")
        self._predicate = predicate
        self._method = method
        self._error: BaseException | None = None
        self._result: Any = None

    def look(self) -> Any:
        """Return what the predicate returns, or where the method is the asynchronous one a coroutine that does."""
        __tracebackhide__ = True
        try:
            result: Any = self._predicate()
        except (AssertionError, LookupError) as error:
            return self._note(error, None)
        if hasattr(result, "__await__"):
            if self._method.startswith("async_"):
                return self._awaited(result)
            if hasattr(result, "close"):
                result.close()
            raise TypeError(
                "the predicate returned an awaitable, which is always true; use `await gateway.async_wait_until(...)`"
            )
        return self._note(None, result)

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        __tracebackhide__ = True
        self._note(None, awaitable)
        try:
            result = await awaitable
        except (AssertionError, LookupError) as error:
            return self._note(error, None)
        return self._note(None, result)

    def _note(self, error: BaseException | None, result: Any) -> Any:
        __tracebackhide__ = True
        self._error, self._result = error, result
        if is_routine(result):
            raise TypeError(f"the predicate returned the function {shown(result)}, which is always true; call it")
        if hasattr(type(result), "__next__") or hasattr(type(result), "__anext__"):
            raise TypeError(f"the predicate returned {shown(result)}, which is always true; wrap it in any() or list()")
        return result

    def fail(self, timeout: float, journal: Journal, notes: Notes) -> NoReturn:
        """Raise an AssertionError with what was waited for, what the predicate did last, and what came meanwhile."""
        __tracebackhide__ = True
        name = getattr(self._predicate, "__qualname__", None) or shown(self._predicate)
        code = getattr(self._predicate, "__code__", None)
        where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
        first = f"waited {timeout:g} s for {name}{where} to be true"
        advice = [*self._last(), *hint(self._method)]
        message = failures.timed_out(first, None, journal.of_test(), journal.dropped, advice, notes)
        raise AssertionError(message) from self._error

    def _last(self) -> list[str]:
        if self._error is not None:
            lines = str(self._error).splitlines() or [""]
            return [f"It last raised {type(self._error).__name__}: {lines[0]}", *(f"  {line}" for line in lines[1:])]
        if hasattr(self._result, "__await__"):
            return ["It did not end in time."]
        if self._result is False:
            return []
        lines = [f"It last returned {shown(self._result)}."]
        if isinstance(self._result, (int, float)):
            lines.append("Zero is not true: compare with ==, if that is the value to wait for.")
        return lines


class AwaitedPush:
    """The push that is waited for: the ``count``-th accepted one of the application, past ones included."""

    def __init__(self, journal: Journal, expectation: Expected, after: Push | None, count: int) -> None:
        if type(count) is not int or count < 1:
            raise ValueError(f"count must be a whole number of at least 1, not {count!r}")
        if after is not None and not isinstance(after, Push):
            raise TypeError(f"after is a Push that came before, not {shown(after)}")
        journal.catch_up()
        if after is not None and not journal.has(after):
            raise ValueError(f"after must be a push of this test to this gateway, not {after!r}")
        self._journal = journal
        self._expectation = expectation
        self._after = after
        self._seen = self._begin = after._order if after is not None else 0
        self._count = count
        self._found: list[Push] = []

    def look(self) -> Push | None:
        """Return the push, if it is there; what was looked at before is not looked at again."""
        for push in self._journal.pushes():
            if push._order <= self._seen:
                continue
            self._seen = push._order
            if push.origin == "application" and push.accepted and carries(self._expectation, push):
                self._found.append(push)
                if len(self._found) == self._count:
                    self._journal.look(push._order)
                    return push
        return None

    def message(self, timeout: float, notes: Notes, advice: Sequence[str] = ()) -> str:
        """Return what was waited for in vain, and what came instead."""
        wanted = "an accepted push" if self._count == 1 else f"{self._count} accepted pushes"
        if self._expectation.name is not None:
            wanted += f" of {self._expectation}"
        elif self._expectation.labels:
            wanted += f" with {brief(show_matchers(self._expectation.labels))}"
        if self._count > 1:
            wanted += f", of which {len(self._found) or 'none'} came"
        if self._after is not None:
            wanted += f" after push {self._after.number}"
        first = f"waited {timeout:g} s for {wanted}"
        requests = [entry for entry in self._journal.of_test() if entry._order > self._begin]
        return failures.timed_out(first, self._expectation, requests, self._journal.dropped, advice, notes)


def wait(journal: Journal, look: Callable[[], Any], timeout: float, poll: float | None) -> Any:
    """Ask ``look`` after every request, and every ``poll`` seconds, for something; None if nothing came in time."""
    deadline = monotonic() + timeout
    while True:
        sequence = journal.sequence
        result = journal.peek(look)  # without the lock: it may send its own requests
        if result:
            return result
        left = deadline - monotonic()
        if left <= 0:
            return None
        journal.wait_beyond(sequence, left if poll is None else min(left, poll))


async def async_wait(journal: Journal, look: Callable[[], Any], timeout: float, poll: float | None, method: str) -> Any:
    """Do as `wait` does, while the event loop runs on; what ``look`` returns is awaited if it can be."""
    __tracebackhide__ = True
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            f"async_{method}() needs an event loop of asyncio; under trio use "
            f"`await trio.to_thread.run_sync(lambda: gateway.{method}(...))`"
        ) from None
    changed, pulse = asyncio.Event(), asyncio.Event()

    def look_again() -> None:
        changed.set()
        pulse.set()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(look_again)

    deadline = monotonic() + timeout
    # The loop's own timers stand still under freezegun; a thread's do not.
    ticker = _Ticker(wake, min(timeout, poll or 1.0))
    journal.listen(wake)
    try:
        while True:
            changed.clear()
            result = journal.peek(look)
            if hasattr(result, "__await__"):
                result = await _until(asyncio.ensure_future(result), pulse, deadline)
            if result:
                return result
            if monotonic() >= deadline:
                return None
            await changed.wait()
    finally:
        journal.unlisten(wake)
        ticker.stop()


async def _until(task: asyncio.Future[Any], pulse: asyncio.Event, deadline: float) -> Any:
    """Return what a task gives; None if it does not end in time, which is looked at with every pulse."""
    __tracebackhide__ = True
    task.add_done_callback(lambda _: pulse.set())
    try:
        while not task.done():  # it is begun in any case: what is never awaited warns of that
            pulse.clear()
            await pulse.wait()
            if monotonic() >= deadline and not task.done():
                return None
        return task.result()
    finally:
        task.cancel()


class _Ticker:
    """Calls ``tick`` every ``interval`` seconds from its own thread until it is stopped."""

    def __init__(self, tick: Callable[[], None], interval: float) -> None:
        self._tick = tick
        self._interval = max(interval, 0.001)
        self._over = threads.Event()
        self._thread = threads.Thread(self._run, "pushgateway-wait")
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._interval):
            self._tick()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()


def hint(method: str) -> list[str]:
    """Return the advice for a test that stops its own event loop by waiting."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or method.startswith("async_"):
        return []
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return []
    return [f"This wait blocked the running event loop; use `await gateway.async_{method}(...)`."]
