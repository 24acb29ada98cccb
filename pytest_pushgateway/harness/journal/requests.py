"""Requests in the journal: Request, Push and Delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.later import later

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from werkzeug.datastructures import Headers

    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.gateway import hooks
    from pytest_pushgateway.gateway.app import recent_requests
    from pytest_pushgateway.gateway.app.recent_requests import RecentRequest
    from pytest_pushgateway.harness import wording
    from pytest_pushgateway.harness.metrics import family as metric_family
    from pytest_pushgateway.harness.metrics import values
    from pytest_pushgateway.harness.metrics.family import Family
else:
    wording = later("pytest_pushgateway.harness.wording")
    values = later("pytest_pushgateway.harness.metrics.values")
    metric_family = later("pytest_pushgateway.harness.metrics.family")
    recent_requests = later("pytest_pushgateway.gateway.app.recent_requests")

ORIGIN_HEADER = "X-Pytest-Pushgateway-Origin"
"""Marks what a test itself sends; its value is a secret of the gateway object."""


class Request:
    """One request to a gateway; `Push` and `Delete` know more.

    Attributes:
        number (int): its place among the requests of its kind in this test, from 1; 0 before it is journalled.
        origin (str): ``test`` for what ``gateway.push()`` and ``gateway.scrape()`` sent, else ``application``.
        test (str): the node id of the test that was running, or an empty string.

    """

    # _order is its place among all that the gateway ever got; _size the bytes that the journal counts for it; _expected
    # tells whether an assertion expected a refusal; _followed_by is the later request that did what this one, which
    # missed its path or was redirected, was to do.

    __slots__ = (
        "__weakref__",
        "_decoded",
        "_expected",
        "_followed_by",
        "_order",
        "_record",
        "_request",
        "_size",
        "number",
        "origin",
        "test",
    )

    def __init__(self, request: hooks.RawRequest, record: hooks.Record | None = None, origin: str = "") -> None:
        self._request = request
        self._record = record
        self._decoded: tuple[Family, ...] | None = None
        self._order: int = 0
        self._size: int = 0
        self.number: int = 0
        self.origin: str = origin or "application"
        self.test: str = ""
        self._expected: bool = False
        self._followed_by: Request | None = None

    def __repr__(self) -> str:
        where = wording.show_key(self.grouping_key) if self.grouping_key or not self._missed else self.path
        return f"<{type(self).__name__} {self.number}: {self.method} {where}, {self.outcome}>"

    def __eq__(self, other: object) -> bool:
        __tracebackhide__ = True
        metric_family.refuse_text(other, "a request is not its job or path: compare request.job or request.path")
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self._request.method

    @property
    def path(self) -> str:
        """The request target as sent, neither decoded nor cleaned."""
        return self._request.target

    @property
    def kind(self) -> str:
        """The purpose of the request, ``push``, ``delete``, ``scrape``, ``wipe`` or ``other``."""
        return self._record.kind if self._record is not None else self._request.kind

    @property
    def headers(self) -> Headers:
        """The request's headers, without the mark that requests of the test itself carry."""
        headers = self._request.headers
        headers.remove(ORIGIN_HEADER)
        return headers

    @property
    def body(self) -> bytes:
        """The body as sent, still compressed where it was."""
        return self._request.body

    @property
    def content_type(self) -> str:
        """The Content-Type header, or an empty string."""
        return self._request.header("content-type") or ""

    @property
    def at(self) -> float:
        """When the request arrived, in seconds since 1970 by the gateway's clock."""
        return self._request.received_at

    @property
    def grouping_key(self) -> dict[str, str]:
        """The grouping key of a push or deletion, the job included; empty if the URL names none."""
        return {text_of(name): text_of(value) for name, value in self._request.key or ()}

    @property
    def job(self) -> str:
        """The job of a push or deletion; empty if the URL names none."""
        return self.grouping_key.get("job", "")

    @property
    def status(self) -> int:
        """The status of the answer; 0 if none was sent."""
        return self._record.status if self._record is not None else 0

    @property
    def error(self) -> str | None:
        """The reason in a 4xx or 5xx answer, or why a push was refused behind a 2xx; None where all was well.

        For a push or a deletion that reached no group, also what to do about it.
        """
        if self._record is None:
            return None
        return "; ".join(filter(None, (self._record.error, self._record.missed))) or None

    @property
    def location(self) -> str | None:
        """The target of a redirect, as in the answer's Location header; None if the answer is not a redirect."""
        return (self._record.location or None) if self._record is not None else None

    @property
    def duration(self) -> float:
        """Seconds from the request's arrival to its answer."""
        return self._record.duration if self._record is not None else 0.0

    @property
    def fault(self) -> str | None:
        """The fault that the request met, as it was asked for, such as ``error(503)``; None if it met none."""
        plan = self._record.plan if self._record is not None else None
        return plan.name if plan is not None else None

    @property
    def _answered_by_fault(self) -> bool:
        """Whether a fault answered the request, or ended its connection, in the gateway's place."""
        plan = self._record.plan if self._record is not None else None
        return plan is not None and (plan.status is not None or plan.disconnect or not plan.store)

    def _in_short(self) -> RecentRequest:
        """Return the request as the web page lists it."""
        if self._record is None:
            raise ValueError("only a journalled request can be listed")
        return recent_requests.RecentRequest.of(self._record, self._order)._replace(origin=self.origin)

    @property
    def _noteworthy(self) -> bool:
        """Whether a test may have to hear of the request at its end."""
        return False

    @property
    def _refused(self) -> bool:
        """Whether the request was answered with an error, by the gateway or by a fault, or reached no group."""
        return self.status >= 400 or self._missed

    @property
    def _missed(self) -> bool:
        """Whether the request was meant as a push or a deletion and reached no group."""
        return self._record is not None and bool(self._record.missed)

    def _leads_to(self, later: Request) -> bool:
        """Return whether ``later`` went where the answer to this request redirects to."""
        location = self.location
        if location is None:
            return False
        from urllib.parse import unquote, urlsplit

        return unquote(urlsplit(location).path) == unquote(later.path.partition("?")[0])

    @property
    def outcome(self) -> str:
        """The outcome of the request, in one line."""
        if self._record is None:
            return "not answered yet"
        answer = f"answered {self.status}" if self.status else "not answered"
        if self.location is not None and not self._missed:
            answer += f" with Location {wording.shorten(self.location)}"
        return f"{answer} (fault {self.fault})" if self.fault else answer


