"""The messages of failing assertions: pure functions from what was expected, the journal and the state to text.

First come the expectation and the reason of the failure, then the nearest candidates, each with what differs, names
alike, what became of the pushes that carried it, and how to relax the check. Never more than `wording.LINES` lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.journal.requests import Delete, Push, Request, name_of
from pytest_pushgateway.harness.matching import (
    Candidate,
    Expected,
    is_key,
)
from pytest_pushgateway.harness.messages.candidates import (
    CANDIDATES,
    GONE,
    afterwards,
    carried_by,
    family_in,
    family_of,
    how_to_relax,
    list_alike,
    list_nearest,
    of_another_type,
    parts_of,
    why_not,
)
from pytest_pushgateway.harness.messages.listing import (
    all_pushes,
    and_more,
    count,
    empty_pushes,
    list_dropped,
    list_pushes,
    list_requests,
    list_strays,
    list_unread,
    samples,
    was,
)
from pytest_pushgateway.harness.metrics.family import OWN_GAUGES
from pytest_pushgateway.harness.wording import KEY, brief, message, show_key, show_matchers
from pytest_pushgateway.matchers import ANY

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.harness.absence import Doubt
    from pytest_pushgateway.harness.journal.journal import Notes


class Lookups(Protocol):
    """The gateway's metrics, as the store has them."""

    def families_named(self, name: bytes, /) -> Iterable[tuple[Labels, MetricFamily]]:
        """Return the families of this name, each with its group's key."""

    def names(self) -> Collection[bytes]:
        """Return the names of all families."""


def not_exposed(
    expectation: Expected,
    found: Sequence[Candidate],
    state: Lookups,
    requests: Sequence[Request],
    dropped: int,
    notes: Notes,
) -> str:
    """Return why a sample that should be exposed is not."""
    names = [name for name in state.names() if name not in OWN_GAUGES]
    family = None if found else family_of(expectation, state.families_named)
    if family is not None:
        why = of_another_type(expectation, family)
    else:
        why = why_not(expectation, found, "exposed") if names or found else "but the gateway exposes nothing"
    return message(
        f"expected {expectation} to be exposed, {why}",
        notes.first,
        list_nearest(expectation, [(candidate, "") for candidate in found], requests),
        parts_of(expectation, family) or list_alike(expectation, found, names),
        afterwards(expectation, requests, dropped, None if family is not None else GONE),
        [] if found else list_unread(requests) + empty_pushes(requests) + list_strays(requests),
        how_to_relax(expectation, found),
        notes.last,
    )


def not_pushed(expectation: Expected, requests: Sequence[Request], dropped: int, notes: Notes) -> str:
    """Return why no accepted push of the application carried a sample."""
    pushes = [entry for entry in requests if isinstance(entry, Push)]
    ours = [push for push in pushes if push.origin == "application"]
    accepted = [push for push in ours if push.accepted]
    found = carried_by(expectation, accepted)
    samples = [candidate for candidate, _ in found]
    family = None if found else family_in(expectation, accepted)
    if family is not None:
        why = of_another_type(expectation, family)
    elif not pushes:
        why = "but nothing was pushed"
    elif not ours:
        why = "but only the test itself pushed, with gateway.push()"
    elif not accepted:
        why = f"but {all_pushes(len(ours))} was rejected or met a fault"
    else:
        why = why_not(expectation, samples, f"in the {count(len(accepted), 'push')} accepted")
    names = {name for push in accepted for name in push._parsed}
    history = afterwards(expectation, requests, dropped, "is exposed", accepted=False)
    return message(
        f"expected {expectation} to have been pushed, {why}",
        notes.first,
        list_nearest(expectation, [(candidate, f" in {name_of(push)}") for candidate, push in found], requests),
        parts_of(expectation, family) or list_alike(expectation, samples, names),
        history,
        [] if accepted or history else list_pushes(pushes),
        [] if found else empty_pushes(accepted),
        list_strays(requests),
        how_to_relax(expectation, samples),
        notes.last,
    )


