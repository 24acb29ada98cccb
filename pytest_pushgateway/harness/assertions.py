"""The part of a `Pushgateway` that tells what is exposed now.

What only a failing assertion needs, or a test that reads groups, is imported when it does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from pytest_pushgateway.harness.journal.requests import Delete, Push
from pytest_pushgateway.harness.matching import ANY, carried, expected
from pytest_pushgateway.harness.reading import Exposed
from pytest_pushgateway.harness.wording import show_key

if TYPE_CHECKING:
    pass


class Asserting(Exposed):
    """Assertions. ``value`` is anything with ``==``; labels match as a subset; any match satisfies."""

    def assert_exposed(
        self,
        name: str,
        value: Any = ANY,
        /,
        *,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> None:
        """Assert that a sample with this name, these labels and this value is exposed now.

        Without a value, the name may also be that of a histogram's or summary's family.
        """
        __tracebackhide__ = True
        expectation = expected(name, value, labels, label_values)
        found = self._candidates(expectation)
        if not any(expectation.matches(each.sample) for each in found):
            raise AssertionError(self._not_exposed(expectation, found))

    def assert_not_exposed(
        self,
        name: str | None = None,
        value: Any = ANY,
        /,
        *,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> None:
        """Assert that no such sample is exposed now; without a name, that nothing at all is.

        A family's name covers its ``_bucket``, ``_sum`` and ``_count``.
        """
        __tracebackhide__ = True
        expectation = expected(name, value, labels, label_values)
        found = [each for each in self._candidates(expectation) if expectation.matches(each.sample)]
        if found:
            from pytest_pushgateway.harness.messages import failures as expect

            raise AssertionError(expect.still_exposed(expectation, found, self._journal.requests()))

    def assert_pushed(
        self,
        name: str,
        value: Any = ANY,
        /,
        *,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Push:
        """Assert that an accepted push of the application in this test carried such a sample; return the last one."""
        __tracebackhide__ = True
        expectation = expected(name, value, labels, label_values)
        for push in reversed(self._accepted()):
            if any(expectation.matches(each.sample) for each, _ in carried(expectation, push)):
                return push
        from pytest_pushgateway.harness.messages import failures as expect

        requests, dropped = self._journal.requests(), self._journal.dropped
        raise AssertionError(expect.not_pushed(expectation, requests, dropped, self._closed()))

    def assert_not_pushed(
        self,
        name: str | None = None,
        value: Any = ANY,
        /,
        *,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> None:
        """Assert that no accepted push of the application in this test carried such a sample.

        Without a name, that there was no accepted push at all, or none with these labels. It fails, too, where accepted
        pushes are not in the journal any more.
        """
        __tracebackhide__ = True
        expectation = expected(name, value, labels, label_values)
        pushes = self._accepted()
        if expectation.name is None:
            wanted = expectation.labels.items()
            pushes = [
                push
                for push in pushes
                if (expectation.value is ANY and wanted <= push.grouping_key.items())
                or any(expectation.matches(sample) for sample in push.samples)
            ]
            if pushes:
                from pytest_pushgateway.harness.messages import failures as expect

                raise AssertionError(expect.something_pushed(pushes))
        found = [pair for push in pushes for pair in carried(expectation, push) if expectation.matches(pair[0].sample)]
        if found:
            from pytest_pushgateway.harness.messages import failures as expect

            raise AssertionError(expect.was_pushed(expectation, found))
        if self._journal.dropped_accepted:
            from pytest_pushgateway.harness.messages import failures as expect

            raise AssertionError(expect.not_told(expectation, self._journal.dropped_accepted))

    def assert_deleted(self, **grouping_key: object) -> Delete:
        """Assert that an accepted DELETE in this test matched the group of exactly this key and that it is gone."""
        __tracebackhide__ = True
        if not grouping_key:
            raise TypeError('assert_deleted() takes the grouping key, such as job="backup"')
        key = {name: str(value) for name, value in grouping_key.items()}
        keys = [group.grouping_key for group in self.groups]
        if key not in keys:
            for deletion in reversed(self._journal.deletions()):
                if deletion.matched and deletion.grouping_key == key:
                    return deletion
        from pytest_pushgateway.harness.messages import failures as expect

        raise AssertionError(expect.not_deleted(key, self._journal.requests(), keys, self._journal.dropped))

    @overload
    def assert_rejected(
        self,
        match: str | re.Pattern[str] | None = None,
        *,
        status: int | None = None,
        method: Literal["PUT", "POST"] | None = None,
        **grouping: object,
    ) -> Push: ...

    @overload
    def assert_rejected(
        self,
        match: str | re.Pattern[str] | None = None,
        *,
        status: int | None = None,
        method: Literal["DELETE"],
        **grouping: object,
    ) -> Delete: ...

    def assert_rejected(
        self,
        match: str | re.Pattern[str] | None = None,
        *,
        status: int | None = None,
        method: str | None = None,
        **grouping: object,
    ) -> Push | Delete:
        """Assert that a push in this test was answered with an error; return the last one.

        ``match`` is a regular expression, searched for in the reason; ``method="DELETE"`` asks for a deletion instead,
        ``"PUT"`` or ``"POST"`` for such a push; ``grouping`` is a part of the grouping key. All requests that match
        count as expected, and no warning speaks of them.
        """
        __tracebackhide__ = True
        if method not in (None, "PUT", "POST", "DELETE"):
            raise ValueError(f"method must be 'PUT', 'POST' or 'DELETE', not {method!r}")
        wanted = {name: str(value) for name, value in grouping.items()}
        asked: list[Push] | list[Delete] = self._journal.deletions() if method == "DELETE" else self._journal.pushes()
        matching = [
            entry
            for entry in asked
            if entry._refused
            and (status is None or entry.status == status)
            and (method is None or entry.method == method)
            and (match is None or re.search(match, entry.error or ""))
            and wanted.items() <= entry.grouping_key.items()
        ]
        for entry in matching:
            entry._expected = True
        if matching:
            return matching[-1]
        from pytest_pushgateway.harness.messages import failures as expect
        from pytest_pushgateway.harness.wording import brief

        what = f" matching {brief(repr(getattr(match, 'pattern', match)), 80)}" if match is not None else ""
        what += f" with status {status}" if status is not None else ""
        what += f" of {brief(show_key(wanted), 80)}" if wanted else ""
        raise AssertionError(expect.not_rejected(what, method, asked, self._journal.requests(), self._journal.dropped))

    def assert_no_rejections(self) -> None:
        """Assert that the gateway refused no push in this test; what a fault answered does not count."""
        __tracebackhide__ = True
        pushes = [push for push in self._journal.pushes() if push.rejected]
        if pushes or self._journal.dropped_rejected:
            from pytest_pushgateway.harness.messages.rejections import rejections

            raise AssertionError(rejections(pushes, self._journal.requests(), self._journal.dropped_rejected))

    def _accepted(self) -> list[Push]:
        return [push for push in self._journal.pushes() if push.accepted and push.origin == "application"]
