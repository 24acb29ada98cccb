"""The faults of a remote gateway: checked here, active there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.harness.faults.answers import Replies, Reply
from pytest_pushgateway.harness.faults.conditions import Condition
from pytest_pushgateway.harness.faults.faults import Fault, Faults
from pytest_pushgateway.recording import tell
from pytest_pushgateway.testapi.codec import shown_body

if TYPE_CHECKING:
    from pytest_pushgateway.harness.faults.conditions import When
    from pytest_pushgateway.testapi.remote.link import Link

Json = dict[str, Any]

_NOT_ACROSS = "cannot cross to a gateway in another process"


class RemoteFault(Fault):
    """A fault of a remote gateway."""

    identifier: str = ""
    catch_up: Callable[[], None] | None = None
    """Learns the hits of all faults."""
    _hits: int = 0

    @property
    def hits(self) -> int:
        """The number of requests that met it."""
        if self.catch_up is not None:
            self.catch_up()
        return self._hits

    @hits.setter
    def hits(self, hits: int) -> None:
        self._hits = hits

    def _is_unused(self) -> bool:
        return self.name != "refuse()" and self._hits < (self.times or 1)


class RemoteFaults(Faults):
    """The faults that this process has asked a remote gateway for.

    Args:
        link: leads to the test API.
        catch_up: learns the hits of all faults.
        lift: ends all faults over there, and releases the requests that wait in them.

    """

    def __init__(self, link: Link, catch_up: Callable[[], None], lift: Callable[[], None]) -> None:
        super().__init__(lambda fault: None, lambda refused: None, lambda request: True)
        self._link = link
        self._catch_up = catch_up
        self._lift = lift
        self._known: dict[str, RemoteFault] = {}

    def __contains__(self, fault: object) -> bool:
        self._catch_up()
        return fault in self._active

    @property
    def any_asked(self) -> bool:
        """Whether this process has asked for one since the last reset."""
        return bool(self._known)

    @property
    def refusing(self) -> bool:
        """Whether this process has asked for ``refuse``, and it is active."""
        return self._refusing

    def clear(self) -> None:
        """End all faults and release the requests that wait in them."""
        self._lift()
        self._end_all()

    def update(self, shown: Iterable[Json]) -> None:
        """Take hits and ends of faults from the state of the gateway."""
        for one in shown:
            fault = self._known.get(one["id"])
            if fault is not None:
                fault.hits = one["hits"]
                if not one["active"]:
                    self._end(fault)

    def forget(self) -> None:
        """Forget all faults: a reset has ended them."""
        self._end_all()
        self._known.clear()

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
        kind = name.partition("(")[0]
        if when is not None and kind != "refuse":
            Condition(None, None, when)
            raise TypeError(f"when= is a function, and {_NOT_ACROSS}; methods= and paths= choose requests there")
        if isinstance(effect, Replies) and not effect.is_written:
            raise TypeError(f"a function or an iterator {_NOT_ACROSS}; give respond() a list of answers")
        fault = RemoteFault(self, name, effect, ends=ends, times=times, methods=methods, paths=paths, when=None)
        condition = fault._condition
        which = {
            "methods": None if condition.methods is None else sorted(condition.methods),
            "paths": condition.paths,
            "times": times,
        }
        options = {member: value for member, value in which.items() if value is not None}
        answer = self._link.call(
            "POST", "/v1/faults", {"kind": kind, "name": name, **_members(kind, effect), **options}
        )
        fault.identifier, fault.catch_up = answer["id"], self._catch_up
        with self._lock:
            self._active.append(fault)
            self._known[fault.identifier] = fault
        tell(self, "fault", fault)
        return fault

    def _take_unused(self) -> list[Fault]:
        seen = self._of_test()
        with self._lock:
            self._ended.clear()
        return [fault for fault in seen if isinstance(fault, RemoteFault) and fault._is_unused()]

    def _remove(self, fault: Fault) -> None:
        if isinstance(fault, RemoteFault) and fault.identifier in self._known:
            self._link.call("DELETE", f"/v1/faults/{fault.identifier}")
        self._end(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._active))


def _members(kind: str, effect: Mapping[str, Any] | Replies) -> Json:
    """Return the members by which the test API knows the effect of a fault."""
    if isinstance(effect, Replies):
        written = effect.written
        return {"answers": [_reply(one) for one in written] if isinstance(written, list) else _reply(written)}
    if kind == "error":
        answer = _reply(Reply(effect["status"], effect["body"], effect["headers"]))
        return {**(answer or {}), "after": effect["after"]}
    if kind == "delay":
        return {"seconds": effect["wait"]}
    if kind == "truncate":
        return {"size": effect["cut_after"]}
    return {"after": effect["after"]} if "after" in effect else {}


def _reply(reply: Reply | None) -> Json | None:
    if reply is None:
        return None
    return {"status": reply.status, "headers": list(reply.headers), **shown_body(reply.body)}
