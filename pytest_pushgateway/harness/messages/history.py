"""The later history of a push: pure functions over the journal's requests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.labels import full_prefix
from pytest_pushgateway.exposition.model import proto_type_name
from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.journal.requests import Delete, Push, Request, name_of
from pytest_pushgateway.harness.metrics.family import OWN_GAUGES
from pytest_pushgateway.harness.wording import KEY, brief, shorten, show_key

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.gateway.groups import Collision

_INCONSISTENT = "pushed metrics are invalid or inconsistent with existing metrics: "
_GZIP = b"\x1f\x8b"
_CUT = "unexpected end of input stream"


def strays(requests: Sequence[Request]) -> list[Request]:
    """Return what the application sent that may have been meant as a push: other paths and methods, answered 4xx."""
    return [
        entry for entry in requests if entry.kind == "other" and entry.origin == "application" and entry.status >= 400
    ]


def reason(push: Request) -> str:
    """Return why a push was refused, without the words that every verdict of the consistency check begins with."""
    return (push.error or "no reason given").removeprefix(_INCONSISTENT)


def fate(push: Push, requests: Sequence[Request], names: Iterable[bytes]) -> str | None:
    """Return what became of the families of ``names`` that a push carried, as the end of a sentence.

    None if it was accepted and no request took them away.
    """
    return ending(push, requests, names)[1]


def ending(push: Push, requests: Sequence[Request], names: Iterable[bytes]) -> tuple[Request | None, str | None]:
    """Return the request that took away what a push carried, if one did, and what `fate` returns."""
    if push.rejected:
        return None, f"was rejected with {push.status}: {shorten(reason(push))}"
    if not push.accepted:
        return None, f"met the fault {push.fault} and was not stored"
    names = list(names)
    for later in requests:
        if later._order <= push._order:
            continue
        if isinstance(later, Push) and later.accepted and later._request.key == push._request.key:
            if any(name in later._parsed for name in names):
                return later, f"was replaced by {name_of(later)}"
            if any(name in later._removed for name in names):
                kept = "a PUT replaces the whole group, a POST would have kept it"
                return later, f"was removed by {name_of(later)}: {kept}"
        elif isinstance(later, Delete) and later.matched and later._request.key == push._request.key:
            return later, f"was deleted by {name_of(later)}"
        elif later.kind == "wipe" and later.status < 400:
            return later, "was wiped (PUT /api/v1/admin/wipe)"
    return None, None


def owner(key: Labels, name: bytes, before: Push, requests: Sequence[Request]) -> Push | None:
    """Return the push that had put the family ``name`` into the group ``key`` when ``before`` arrived."""
    found = None
    for entry in requests:
        if entry._order >= before._order:
            break
        if isinstance(entry, Push) and entry.accepted and entry._request.key == key and name in entry._parsed:
            found = entry
    return found


def body_hints(push: Request) -> list[str]:
    """Return what the parser's words leave out about a body that could not be read, and the next step."""
    if not push.error or (isinstance(push, Push) and push._parsed):
        return []
    if push.error.startswith("odd number of components"):
        return ["a value that is empty or has a slash is sent as base64: /metrics/job@base64/..., label@base64/..."]
    if push.body.startswith(_GZIP) and not push._request.header("content-encoding"):
        return ["the body is compressed with gzip: send the header Content-Encoding: gzip with it"]
    if b"\r\n" in push.body:
        return ["the text has Windows line endings: each line must end with \\n alone"]
    if push.error.endswith(_CUT):
        return ["the body must end with a newline"]
    return []


def provenance(push: Push, requests: Sequence[Request]) -> list[str]:
    """Return a line for every group that a rejected push collides with: what it is and which push brought it.

    And one where the parser's words do not name the missing part of the text.
    """
    lines = body_hints(push)
    for collision in push._collisions:
        if not collision.keys and collision.reason in _ALONE:
            lines.append(
                f"{brief(text_of(full_prefix(collision.prefix) or collision.name))} {_ALONE[collision.reason]}"
            )
        mine = push._request.key or ()
        if is_poison(collision, push):
            lines.append(_poison(collision, push, requests))
            continue
        for key in [key for key in collision.keys if key != mine] or collision.keys:
            lines.append(_collision(collision, key, push, requests))
    return list(dict.fromkeys(lines))


