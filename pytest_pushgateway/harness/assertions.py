"""The assertions of a `Pushgateway`.

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
from pytest_pushgateway.harness.reading import Reading
from pytest_pushgateway.later import later
from pytest_pushgateway.matchers import ANY, shown

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from pytest_pushgateway.harness import wording
    from pytest_pushgateway.harness.messages import failures, rejections
    from pytest_pushgateway.harness.metrics import selection
    from pytest_pushgateway.harness.metrics import series as blocks
else:
    failures = later("pytest_pushgateway.harness.messages.failures")
    rejections = later("pytest_pushgateway.harness.messages.rejections")
    blocks = later("pytest_pushgateway.harness.metrics.series")
    selection = later("pytest_pushgateway.harness.metrics.selection")
    wording = later("pytest_pushgateway.harness.wording")


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
        """Assert that a sample with this name, these labels and this value is exposed now.

        Args:
            name: the exact name; without a value it may also be that of a histogram's or summary's family.
            value: a number, or anything that compares with one, such as `pytest.approx`; by default any.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The first such sample.

        Raises:
            AssertionError: there is none; the message shows the closest candidates and the history.

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
        """Assert that no such sample is exposed now; without a name, that nothing at all is.

        An assertion that could never have failed proves nothing. So it also fails if series of the name were there in
        this test but none ever had a label that is asked for, or if only a counter of the name with ``_total`` was
        there.

        Args:
            name: the exact name; that of a family covers its ``_bucket``, ``_sum`` and ``_count``.
            value: a number, or anything that compares with one, such as `pytest.approx`; by default any.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            True.

        Raises:
            AssertionError: such a sample is exposed, or the assertion proves nothing.

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
        """Assert that exactly the series of a block of the text format are exposed.

        The order of lines and labels, the spelling of numbers and ``instance=""`` do not matter. Types and help texts
        are compared if the block has them, ``*_created`` and ``push_time_seconds`` if it, or a name, names them.

        Args:
            text: the block; it may be indented.
            names: shell patterns; only families, or samples, that one of them matches are compared.

        Returns:
            True.

        Raises:
            AssertionError: the two differ, the message shows how, or a name matches nothing at all.
            ValueError: the text is not of the text format, has no series, or has some that no name matches.

        """
        __tracebackhide__ = True

        block = blocks.read_block(text)
        patterns = selection.check_patterns(names)
        for name in sorted(block.names):
            if patterns and not selection.matches_any(name, patterns):
                raise ValueError(
                    f"the block has {name}, which is not among the names to compare: {', '.join(patterns)}"
                )
        families = selection.selected(self._merged([*names, *block.names]), patterns, {}, also=block.names)
        exposed = {family.name for family in families} | {one.name for family in families for one in family.samples}
        for name in names:
            if not any(selection.matches_any(one, [name]) for one in exposed | block.names):
                raise AssertionError(failures.no_family(name, self._seen))
        differences = blocks.changes(block, families)
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
        """Assert that an accepted push of the application in this test carried such a sample.

        Args:
            name: the exact name; without a value it may also be that of a histogram's or summary's family.
            value: a number, or anything that compares with one, such as `pytest.approx`; by default any.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The last such push.

        Raises:
            AssertionError: there is none; the message shows the closest candidates and the history.

        """
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
        """Assert that no accepted push of the application in this test carried such a sample.

        Without a name, it asserts that there was no accepted push at all, or none with these labels.

        Args:
            name: the exact name; that of a family covers its ``_bucket``, ``_sum`` and ``_count``.
            value: a number, or anything that compares with one, such as `pytest.approx`; by default any.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            True.

        Raises:
            AssertionError: a push carried it, or accepted pushes are no longer in the journal, or the assertion proves
                nothing, as for `assert_not_exposed`.

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

        Args:
            labels: labels of the key that are not Python names.
            grouping_key: the grouping key, the job included.

        Returns:
            The last such DELETE.

        Raises:
            AssertionError: there is none, or the group exists again.

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
        """Assert that a push in this test was answered with an error.

        All requests that match count as expected: no warning is emitted for them.

        Args:
            match: a regular expression, searched for in the reason.
            status: the status of the answer.
            method: ``"DELETE"`` asks for a deletion, ``"PUT"`` or ``"POST"`` for such a push.
            labels: labels of the grouping key that are not Python names.
            grouping: a part of the grouping key.

        Returns:
            The last such push or deletion.

        Raises:
            AssertionError: there is none; the message lists the requests that come closest.
            TypeError: ``match`` or ``status`` is of another type.
            ValueError: ``match``, ``status`` or ``method`` cannot match any answer.

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

        what = f" matching {wording.brief(repr(getattr(match, 'pattern', match)), 80)}" if match is not None else ""
        what += f" with status {status}" if status is not None else ""
        what += f" of {wording.brief(wording.show_matchers(wanted.labels), 80)}" if wanted.labels else ""
        raise AssertionError(
            failures.not_rejected(what, method, asked, self._journal.of_test(), self._journal.dropped, self._notes())
        )

    def assert_no_rejections(self) -> Literal[True]:
        """Assert that the gateway rejected no push in this test; errors that a fault answered do not count.

        Returns:
            True.

        Raises:
            AssertionError: it did; the message lists the pushes with their reasons.

        """
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
