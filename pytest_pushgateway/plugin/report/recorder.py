"""The events of this process's gateways in the test that runs, ready to be sent with its reports."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.app.page.state import listed, opened
from pytest_pushgateway.gateway.app.recent_requests import RecentRequest
from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.monotonic import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_pushgateway.harness.faults.faults import Fault
    from pytest_pushgateway.harness.journal.requests import Request
    from pytest_pushgateway.harness.supervisor import Supervisor

Json = dict[str, Any]

FIRST, LATEST = 800, 200
"""The numbers of events that are kept of one test: of its first and of its last ones."""
BODY = 16_384
"""Characters of one body that are kept."""
BODIES = 262_144
"""Characters of all bodies of one test that are kept; equal ones count once."""
_OWN_HEADER = "x-pytest-pushgateway-origin"


class _Event(NamedTuple):
    at: float
    gateway: int
    kind: str
    test: str
    content: RecentRequest | Json


class RunRecorder:
    """Notes what happens at the gateways of this process, in any thread, until a report takes it along.

    Args:
        gateways: gives the gateways among which the sources of events are looked for.

    """

    def __init__(self, gateways: Callable[[], Iterable[Supervisor]]) -> None:
        self._gateways = gateways
        self._lock = threads.Lock()
        self._offset = genuine.time() - monotonic()
        self._first: list[_Event] = []
        self._latest: deque[_Event] = deque(maxlen=LATEST)
        self._left_out = 0
        self._places: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        self._urls: list[str] = []
        self._test = ""
        self._began = 0.0
        self._phase = 0.0
        self._phases: Json = {}
        self._earlier: dict[int, list[RecentRequest]] = {}
        self._number = 0
        self._room = BODIES
        self._bodies: set[str] = set()

    def now(self) -> float:
        """Return the Unix time in seconds, which no test can freeze."""
        return self._offset + monotonic()

    def begin(self, test: str) -> None:
        """Begin a test, or another attempt at it; what was noted and not taken yet stays that of the test before it."""
        self._test, self._began = test, self.now()
        self._phases = {}
        self._earlier, self._number = {}, 0
        self._room, self._bodies = BODIES, set()

    def begin_phase(self) -> None:
        """Begin a phase of the test."""
        self._phase = self.now()

    def end_phase(self, name: str) -> None:
        """End a phase: pytest's own durations follow a frozen clock, and one may be frozen in the set-up alone."""
        self._phases[name] = self.now() - self._phase

    def __call__(self, source: object, kind: str, content: object) -> None:
        """Note an event."""
        at = self.now()
        place = self._place(source)
        test, short = self._test, _in_short(kind, content)
        if kind == "request":
            entry: Any = content
            test = entry.test or test
            # The end less the duration would be later: others are told of what they did meanwhile.
            at = self._offset + entry._record.started if entry._record.started else at - entry.duration
        event = _Event(at, place, kind, test, short)
        with self._lock:
            if len(self._first) < FIRST:
                self._first.append(event)
                return
            self._left_out += len(self._latest) == LATEST
            self._latest.append(event)

    def take(self) -> Json:
        """Return what was noted since this was last asked: times are Unix seconds, marks those of the format."""
        with self._lock:
            events = [*self._first, *self._latest]
            left_out, self._left_out = self._left_out, 0
            self._first, self._latest = [], deque(maxlen=LATEST)
        marks = [self._mark(event) for event in events]
        urls = {str(one): self._urls[one] for one in sorted({event.gateway for event in events}) if one >= 0}
        return {
            "test": self._test,
            "began": self._began,
            "ended": self.now(),
            "phases": self._phases,
            "marks": marks,
            "left_out": left_out,
            "gateways": urls,
        }

    def _mark(self, event: _Event) -> Json:
        mark: Json = {"kind": event.kind, "at": event.at, "gateway": event.gateway, "test": event.test}
        if not isinstance(event.content, RecentRequest):
            return {**mark, **event.content}
        earlier = self._earlier.setdefault(event.gateway, [])
        self._number += 1
        request = event.content._replace(number=self._number)
        shown = {**listed(request), **opened(request, earlier)}
        earlier.append(request)
        shown["headers"] = [pair for pair in shown["headers"] if pair[0].lower() != _OWN_HEADER]
        shown["clock"] = round(shown.pop("at"), 6)
        shown["duration"] = round(shown["duration"], 6)
        return {**mark, **self._bounded(shown), "kind": request.kind}

    def _bounded(self, shown: Json) -> Json:
        body = shown["body"]
        if body is None:
            return shown
        if len(body) > BODY:
            body, shown["cut"] = body[:BODY], True
        if body not in self._bodies:
            self._room -= len(body)
            if self._room < 0:
                return {**shown, "body": None, "left_out": True}
            self._bodies.add(body)
        return {**shown, "body": body}

    def _place(self, source: object) -> int:
        """Return the number of the gateway that an event comes from; -1 if it is not known yet."""
        known = self._places.get(source)
        if known is not None:
            return known
        try:
            gateways = list(self._gateways())
        except RuntimeError:  # another thread starts a gateway in this moment: the next event finds it
            return -1
        for supervisor in gateways:
            gateway = supervisor.gateway
            parts = (gateway, gateway.journal, gateway.clock, gateway.asked_faults)
            if any(part is source for part in parts):
                return self._note_place(gateway, parts)
        return -1

    def _note_place(self, gateway: Any, parts: tuple[object, ...]) -> int:
        with self._lock:
            number = next((self._places[part] for part in parts if part is not None and part in self._places), None)
            if number is None:
                number = len(self._urls)
                self._urls.append(gateway.url)
            for part in parts:
                if part is not None:
                    self._places[part] = number
        return number


def _in_short(kind: str, content: object) -> RecentRequest | Json:
    if kind == "request":
        request: Request = content  # type: ignore[assignment]
        return request._in_short()
    if kind.startswith("fault"):
        fault: Fault = content  # type: ignore[assignment]
        return {
            "kind": "fault",
            "event": "over" if kind == "fault over" else "active",
            "name": fault.name,
            **({} if fault.times is None else {"times": fault.times}),
        }
    if kind == "clock":
        return {"event": "running"} if content is None else {"event": "set", "clock": content}
    return {"event": content}