def is_poison(collision: Collision, push: Push) -> bool:
    """Return whether a push did not collide itself: groups that were there before contradict each other."""
    mine = push._request.key or ()
    return bool(collision.keys) and collision.name in OWN_GAUGES and not any(_same(key, mine) for key in collision.keys)


def _same(one: Labels, other: Labels) -> bool:
    """Return whether the gauges of two groups are exposed with the same labels."""
    return {b"instance": b"", **dict(one)} == {b"instance": b"", **dict(other)}


def _poison(collision: Collision, push: Push, requests: Sequence[Request]) -> str:
    """Return which groups had poisoned the gateway before, whatever the push itself holds, and what cures it."""
    groups = " and ".join(f"the group {brief(_show(key), KEY)}" for key in collision.keys)
    earlier = poisoner(collision.keys, [entry for entry in requests if entry._order < push._order])
    since = f" since {name_of(earlier)}" if earlier is not None else ""
    why = (
        "which has a label that cannot be exposed"
        if collision.reason == "label"
        else "which both expose push_time_seconds with the same labels"
    )
    cure = f"; cure: DELETE {earlier.path.partition('?')[0]}" if earlier is not None else ""
    return f"the gateway was poisoned{since} and refuses every push: it holds {groups}, {why}{cure}"


def poisoner(keys: Collection[Labels], requests: Sequence[Request]) -> Push | None:
    """Return the push, accepted or not, that made the last of groups that cannot stand together; None if not known."""
    made: dict[Labels, Push] = {}
    for entry in requests:
        key = entry._request.key or ()
        if isinstance(entry, Push) and key in keys and entry._judged:
            made.setdefault(key, entry)
        elif isinstance(entry, Delete) and entry.matched:
            made.pop(key, None)
        elif entry.kind == "wipe" and entry.status < 400:
            made.clear()
    return max(made.values(), key=lambda push: push._order, default=None)


def _show(key: Labels) -> str:
    return show_key({text_of(name): text_of(value) for name, value in key})


def _collision(collision: Collision, key: Labels, push: Push, requests: Sequence[Request]) -> str:
    shown = brief(_show(key), KEY)
    if collision.name in OWN_GAUGES and key != push._request.key:
        mine = brief(show_key(push.grouping_key), KEY)
        return f"the group {mine} collides with the group {shown}: both expose push_time_seconds with the same labels"
    what = brief(text_of(full_prefix(collision.prefix) or collision.name), KEY)
    kind = _REASONS.get(collision.reason, "collides with")
    for name in _names(collision):
        earlier = owner(key, name, push, requests)
        if earlier is not None:
            seconds = push.at - earlier.at
            when = f", {round(seconds) if seconds >= 1000 else format(seconds, '.3g')} s before" if seconds >= 0 else ""
            test = f", in {earlier.test}" if earlier.test and earlier.test != push.test else ""
            mine = " (sent by the test itself)" if earlier.origin == "test" else ""
            end = f"{name_of(earlier)}{mine} brought{when}{test}"
            if collision.reason == "type":
                return (
                    f"{text_of(name)} is of type {_type(push, name)} here, of type {_type(earlier, name)} in what {end}"
                )
            return f"{what} {kind} what {end}"
    if any(
        isinstance(entry, Push) and entry._order < push._order and entry.rejected and entry._request.key == key
        for entry in requests
    ):
        return f"{what} {kind} the group {shown}, which an earlier rejected push left behind"
    return f"{what} {kind} the group {shown}"


def _type(push: Push, name: bytes) -> str:
    family = push._parsed.get(name)
    return proto_type_name(family.type).lower() if family is not None else "unknown"


_ALONE = {
    "duplicate": "is in the same push twice",
    "own": "has the name of a metric of the gateway itself",
    "label": "has a label that cannot be exposed",
}
_REASONS = {
    "duplicate": "has the same name and labels as",
    "type": "has another type than",
    "suffix": "clashes with a histogram or summary, or one of its series, in",
    "label": "has a label that cannot be exposed in",
}


def _names(collision: Collision) -> list[bytes]:
    names = [collision.name]
    for suffix in (b"_bucket", b"_sum", b"_count"):
        names.append(collision.name + suffix)
        if collision.name.endswith(suffix):
            names.append(collision.name[: -len(suffix)])
    return names
