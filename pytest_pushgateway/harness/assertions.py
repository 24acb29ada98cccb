"""The part of a `Pushgateway` that tells what is exposed now.

What only a failing assertion needs, or a test that reads groups, is imported when it does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from pytest_pushgateway.exposition.samples import to_sample
from pytest_pushgateway.harness.journal.requests import Delete, Push
from pytest_pushgateway.harness.matching import (
    carried,
    carries,
    expected,
    expected_key,
    is_key,
)
from pytest_pushgateway.harness.metrics.selection import check_patterns, matches_any, selected
from pytest_pushgateway.harness.metrics.series import changes, read_block
from pytest_pushgateway.harness.reading import Reading
from pytest_pushgateway.harness.wording import brief, show_matchers
from pytest_pushgateway.later import later
from pytest_pushgateway.matchers import ANY, shown

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

if TYPE_CHECKING:
    from pytest_pushgateway.harness.messages import failures, rejections
else:
    failures = later("pytest_pushgateway.harness.messages.failures")
    rejections = later("pytest_pushgateway.harness.messages.rejections")


class Asserting(Reading):
    """Assertions. ``value`` is anything with ``==``; labels match as a subset; any match satisfies."""

    def assert_exposed(
        self,
        name: str,
        value: Any = ANY,
        /,
        *,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Sample:
        """Assert that a sample with this name, these labels and this value is exposed now; return the first.

        Without a value, the name may also be that of a histogram's or summary's family.
        """
        __tracebackhide__ = True
        expectation = expected(self, name, value, labels, label_values)
        found = self._candidates(expectation)
        for each in found:
            if expectation.matches(each.sample):
                return to_sample(each.sample)
        raise AssertionError(self._not_exposed(expectation, found))

    def assert_not_exposed(
        self,
        name: str | None = None,
        value: Any = ANY,
        /,
        *,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Literal[True]:
        """Assert that no such sample is exposed now; without a name, that nothing at all is. Return True.

        A family's name covers its ``_bucket``, ``_sum`` and ``_count``. What could not have been there proves nothing:
        it fails, too, where series of the name were there in this test, but none ever had a label that is asked for,
        and where only a counter of the name with ``_total`` was.
        """
        __tracebackhide__ = True
        expectation = expected(self, name, value, labels, label_values, named=False)
        found = [each for each in self._candidates(expectation) if expectation.matches(each.sample)]
        if found:
            raise AssertionError(
                failures.still_exposed(expectation, found, self._journal.requests(), self._left_running)
            )
        self._prove(expectation, "exposed")
        self._journal.deny(expectation)
        return True

    def assert_exposed_text(self, text: str, /, *names: str) -> Literal[True]:
        """Assert that exactly the series of a block of the text format are exposed; return True.

        The order of lines and labels, the spelling of numbers and ``instance=""`` do not matter. Types and help texts
        are compared where the block has them, ``*_created`` and ``push_time_seconds`` where it, or a name, names them.

        Args:
            text: the block; it may be indented.
            names: shell patterns; only families, or samples, that one of them matches are compared.

        Raises:
            AssertionError: the two differ, the message shows how, or a name matches nothing at all.
            ValueError: the text is not of the text format, has no series, or has some that no name matches.

        """
        __tracebackhide__ = True

        block = read_block(text)
        patterns = check_patterns(names)
        for name in sorted(block.names):
            if patterns and not matches_any(name, patterns):
                raise ValueError(
                    f"the block has {name}, which is not among the names to compare: {', '.join(patterns)}"
                )
        families = selected(self._merged([*names, *block.names]), patterns, {}, also=block.names)
        exposed = {family.name for family in families} | {one.name for family in families for one in family.samples}
        for name in names:
            if not any(matches_any(one, [name]) for one in exposed | block.names):
                raise AssertionError(failures.no_family(name, self._seen))
        differences = changes(block, families)
        if differences:
            raise AssertionError(failures.text_differs(differences, self._notes()))
        return True

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
        expectation = expected(self, name, value, labels, label_values)
        for push in reversed(self._accepted()):
            if carries(expectation, push):
                return push
        requests, dropped = self._journal.of_test(), self._journal.dropped
        raise AssertionError(failures.not_pushed(expectation, requests, dropped, self._notes()))

    def assert_not_pushed(
        self,
        name: str | None = None,
        value: Any = ANY,
        /,
        *,
        labels: Mapping[str, object] | None = None,
        **label_values: object,
    ) -> Literal[True]:
        """Assert that no accepted push of the application in this test carried such a sample; return True.

        Without a name, that there was no accepted push at all, or none with these labels. It fails, too, where accepted
        pushes are not in the journal any more, and where `assert_not_exposed` would prove nothing.
        """
        __tracebackhide__ = True
        expectation = expected(self, name, value, labels, label_values, named=False)
        pushes = self._accepted()
        if expectation.name is None:
            pushes = [push for push in pushes if carries(expectation, push)]
            if pushes:
                raise AssertionError(failures.something_pushed(pushes, self._left_running))
        found = [pair for push in pushes for pair in carried(expectation, push) if expectation.matches(pair[0].sample)]
        if found:
            raise AssertionError(failures.was_pushed(expectation, found, self._left_running))
        if self._journal.dropped_accepted:
            raise AssertionError(failures.not_told(expectation, self._journal.dropped_accepted))
        self._prove(expectation, "pushed")
        return True

    def assert_deleted(self, *, labels: Mapping[str, object] | None = None, **grouping_key: object) -> Delete:
        """Assert that an accepted DELETE in this test matched the group of exactly this key and that it is gone.

        ``labels`` is for labels of the key that are not Python names. Return the last such DELETE.
        """
        __tracebackhide__ = True
        expectation = expected_key(labels, grouping_key, 'assert_deleted(job="backup")')
        keys = [group.grouping_key for group in self.groups]
        if not any(is_key(expectation, key) for key in keys):
            for deletion in reversed(self._journal.deletions()):
                if deletion.matched and is_key(expectation, deletion.grouping_key):
                    return deletion
        raise AssertionError(
            failures.not_deleted(expectation, self._journal.of_test(), keys, self._journal.dropped, self._notes())
        )

    @overload
    def assert_rejected(
        self,
        match: str | re.Pattern[str] | None = None,
        *,
        status: int | None = None,
        method: Literal["PUT", "POST"] | None = None,
        labels: Mapping[str, object] | None = None,
        **grouping: object,
    ) -> Push: ...

    @overload
    def assert_rejected(
        self,
        match: str | re.Pattern[str] | None = None,
        *,
        status: int | None = None,
        method: Literal["DELETE"],
        labels: Mapping[str, object] | None = None,
        **grouping: object,
    ) -> Delete: ...

    def assert_rejected(
        self,
        match: str | re.Pattern[str] | None = None,
        *,
        status: int | None = None,
        method: str | None = None,
        labels: Mapping[str, object] | None = None,
        **grouping: object,
    ) -> Push | Delete:
        """Assert that a push in this test was answered with an error; return the last one.

        ``match`` is a regular expression, searched for in the reason; ``method="DELETE"`` asks for a deletion instead,
        ``"PUT"`` or ``"POST"`` for such a push; ``grouping`` is a part of the grouping key, as are ``labels`` that are
        not Python names. All requests that match count as expected, and no warning speaks of them.
        """
        __tracebackhide__ = True
        if method not in (None, "PUT", "POST", "DELETE"):
            raise ValueError(f"method must be 'PUT', 'POST' or 'DELETE', not {shown(method)}")
        _check_reason(match)
        _check_status(status)
        wanted = expected_key(labels, grouping, "")
        self._look()
        asked: list[Push] | list[Delete] = self._journal.deletions() if method == "DELETE" else self._journal.pushes()
        matching = [
            entry
            for entry in asked
            if entry._refused
            and (status is None or entry.status == status)
            and (method is None or entry.method == method)
            and (match is None or re.search(match, entry.error or ""))
            and wanted.labels_match(entry.grouping_key)
        ]
        for entry in matching:
            entry._expected = True
        if matching:
            return matching[-1]

        what = f" matching {brief(repr(getattr(match, 'pattern', match)), 80)}" if match is not None else ""
        what += f" with status {status}" if status is not None else ""
        what += f" of {brief(show_matchers(wanted.labels), 80)}" if wanted.labels else ""
        raise AssertionError(
            failures.not_rejected(what, method, asked, self._journal.of_test(), self._journal.dropped, self._notes())
        )

    def assert_no_rejections(self) -> Literal[True]:
        """Assert that the gateway refused no push in this test; what a fault answered does not count. Return True."""
        __tracebackhide__ = True
        self._look()
        pushes = [push for push in self._journal.pushes() if push.rejected]
        if pushes or self._journal.dropped_rejected:
            dropped = self._journal.dropped_rejected
            raise AssertionError(rejections.rejections(pushes, self._journal.requests(), dropped, self._left_running))
        return True


def _check_reason(match: Any) -> None:
    __tracebackhide__ = True
    if match is None:
        return
    if not isinstance(getattr(match, "pattern", match), str):
        hint = f"; did you mean status={match}?" if isinstance(match, int) else ""
        raise TypeError(f"match must be a regular expression for text, not {shown(match)}{hint}")
    if match == "":
        raise ValueError("match must not be empty, as that matches every reason; leave it out")
    try:
        re.compile(match)
    except re.error as error:
        hint = "re.escape() makes one of plain text"
        raise ValueError(f"match must be a regular expression, not {shown(match)}: {error}; {hint}") from None


def _check_status(status: Any) -> None:
    __tracebackhide__ = True
    if status is None:
        return
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"status must be a number such as 400, not {shown(status)}")
    if not 200 <= status <= 999:
        raise ValueError(f"status must have three digits, not {shown(status)}")