def still_exposed(
    expectation: Expected,
    found: Sequence[Candidate],
    requests: Sequence[Request],
    left_running: Sequence[str] | None,
) -> str:
    """Return what is exposed though it should not be, and who pushed it."""
    lines = []
    for candidate in found[:CANDIDATES]:
        lines.append(f"  {candidate}")
        pushes = [entry for entry in requests if isinstance(entry, Push) and entry.accepted]
        for push in reversed(pushes):
            if push._request.key == candidate.key and candidate.family in push._parsed:
                lines.append(
                    f"    {name_of(push)}{', sent by the test itself,' if push.origin == 'test' else ''} put it there"
                )
                break
    what = (
        "nothing to be exposed"
        if expectation.name is None and not expectation.labels
        else f"{expectation} not to be exposed"
    )
    return message(
        f"expected {what}, but {samples(len(found))}:",
        lines,
        and_more(len(found), CANDIDATES, "samples"),
        ["To narrow the check, give labels or a value."] if expectation.value is ANY else [],
        late(left_running),
    )


def was_pushed(
    expectation: Expected, found: Sequence[tuple[Candidate, Push]], left_running: Sequence[str] | None
) -> str:
    """Return which accepted pushes carried what should not have been pushed."""
    lines = [f"  {candidate} in {name_of(push)}" for candidate, push in found[:CANDIDATES]]
    return message(
        f"expected {expectation} not to have been pushed, but {samples(len(found))}:",
        lines,
        and_more(len(found), CANDIDATES, "samples"),
        ["To narrow the check, give labels or a value."] if expectation.value is ANY else [],
        late(left_running),
    )


def something_pushed(pushes: Sequence[Push], left_running: Sequence[str] | None) -> str:
    """Return which pushes were accepted though there should be none."""
    return message(
        f"expected nothing to have been pushed, but {count(len(pushes), 'push')} {was(len(pushes))} accepted:",
        list_pushes(pushes),
        late(left_running),
    )


def late(left_running: Sequence[str] | None) -> list[str]:
    """Return that an earlier test may have pushed late, where something runs that could, and the way out."""
    if not left_running:
        return []
    names = ", ".join(brief(name, 40) for name in left_running[:3])
    more = f" and {len(left_running) - 3} more" if len(left_running) > 3 else ""
    return [
        f"An earlier test may have pushed it late: {names}{more} ran already when this test began. To keep such pushes "
        "out, give each test its own port, in conftest.py:",
        "  @pytest.fixture",
        "  def pushgateway(make_pushgateway): return make_pushgateway()",
    ]


def not_told(expectation: Expected, dropped: int) -> str:
    """Return that accepted pushes which may have carried what should not have been are out of sight."""
    return message(
        f"expected {expectation} not to have been pushed, but that cannot be told of {count(dropped, 'accepted push')}",
        list_dropped(dropped),
    )


def proves_nothing(expectation: Expected, done: str, doubt: Doubt) -> str:
    """Return why it proves nothing that a sample is not exposed, or was not pushed."""
    asked = f"expected {expectation} not to {'be exposed' if done == 'exposed' else 'have been pushed'}"
    name = brief(expectation.name or "", 60)
    if doubt.family is not None:
        return message(
            f"{asked}, {of_another_type(expectation, doubt.family)}: this proves nothing",
            parts_of(expectation, doubt.family),
        )
    if doubt.counter:
        return message(
            f"{asked}, but the counter is called {brief(doubt.counter, 60)}: this proves nothing",
            [
                f"Ask for {brief(doubt.counter, 60)}; if it is {name} that must not be there, look for it among the "
                "names of gateway.families and of each push's families."
            ],
        )
    whose = "series" if expectation.name is None else "series of that name"
    unknown = " or ".join(brief(label, 60) for label in doubt.unknown)
    return message(
        f"{asked}, but no {whose} ever had a label {unknown}: this proves nothing",
        _labels_alike(doubt),
        [
            f"If no series may have the label, use {label}=unittest.mock.ANY."
            for label in doubt.unknown[:1]
            if label.isidentifier()
        ],
    )