class Push(Request):
    """A PUT or POST of metrics, accepted or not."""

    __slots__ = ()

    @property
    def accepted(self) -> bool:
        """Whether the push was stored, whatever was answered."""
        return self._record is not None and self._record.accepted

    @property
    def _judged(self) -> bool:
        """Whether the push came as far as the store, where a refused one leaves its group behind."""
        return self._record is not None and self._record.verdict is not None

    @property
    def rejected(self) -> bool:
        """Whether the gateway refused the push itself, not a fault.

        So it is with a push that reached no group, for its path or method is not a push's, unless a later one with the
        same body was accepted: many clients follow a redirect.
        """
        if self.accepted or self._record is None or self._answered_by_fault:
            return False
        if self._missed:
            return self._followed_by is None or self._emptied
        return self.status >= 400 or self._record.verdict is not None

    @property
    def _refused(self) -> bool:
        """Whether the push was answered with an error, missed its path or was rejected behind a fault's answer."""
        return self.status >= 400 or self.rejected or self._missed

    @property
    def _had_body(self) -> bool:
        """Whether the client sent a body, or was about to: what no handler needs is not always read."""
        request = self._request
        chunked = request.header("transfer-encoding") is not None
        return bool(request.body) or chunked or request.header("content-length") not in (None, "0")

    @property
    def _emptied(self) -> bool:
        """Whether the client followed the redirect of this push without its body."""
        later = self._followed_by
        return isinstance(later, Push) and self._had_body and not later.body

    def _is_made_good_by(self, later: Request) -> bool:
        """Return whether ``later`` is the push that this one was to be, or a push without its body in place of that."""
        if not isinstance(later, Push) or not later.accepted:
            return False
        if self._missed and later.body == self.body and bool(self.body) == self._had_body:
            return True
        return self._leads_to(later) and self._had_body and not (later.body and self.body)

    @property
    def families(self) -> tuple[Family, ...]:
        """The metric families of the body, grouping labels included; none where the body could not be read."""
        if self._decoded is None:
            self._decoded = tuple(metric_family.to_family(family) for family in self._parsed.values())
        return self._decoded

    @property
    def samples(self) -> tuple[Any, ...]:
        """The samples of all `families`, as ``prometheus_client`` samples."""
        return tuple(sample for family in self.families for sample in family.samples)

    def value(self, name: str, /, *, labels: Mapping[str, object] | None = None, **label_values: object) -> float:
        """Return the value of the one sample of the push that has this name and these labels, perhaps among others.

        Args:
            name: the sample's exact name.
            labels: matchers of labels that are not Python names.
            label_values: matchers of labels; other labels may have any value.

        Returns:
            The value.

        Raises:
            AssertionError: none or several match; the message shows the candidates.

        """
        __tracebackhide__ = True
        return values.one_value(self._parsed.values(), name, labels, label_values, name_of(self))

    @property
    def _parsed(self) -> dict[bytes, MetricFamily]:
        """The families in the gateway's own form, by name; empty if the body could not be read."""
        parsed = self._record.parsed if self._record is not None else None
        return parsed.families if parsed is not None else {}

    @property
    def _collisions(self) -> tuple[Any, ...]:
        """The causes of the refusal, in the gateway's own form."""
        verdict = self._record.verdict if self._record is not None else None
        return tuple(verdict.collisions) if verdict is not None else ()

    @property
    def _created(self) -> bool:
        """Whether the push was accepted and the group was not there before."""
        verdict = self._record.verdict if self._record is not None else None
        return verdict is not None and bool(verdict.accepted) and bool(verdict.created)

    @property
    def _removed(self) -> tuple[bytes, ...]:
        """Names of the families that a PUT removed and did not carry."""
        verdict = self._record.verdict if self._record is not None else None
        return tuple(verdict.removed) if verdict is not None and verdict.accepted else ()

    @property
    def _again(self) -> bool:
        """Whether the application's push was accepted and its group was there before."""
        verdict = self._record.verdict if self._record is not None else None
        return verdict is not None and verdict.accepted and not verdict.created and self.origin == "application"

    @property
    def _noteworthy(self) -> bool:
        """Whether the application's push was rejected or redirected."""
        return self.origin != "test" and (self.rejected or self.location is not None)


class Delete(Request):
    """A DELETE of a group."""

    __slots__ = ()

    @property
    def matched(self) -> bool:
        """Whether there was a group to delete."""
        verdict = self._record.verdict if self._record is not None else None
        return verdict is not None and bool(verdict.matched)

    @property
    def _noteworthy(self) -> bool:
        """Whether the application's deletion found nothing."""
        return self.origin != "test" and not self.matched and self._followed_by is None

    def _is_made_good_by(self, later: Request) -> bool:
        """Return whether ``later`` is the deletion that this one was to be."""
        return isinstance(later, Delete) and later.status == 202 and self._leads_to(later)


_CLASSES: dict[str, type[Request]] = {"push": Push, "delete": Delete}


def name_of(push: Request) -> str:
    """Return how messages call a request: ``push 3 (PUT job="backup")``, and by its path where it has no key."""
    key = push.grouping_key
    where = wording.brief(wording.show_key(key), wording.KEY) if key else wording.shorten(push.path)
    return f"{push.kind} {push.number} ({push.method} {where})"
