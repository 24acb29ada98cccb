"""Faults: what a gateway that is slow, broken or gone does to its clients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway import threads
from pytest_pushgateway.calls import name_calls
from pytest_pushgateway.durations import seconds as seconds_of
from pytest_pushgateway.gateway.hooks import Plan
from pytest_pushgateway.harness.faults.answers import Exhausted, Replies, reply
from pytest_pushgateway.harness.faults.conditions import Condition, When
from pytest_pushgateway.harness.journal.requests import Request
from pytest_pushgateway.recording import tell

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_pushgateway.durations import Duration
    from pytest_pushgateway.gateway import hooks
    from pytest_pushgateway.harness.faults.answers import Answers


class Fault:
    """A fault that is active from its creation until `remove`, the end of ``with``, ``times`` hits or the test's end.

    Attributes:
        name (str): what was asked for, such as ``error(503)``; it is the ``fault`` of the requests that met it.
        hits (int): the number of requests that met it.
        times (int | None): the number of requests after which it ends; None if it has no end.

    """

    def __init__(
        self,
        faults: Faults,
        name: str,
        effect: Mapping[str, Any] | Replies,
        *,
        ends: bool,
        times: int | None,
        methods: str | Iterable[str] | None,
        paths: str | Iterable[str] | None,
        when: When | None,
    ) -> None:
        __tracebackhide__ = True
        if times is not None and (type(times) is not int or times < 1):
            raise ValueError(f"times must be a whole number of at least 1, not {times!r}")
        self.name = name
        self.hits = 0
        self.times = times
        self._faults = faults
        self._effect = effect
        self._ends = ends
        self._condition = Condition(methods, paths, when)
        self._raised = False
        """Whether a function of the test raised: then a request did meet the fault, and the test hears of it."""

    def __repr__(self) -> str:
        times = f" of {self.times} hits" if self.times is not None else " hit" if self.hits == 1 else " hits"
        met = "" if self.name == "refuse()" else f", {self.hits}{times}"  # a refused connection is not a hit
        return f"<Fault {self.name}, {'active' if self.active else 'over'}{met}>"

    @property
    def active(self) -> bool:
        """Whether requests may still meet the fault."""
        return self in self._faults

    def remove(self) -> None:
        """End the fault and release the requests that wait in it; once it is over this does nothing."""
        self._faults._remove(self)

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def _next(self, request: hooks.RawRequest) -> tuple[Mapping[str, Any], bool]:
        """Return what the fault does to a request, and whether no other fault comes after it.

        Raises:
            Exhausted: it has no answer for another request.

        """
        if not isinstance(self._effect, Replies):
            return self._effect, self._ends
        reply = self._effect.next(Request(request))
        if reply is None:
            return {}, False
        return {"status": reply.status, "body": reply.body, "headers": reply.headers, "store": False}, True


class Faults:
    """The faults of one gateway, in the order in which they were asked for.

    A request meets every active fault that it matches, in that order, up to the first that answers it or ends its
    connection: delays add up, a truncated answer may also be late. Faults meet the application's pushes and deletions
    unless ``methods`` (names), ``paths`` (shell patterns, matched against the path as sent) or ``when`` (a predicate on
    the `Request`) say otherwise; then these alone decide. What the test itself sends meets none.

    Every method returns the `Fault`, which is also a context manager. ``times`` ends it after that many requests.
    ``after=True`` lets the request take effect before it fails: the case in which a retry doubles.
    """

    def __init__(
        self,
        release: Callable[[object], None],
        refuse: Callable[[bool], None],
        is_current: Callable[[hooks.RawRequest], bool],
    ) -> None:
        self._release = release
        self._refuse = refuse
        self._is_current = is_current
        self._lock = threads.Lock()
        self._active: list[Fault] = []
        self._ended: list[Fault] = []
        self._refusing = False
        self._errors: list[BaseException] = []

    def __contains__(self, fault: object) -> bool:
        return fault in self._active

    def __iter__(self) -> Any:
        return iter(tuple(self._active))

    def __len__(self) -> int:
        return len(self._active)

    def __repr__(self) -> str:
        return f"<Faults: {', '.join(fault.name for fault in self) or 'none'}>"

    def error(
        self,
        status: int,
        *,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
        methods: str | Iterable[str] | None = None,
        paths: str | Iterable[str] | None = None,
        when: When | None = None,
        after: bool = False,
    ) -> Fault:
        """Answer with an error.

        Args:
            status: the status of the answer.
            body: its body; by default the status's phrase.
            headers: further headers of the answer.
            times: the number of requests after which it ends; by default it has no end.
            methods: the methods that meet it; by default PUT, POST and DELETE on groups.
            paths: shell patterns of the paths that meet it.
            when: a predicate on the `Request`.
            after: whether the request takes effect before it fails, so that a retry doubles it.

        Returns:
            The fault, which is also a context manager.

        Raises:
            TypeError: an argument is of another type.
            ValueError: the status is not one.

        """
        __tracebackhide__ = True
        answer = reply(status, body, headers)
        effect = {**answer._asdict(), "store": after, "after": after}
        return self._add(_name(f"error({status}", after), effect, True, times, methods, paths, when)

    def delay(
        self,
        seconds: Duration,
        *,
        times: int | None = None,
        methods: str | Iterable[str] | None = None,
        paths: str | Iterable[str] | None = None,
        when: When | None = None,
    ) -> Fault:
        """Wait before the request takes effect and is answered.

        Args:
            seconds: real time: seconds, a timedelta or a text such as ``"1.5s"``.
            times: the number of requests after which it ends; by default it has no end.
            methods: the methods that meet it; by default PUT, POST and DELETE on groups.
            paths: shell patterns of the paths that meet it.
            when: a predicate on the `Request`.

        Returns:
            The fault, which is also a context manager.

        Raises:
            ValueError: it is not a number of seconds.

        """
        __tracebackhide__ = True
        wait = _read_delay(seconds)
        return self._add(f"delay({wait:g})", {"wait": wait}, False, times, methods, paths, when)

    def respond(
        self,
        answers: Answers,
        /,
        *,
        times: int | None = None,
        methods: str | Iterable[str] | None = None,
        paths: str | Iterable[str] | None = None,
        when: When | None = None,
    ) -> Fault:
        """Give the test's own answers, to the first request, the second and so on; the fault ends after the last.

        Args:
            answers: an answer, an iterable of answers, or a function of the `Request` that returns one. An answer is a
                status, ``(status, body)``, ``(status, body, headers)``, werkzeug's ``Response``, or None: then the
                request takes effect and gets the gateway's own.
            times: how many requests meet the fault; of a sequence no more than it has answers.
            methods: the methods that meet it; by default PUT, POST and DELETE on groups.
            paths: shell patterns of the paths that meet it.
            when: a predicate on the `Request`.

        Returns:
            The fault, which is also a context manager.

        Raises:
            TypeError: ``answers`` is something else.
            ValueError: a status is not one, or there are no answers, or fewer than ``times``.

        """
        __tracebackhide__ = True
        replies = Replies(answers)
        if replies.count is not None:
            if isinstance(times, int) and times > replies.count:
                raise ValueError(f"times is {times}, but there are {replies.count} answers; leave it out")
            times = replies.count if times is None else times
        return self._add(f"respond({replies.name})", replies, True, times, methods, paths, when)

    def hang(
        self,
        *,
        times: int | None = None,
        methods: str | Iterable[str] | None = None,
        paths: str | Iterable[str] | None = None,
        when: When | None = None,
        after: bool = False,
    ) -> Fault:
        """Never answer: the connection stays open until the client gives up or the fault ends.

        Args:
            times: the number of requests after which it ends; by default it has no end.
            methods: the methods that meet it; by default PUT, POST and DELETE on groups.
            paths: shell patterns of the paths that meet it.
            when: a predicate on the `Request`.
            after: whether the request takes effect before it fails, so that a retry doubles it.

        Returns:
            The fault, which is also a context manager.

        """
        effect = {"wait": math.inf, "disconnect": True, "store": after, "after": after}
        return self._add(_name("hang(", after), effect, True, times, methods, paths, when)

    def disconnect(
        self,
        *,
        times: int | None = None,
        methods: str | Iterable[str] | None = None,
        paths: str | Iterable[str] | None = None,
        when: When | None = None,
        after: bool = False,
    ) -> Fault:
        """Reset the connection (RST) instead of answering.

        Args:
            times: the number of requests after which it ends; by default it has no end.
            methods: the methods that meet it; by default PUT, POST and DELETE on groups.
            paths: shell patterns of the paths that meet it.
            when: a predicate on the `Request`.
            after: whether the request takes effect before it fails, so that a retry doubles it.

        Returns:
            The fault, which is also a context manager.

        """
        effect = {"disconnect": True, "store": after, "after": after}
        return self._add(_name("disconnect(", after), effect, True, times, methods, paths, when)

    def truncate(
        self,
        size: int,
        *,
        times: int | None = None,
        methods: str | Iterable[str] | None = None,
        paths: str | Iterable[str] | None = None,
        when: When | None = None,
    ) -> Fault:
        """Send only the first bytes of the answer, status line included, then close the connection.

        Args:
            size: bytes.
            times: the number of requests after which it ends; by default it has no end.
            methods: the methods that meet it; by default PUT, POST and DELETE on groups.
            paths: shell patterns of the paths that meet it.
            when: a predicate on the `Request`.

        Returns:
            The fault, which is also a context manager.

        Raises:
            ValueError: the size is not a number of bytes.

        """
        if type(size) is not int or size < 0:
            raise ValueError(f"truncate() takes a number of bytes, not {size!r}")
        return self._add(f"truncate({size})", {"cut_after": size}, False, times, methods, paths, when)

    def refuse(self) -> Fault:
        """Refuse connections, the test's own included, like a gateway that is not running; the port is kept.

        Returns:
            The fault, which is also a context manager.

        Raises:
            RuntimeError: the gateway is stopped, and already refuses connections.

        """
        if not self._refusing:
            self._refuse(True)
            self._refusing = True
        return self._add("refuse()", {}, True, None, None, None, _never)

    def clear(self) -> None:
        """End all faults and release the requests that wait in them."""
        self._end_all()
        with self._lock:
            ended = tuple(self._ended)
        for fault in ended:  # one that has used up its times may still hold a request
            self._release(fault)

    def _end_all(self) -> None:
        """End all faults; the requests that wait in them wait on."""
        for fault in self:
            self._end(fault)

    def _plan(self, request: hooks.RawRequest) -> Plan | None:
        """Return what the active faults do to ``request``: the gateway's hook."""
        effect: dict[str, Any] = {}
        met: list[Fault] = []
        longest: Fault | None = None
        with self._lock:
            active = tuple(self._active)
        if not self._is_current(request):
            # Asked after looking: a fault that was made since the last reset is not for a request from before it.
            return None
        for fault in active:
            try:
                if not fault._condition.meets(request):
                    continue
                own, ends = fault._next(request)
            except Exhausted:
                self._end(fault)
                continue
            except BaseException as error:  # the test's function, perhaps pytest.fail(): it gets this at its end
                self._errors.append(error)
                fault._raised = True
                continue
            if not self._hit(fault):
                continue
            met.append(fault)
            if own.get("wait", 0.0) > effect.get("longest", 0.0):
                longest, effect["longest"] = fault, own["wait"]
            wait = effect.get("wait", 0.0) + own.get("wait", 0.0)
            effect |= own
            effect["wait"] = wait
            if ends:
                break
        if not met:
            return None
        effect.pop("longest", None)
        return Plan(name=", ".join(fault.name for fault in met), owner=longest or met[0], **effect)

    def _of_test(self) -> list[Fault]:
        """Return the faults of this test, those that are over first: a failing ``with`` statement has ended its own."""
        with self._lock:
            return [*self._ended, *self._active]

    def _take_unused(self) -> list[Fault]:
        """Return the faults that met no request or fewer than they were to meet, and forget those that are over."""
        seen = self._of_test()
        with self._lock:
            self._ended.clear()
        return [
            fault
            for fault in seen
            if fault.name != "refuse()" and not fault._raised and fault.hits < (fault.times or 1)
        ]

    def _add(
        self,
        name: str,
        effect: Mapping[str, Any] | Replies,
        ends: bool,
        times: int | None,
        methods: str | Iterable[str] | None,
        paths: str | Iterable[str] | None,
        when: When | None,
    ) -> Fault:
        __tracebackhide__ = True
        fault = Fault(self, name, effect, ends=ends, times=times, methods=methods, paths=paths, when=when)
        with self._lock:
            self._active.append(fault)
        tell(self, "fault", fault)
        return fault

    def _hit(self, fault: Fault) -> bool:
        with self._lock:
            if fault not in self._active:
                return False
            fault.hits += 1
            over = fault.hits == fault.times
            if over:
                self._active.remove(fault)
                self._ended.append(fault)
        if over:
            tell(self, "fault over", fault)
        return True

    def _remove(self, fault: Fault) -> None:
        self._end(fault)
        self._release(fault)

    def _end(self, fault: Fault) -> None:
        with self._lock:
            active = fault in self._active
            if active:
                self._active.remove(fault)
                self._ended.append(fault)
            refused = any(other.name == "refuse()" for other in self._active)
        if active:
            tell(self, "fault over", fault)
        if self._refusing and not refused:
            self._refusing = False
            self._refuse(False)


name_calls("faults", Faults)


def _never(request: Request) -> bool:
    return False


def _name(beginning: str, after: bool) -> str:
    if not after:
        return f"{beginning})"
    return f"{beginning}{'' if beginning.endswith('(') else ', '}after=True)"


def _read_delay(value: Any) -> float:
    __tracebackhide__ = True
    try:
        return seconds_of(value, "a delay")
    except (TypeError, ValueError):
        also = "" if value == math.inf else ', a timedelta or a text such as "1.5s"'
        raise ValueError(
            f"a delay is a number of seconds, not {value!r}; give one{also}; to wait forever, use hang()"
            if also
            else f"a delay is a number of seconds, not {value!r}; to wait forever, use hang()"
        ) from None