def _labels_alike(doubt: Doubt) -> list[str]:
    from difflib import get_close_matches

    close = [brief(each, 60) for label in doubt.unknown for each in get_close_matches(label, doubt.labels, 1, 0.6)]
    shown = [brief(label, 60) for label in doubt.labels[:8]]
    more = f" and {len(doubt.labels) - 8} more" if len(doubt.labels) > 8 else ""
    lines = [f"Labels alike: {', '.join(dict.fromkeys(close))}"] if close else []
    return lines or [f"Labels there are: {', '.join(shown) or 'none'}{more}"]


def not_one(expectation: Expected, found: Sequence[Candidate]) -> str:
    """Return why ``value()`` cannot choose between samples."""
    names = {name for candidate in found for name in candidate.sample.labels}
    varying = sorted(name for name in names if len({each.sample.labels.get(name) for each in found}) > 1)
    return message(
        f"expected one sample {expectation}, but {len(found)} match:",
        [f"  {candidate}" for candidate in found[: 2 * CANDIDATES]],
        and_more(len(found), 2 * CANDIDATES, "samples"),
        [f"They differ in {', '.join(varying)}: give labels that only one of them has."] if varying else [],
    )


def not_deleted(
    expectation: Expected,
    requests: Sequence[Request],
    keys: Sequence[Mapping[str, str]],
    dropped: int,
    notes: Notes,
) -> str:
    """Return why a group counts as not deleted."""
    shown = brief(show_matchers(expectation.labels), KEY)
    deletions = [entry for entry in requests if isinstance(entry, Delete)]
    mine = [entry for entry in deletions if is_key(expectation, entry.grouping_key)]
    matched = [entry for entry in mine if entry.matched]
    lines = [f"  {name_of(entry)}: {_deletion(entry)}" for entry in deletions]
    if matched:
        later = [
            entry
            for entry in requests
            if isinstance(entry, Push) and entry._order > matched[-1]._order and is_key(expectation, entry.grouping_key)
        ]
        who = f"{name_of(later[0])} made it again" if later else "it is there again"
        why = f"but after {name_of(matched[-1])} {who}"
    elif mine:
        why = "but the DELETE matched no group (it was answered 202 all the same)"
        if any(entry.fault for entry in mine):
            why = f"but the DELETE met the fault {mine[-1].fault}"
        elif mine[-1].status >= 400:
            why = f"but the DELETE was answered {mine[-1].status}"
    elif deletions:
        why = "but no DELETE had exactly this grouping key"
    else:
        why = "but there was no DELETE"
    groups = [f"  {show_key(dict(each))}" for each in keys]
    return message(
        f"expected the group {shown} to be deleted, {why}",
        notes.first,
        ["Deletions:", *lines[:10], *and_more(len(lines), 10, "deletions")] if lines else [],
        ["Current groups:", *groups[:10], *and_more(len(groups), 10, "groups")] if groups else ["There are no groups."],
        ["A DELETE takes the exact grouping key: one label less is another group."] if deletions or groups else [],
        list_dropped(dropped),
        notes.last,
    )


def _deletion(entry: Delete) -> str:
    if entry.matched:
        return "matched a group"
    return entry.outcome if entry.fault or entry.status >= 400 else "matched no group"


