"""The part of a `Pushgateway` that waits for what an application will do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pytest_pushgateway.harness.journal.journal import Journalled
from pytest_pushgateway.harness.journal.requests import Push
from pytest_pushgateway.harness.matching import expected
from pytest_pushgateway.later import later
from pytest_pushgateway.matchers import ANY

if TYPE_CHECKING:
    from pytest_pushgateway import durations
    from pytest_pushgateway.durations import Duration
    from pytest_pushgateway.harness import polling
else:
    polling = later("pytest_pushgateway.harness.polling")
    durations = later("pytest_pushgateway.durations")


_T = TypeVar("_T")

_POLL = 0.05
"""Seconds after which a predicate is asked again without a request: it may depend on other things."""


class Waiting(Journalled):
    """The part of a `Pushgateway` that waits."""

    def wait_for_push(
        self,
        name: str | None = None,
        value: Any = ANY,
        /,
        *,
        after: Push | None = None,
        count: int = 1,
        timeout: Duration = 5,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Push:
        """Return the ``count``-th accepted push of this test that carries such a sample.

        Pushes that are there already count; those of the test itself do not.

        Args:
            name: the exact name; None for any push.
            value: a number, or anything that compares with one, such as `pytest.approx`; by default any.
            after: count only pushes after this one.
            count: which of the pushes to return, from 1.
            timeout: seconds, a timedelta or a text such as ``"1m30s"``, of real time.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The push.

        Raises:
            AssertionError: it did not arrive in time; the message lists what arrived instead.

        """
        __tracebackhide__ = True
        expectation = expected(self, name, value, labels, label_values, named=False)
        awaited = polling.AwaitedPush(self._journal, expectation, after, count)
        limit = durations.seconds(timeout, "timeout")
        push: Push | None = polling.wait(self._journal, awaited.look, limit, None)
        if push is None:
            raise AssertionError(awaited.message(limit, self._notes(waited=True), polling.hint("wait_for_push")))
        return push

    def wait_until(self, predicate: Callable[[], _T], timeout: Duration = 5) -> _T:
        """Call ``predicate()`` in this thread, after every request and now and then, until it is true.

        As long as it raises an AssertionError or a LookupError it is not true yet, so that it can be an assertion:
        ``wait_until(lambda: gateway.assert_exposed("rows", 7))``.

        Args:
            predicate: a function without parameters, not a coroutine function.
            timeout: seconds, a timedelta or a text such as ``"1m30s"``, of real time.

        Returns:
            What the predicate returned.

        Raises:
            AssertionError: it was not true in time; the message has what it returned or raised last.
            TypeError: the predicate is not a function, or returned something that is always true.

        """
        __tracebackhide__ = True
        limit = durations.seconds(timeout, "timeout")
        asked = polling.PolledPredicate(predicate, "wait_until")
        result = polling.wait(self._journal, asked.look, limit, _POLL)
        if not result:
            asked.fail(limit, self._journal, self._notes(waited=True))
        self._journal.look()
        return result  # type: ignore[no-any-return]

    async def async_wait_for_push(
        self,
        name: str | None = None,
        value: Any = ANY,
        /,
        *,
        after: Push | None = None,
        count: int = 1,
        timeout: Duration = 5,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Push:
        """Wait as `wait_for_push` does, while the event loop (asyncio's) keeps running.

        Args:
            name: the exact name; None for any push.
            value: a number, or anything that compares with one, such as `pytest.approx`; by default any.
            after: count only pushes after this one.
            count: which of the pushes to return, from 1.
            timeout: seconds, a timedelta or a text such as ``"1m30s"``, of real time.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The push.

        Raises:
            AssertionError: it did not arrive in time; the message lists what arrived instead.
            RuntimeError: no event loop of asyncio is running.

        """
        __tracebackhide__ = True
        expectation = expected(self, name, value, labels, label_values, named=False)
        awaited = polling.AwaitedPush(self._journal, expectation, after, count)
        limit = durations.seconds(timeout, "timeout")
        push: Push | None = await polling.async_wait(self._journal, awaited.look, limit, None, "wait_for_push")
        if push is None:
            raise AssertionError(awaited.message(limit, self._notes(waited=True)))
        return push

    @overload
    async def async_wait_until(self, predicate: Callable[[], Awaitable[_T]], timeout: Duration = 5) -> _T: ...

    @overload
    async def async_wait_until(self, predicate: Callable[[], _T], timeout: Duration = 5) -> _T: ...

    async def async_wait_until(self, predicate: Callable[[], Any], timeout: Duration = 5) -> Any:
        """Wait as `wait_until` does, while the event loop (asyncio's) keeps running.

        Args:
            predicate: a function or coroutine function without parameters.
            timeout: seconds, a timedelta or a text such as ``"1m30s"``, of real time.

        Returns:
            What the predicate returned.

        Raises:
            AssertionError: it was not true in time; the message has what it returned or raised last.
            TypeError: the predicate is not a function, or returned something that is always true.
            RuntimeError: no event loop of asyncio is running.

        """
        __tracebackhide__ = True
        limit = durations.seconds(timeout, "timeout")
        asked = polling.PolledPredicate(predicate, "async_wait_until")
        result = await polling.async_wait(self._journal, asked.look, limit, _POLL, "wait_until")
        if not result:
            asked.fail(limit, self._journal, self._notes(waited=True))
        self._journal.look()
        return result
