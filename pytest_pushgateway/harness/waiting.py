"""The part of a `Pushgateway` that waits for what an application will do; how is imported with the first wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_pushgateway.harness.journal.journal import Journalled
from pytest_pushgateway.harness.journal.requests import Push
from pytest_pushgateway.harness.matching import ANY, expected


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
        from pytest_pushgateway.harness import awaiting

        awaited = awaiting.Awaited(self._journal, expected(name, ANY, labels, label_values), after, count)
        push: Push | None = awaiting.wait(self._journal, awaited.look, timeout, None)
        if push is None:
            raise AssertionError(awaited.message(timeout, self._closed(), awaiting.hint("wait_for_push")))
        return push

    def wait_until(self, predicate: Callable[[], Any], timeout: float = 5) -> Any:
        """Call ``predicate()`` in this thread, after every request and now and then, until it is true; return that.

        Raises:
            AssertionError: it was not true within ``timeout`` seconds.

        """
        __tracebackhide__ = True
        from pytest_pushgateway.harness import awaiting

        result = awaiting.wait(self._journal, predicate, timeout, awaiting.POLL)
        if not result:
            raise AssertionError(
                awaiting.until_message(predicate, timeout, self._journal, "wait_until", self._closed())
            )
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
        from pytest_pushgateway.harness import awaiting

        awaited = awaiting.Awaited(self._journal, expected(name, ANY, labels, label_values), after, count)
        push: Push | None = await awaiting.async_wait(self._journal, awaited.look, timeout, None)
        if push is None:
            raise AssertionError(awaited.message(timeout, self._closed()))
        return push

    async def async_wait_until(self, predicate: Callable[[], Any], timeout: float = 5) -> Any:
        """Do as `wait_until` does, while the event loop (asyncio's) runs on; ``predicate`` is no coroutine.

        Raises:
            AssertionError: it was not true within ``timeout`` seconds.

        """
        __tracebackhide__ = True
        from pytest_pushgateway.harness import awaiting

        result = await awaiting.async_wait(self._journal, predicate, timeout, awaiting.POLL)
        if not result:
            raise AssertionError(
                awaiting.until_message(predicate, timeout, self._journal, "async_wait_until", self._closed())
            )
        return result