def not_rejected(
    what: str,
    method: str | None,
    asked: Sequence[Request],
    requests: Sequence[Request],
    dropped: int,
    notes: Notes,
) -> str:
    """Return why no push, or with ``method`` no request of that method, counts as the rejected one expected."""
    noun = "push" if method is None else method
    several = "pushes" if method is None else f"{method}s"
    entries = [entry for entry in asked if method is None or entry.method == method]
    rejected = [entry for entry in entries if entry._refused]
    elsewhere = [entry for entry in requests if entry not in entries and entry._refused]
    if not entries:
        why = "but nothing was pushed" if method is None else f"but there was no {noun}"
    elif not rejected:
        why = (
            f"but the only {noun} was accepted"
            if len(entries) == 1
            else f"but all {len(entries)} {several} were accepted"
        )
    elif len(rejected) == 1:
        why = f"but the only rejected {noun} is another"
    else:
        why = f"but none of the {len(rejected)} rejected {several} matches"
    return message(
        f"expected a rejected {noun}{what}, {why}",
        notes.first,
        list_requests(f"The {several}:", rejected or entries, f"earlier {several}"),
        ["To relax the check, leave out match= or status=."] if rejected else [],
        _elsewhere(elsewhere),
        list_dropped(dropped),
        notes.last,
    )


def _elsewhere(rejected: Sequence[Request]) -> list[str]:
    lines = list_requests("Rejected, but not asked for:", rejected, "of them")
    if any(isinstance(entry, Delete) for entry in rejected):
        lines.append('For a DELETE, use assert_rejected(..., method="DELETE").')
    return lines


def timed_out(
    first: str,
    expectation: Expected | None,
    requests: Sequence[Request],
    dropped: int,
    hint: Sequence[str],
    notes: Notes,
) -> str:
    """Return what came while something was waited for in vain."""
    pushes = [entry for entry in requests if isinstance(entry, Push)]
    found: list[tuple[Candidate, Push]] = []
    alike: list[str] = []
    if expectation is not None and expectation.name is not None:
        accepted = [push for push in pushes if push.accepted and push.origin == "application"]
        found = carried_by(expectation, accepted)
        names = {name for push in accepted for name in push._parsed}
        alike = list_alike(expectation, [candidate for candidate, _ in found], names)
    what = "nothing was pushed" if not pushes else f"{count(len(pushes), 'push')} came"
    if expectation is not None and pushes and all(push.origin == "test" for push in pushes):
        what = "only the test itself pushed, with gateway.push()"
    return message(
        f"{first}: {what}",
        notes.first,
        hint,
        list_nearest(expectation, [(candidate, f" in {name_of(push)}") for candidate, push in found], requests)
        if expectation
        else [],
        alike,
        list_pushes(pushes),
        list_strays(requests),
        list_dropped(dropped),
        notes.last,
    )


def no_group(expectation: Expected, keys: Sequence[Mapping[str, str]]) -> str:
    """Return that there is no such group, and which there are."""
    wanted = {name: str(one) for name, one in expectation.labels.items()}
    near = sorted(keys, key=lambda each: len(set(each.items()) ^ set(wanted.items())))
    lines = [f"  {show_key(dict(each))}" for each in near]
    return message(
        f"there is no group {brief(show_matchers(expectation.labels))}; "
        f"{'there are:' if lines else 'the gateway holds no group'}",
        lines[:10],
        and_more(len(lines), 10, "groups"),
    )


def no_family(name: str, state: Lookups) -> str:
    """Return that there is no metric family of a name, and which there are."""
    expectation = Expected(name, ANY, {})
    part_of = [decoded for each in expectation.families()[1:] for decoded in [text_of(each)] if each in state.names()]
    return message(
        f"there is no metric family {brief(name)}",
        [f"It is a part of the family {brief(part_of[0], 60)}: ask for that."] if part_of else [],
        list_alike(expectation, [], [] if part_of else [each for each in state.names() if each not in OWN_GAUGES]),
    )


def text_differs(differences: Sequence[str], notes: Notes) -> str:
    """Return how what is exposed differs from a block of text."""
    first = "expected the block of text to be exposed (-), but what is exposed (+) differs:"
    return message(first, notes.first, differences, notes.last)
