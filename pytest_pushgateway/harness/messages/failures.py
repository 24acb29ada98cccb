"""The messages of failing assertions: pure functions from what was expected, the journal and the state to text.

The first line says what was expected and why it fails; then come the nearest candidates, each with what differs, names
alike, what became of the pushes that carried it, and how to relax the check. Never more than `wording.LINES` lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pytest_pushgateway.exposition.labels import split_prefix
from pytest_pushgateway.exposition.model import proto_type_name
from pytest_pushgateway.exposition.samples import lines
from pytest_pushgateway.golang.utf8 import bytes_of, text_of
from pytest_pushgateway.harness.journal.requests import Delete, Push, Request, name_of
from pytest_pushgateway.harness.journal.sent import as_sent
from pytest_pushgateway.harness.matching import (
    SUFFIXES,
    Candidate,
    Expected,
    Lookup,
    carried,
    differences,
    is_key,
)
from pytest_pushgateway.harness.messages.history import fate, reason, strays
from pytest_pushgateway.harness.metrics.family import OWN_GAUGES
from pytest_pushgateway.harness.wording import KEY, brief, message, shorten, show_key, show_matchers, show_value
from pytest_pushgateway.matchers import ANY

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily
    from pytest_pushgateway.harness.absence import Doubt
    from pytest_pushgateway.harness.journal.journal import Notes

CANDIDATES = 5
NAMES = 5
PUSHES = 20
KEPT = "it keeps as many as the option journal_limit says, and 64 MiB of bodies"


class Lookups(Protocol):
    """What the gateway holds, as the store gives it."""

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
    family = None if found else _family_of(expectation, state.families_named)
    if family is not None:
        why = _of_another_type(expectation, family)
    else:
        why = _why(expectation, found, "exposed") if names or found else "but the gateway exposes nothing"
    return message(
        f"expected {expectation} to be exposed, {why}",
        notes.first,
        _nearest(expectation, [(candidate, "") for candidate in found], requests),
        _parts(expectation, family) or _alike(expectation, found, names),
        _history(expectation, requests, dropped, None if family is not None else _GONE),
        [] if found else _unread(requests) + _empty(requests) + _strays(requests),
        _relax(expectation, found),
        notes.last,
    )


def not_pushed(expectation: Expected, requests: Sequence[Request], dropped: int, notes: Notes) -> str:
    """Return why no accepted push of the application carried a sample."""
    pushes = [entry for entry in requests if isinstance(entry, Push)]
    ours = [push for push in pushes if push.origin == "application"]
    accepted = [push for push in ours if push.accepted]
    found = _carried_by(expectation, accepted)
    samples = [candidate for candidate, _ in found]
    family = None if found else _family_in(expectation, accepted)
    if family is not None:
        why = _of_another_type(expectation, family)
    elif not pushes:
        why = "but nothing was pushed"
    elif not ours:
        why = "but only the test itself pushed, with gateway.push()"
    elif not accepted:
        why = f"but {_all(len(ours))} was rejected or met a fault"
    else:
        why = _why(expectation, samples, f"in the {count(len(accepted), 'push')} accepted")
    names = {name for push in accepted for name in push._parsed}
    history = _history(expectation, requests, dropped, "is exposed", accepted=False)
    return message(
        f"expected {expectation} to have been pushed, {why}",
        notes.first,
        _nearest(expectation, [(candidate, f" in {name_of(push)}") for candidate, push in found], requests),
        _parts(expectation, family) or _alike(expectation, samples, names),
        history,
        [] if accepted or history else _pushes(pushes),
        [] if found else _empty(accepted),
        _strays(requests),
        _relax(expectation, samples),
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
        f"expected {what}, but {_samples(len(found))}:",
        lines,
        _more(len(found), CANDIDATES, "samples"),
        ["To narrow the check, give labels or a value."] if expectation.value is ANY else [],
        late(left_running),
    )


def was_pushed(
    expectation: Expected, found: Sequence[tuple[Candidate, Push]], left_running: Sequence[str] | None
) -> str:
    """Return which accepted pushes carried what should not have been pushed."""
    lines = [f"  {candidate} in {name_of(push)}" for candidate, push in found[:CANDIDATES]]
    return message(
        f"expected {expectation} not to have been pushed, but {_samples(len(found))}:",
        lines,
        _more(len(found), CANDIDATES, "samples"),
        ["To narrow the check, give labels or a value."] if expectation.value is ANY else [],
        late(left_running),
    )


def something_pushed(pushes: Sequence[Push], left_running: Sequence[str] | None) -> str:
    """Return which pushes were accepted though there should be none."""
    return message(
        f"expected nothing to have been pushed, but {count(len(pushes), 'push')} {_was(len(pushes))} accepted:",
        _pushes(pushes),
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
        "out, give each test a port of its own, in conftest.py:",
        "  @pytest.fixture",
        "  def pushgateway(make_pushgateway): return make_pushgateway()",
    ]


def not_told(expectation: Expected, dropped: int) -> str:
    """Return that accepted pushes which may have carried what should not have been are out of sight."""
    return message(
        f"expected {expectation} not to have been pushed, but that cannot be told of {count(dropped, 'accepted push')}",
        _dropped(dropped),
    )


def proves_nothing(expectation: Expected, done: str, doubt: Doubt) -> str:
    """Return why it proves nothing that a sample is not exposed, or was not pushed."""
    asked = f"expected {expectation} not to {'be exposed' if done == 'exposed' else 'have been pushed'}"
    name = brief(expectation.name or "", 60)
    if doubt.family is not None:
        return message(
            f"{asked}, {_of_another_type(expectation, doubt.family)}: this proves nothing",
            _parts(expectation, doubt.family),
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
            f"If none may have the label, say so: {label}=unittest.mock.ANY."
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
        _more(len(found), 2 * CANDIDATES, "samples"),
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
        who = f"{name_of(later[0])} made it anew" if later else "it is there again"
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
        ["Deletions:", *lines[:10], *_more(len(lines), 10, "deletions")] if lines else [],
        ["Groups that stand:", *groups[:10], *_more(len(groups), 10, "groups")] if groups else ["No group stands."],
        ["A DELETE takes the exact grouping key: one label less is another group."] if deletions or groups else [],
        _dropped(dropped),
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
        why = f"but none of the {len(rejected)} rejected {several} is such a one"
    return message(
        f"expected a rejected {noun}{what}, {why}",
        notes.first,
        _requests(f"The {several}:", rejected or entries, f"earlier {several}"),
        ["To relax the check, leave out match= or status=."] if rejected else [],
        _elsewhere(elsewhere),
        _dropped(dropped),
        notes.last,
    )


def _elsewhere(rejected: Sequence[Request]) -> list[str]:
    lines = _requests("Rejected, but not asked for:", rejected, "of them")
    if any(isinstance(entry, Delete) for entry in rejected):
        lines.append('For a DELETE say so: assert_rejected(..., method="DELETE").')
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
        found = _carried_by(expectation, accepted)
        names = {name for push in accepted for name in push._parsed}
        alike = _alike(expectation, [candidate for candidate, _ in found], names)
    what = "nothing was pushed" if not pushes else f"{count(len(pushes), 'push')} came"
    if expectation is not None and pushes and all(push.origin == "test" for push in pushes):
        what = "only the test itself pushed, with gateway.push()"
    return message(
        f"{first}: {what}",
        notes.first,
        hint,
        _nearest(expectation, [(candidate, f" in {name_of(push)}") for candidate, push in found], requests)
        if expectation
        else [],
        alike,
        _pushes(pushes),
        _strays(requests),
        _dropped(dropped),
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
        _more(len(lines), 10, "groups"),
    )


def no_family(name: str, state: Lookups) -> str:
    """Return that there is no metric family of a name, and which there are."""
    expectation = Expected(name, ANY, {})
    part_of = [decoded for each in expectation.families()[1:] for decoded in [text_of(each)] if each in state.names()]
    return message(
        f"there is no metric family {brief(name)}",
        [f"It is a part of the family {brief(part_of[0], 60)}: ask for that."] if part_of else [],
        _alike(expectation, [], [] if part_of else [each for each in state.names() if each not in OWN_GAUGES]),
    )


def text_differs(differences: Sequence[str], notes: Notes) -> str:
    """Return how what is exposed differs from a block of text."""
    first = "expected the block of text to be exposed (-), but what is exposed (+) differs:"
    return message(first, notes.first, differences, notes.last)


def _why(expectation: Expected, found: Sequence[Candidate], where: str) -> str:
    if not found:
        return (
            f"but no metric of that name is {where}"
            if where == "exposed"
            else f"but no metric of that name was {where}"
        )
    labelled = [candidate for candidate in found if expectation.labels_match(candidate.sample.labels)]
    if not labelled:
        return "but no series of that name has these labels"
    values = list(dict.fromkeys(show_value(candidate.sample.value) for candidate in labelled))
    if len(labelled) == 1:
        return f"but its value is {values[0]}"
    if len(values) == 1:
        return f"but each of {len(labelled)} samples has the value {values[0]}"
    return f"but none of {len(labelled)} samples has this value"


def _nearest(expectation: Expected, found: Sequence[tuple[Candidate, str]], requests: Sequence[Request]) -> list[str]:
    judged = []
    for candidate, where in found:
        sent = partial(_sent, candidate, requests)
        judged.append((differences(expectation, candidate, sent), candidate, where))
    judged.sort(key=lambda each: len(each[0]))
    lines = ["The nearest:"] if judged else []
    for texts, candidate, where in judged[:CANDIDATES]:
        lines.append(f"  {candidate}{where}")
        lines.append(f"    {'; '.join(texts) or 'all of it matches'}")
    return lines + _more(len(judged), CANDIDATES, "samples of that name")


def _sent(candidate: Candidate, requests: Sequence[Request], label: str) -> list[str]:
    """Return the values that a label had in the last push of a sample's family, before the grouping key took over."""
    name = bytes_of(label)
    for push in reversed(requests):
        if isinstance(push, Push) and push._request.key == candidate.key and candidate.family in push._parsed:
            family = as_sent(push).get(candidate.family)
            pairs = [dict(split_prefix(prefix)[1]) for prefix, _ in family.series] if family is not None else []
            return list(dict.fromkeys(text_of(labels[name]) for labels in pairs if name in labels))
    return []


def _alike(expectation: Expected, found: Sequence[Candidate], names: Iterable[bytes]) -> list[str]:
    if found or expectation.name is None:
        return []
    from difflib import get_close_matches

    known = {text_of(name) for name in names}
    name = expectation.name
    close = [name + suffix for suffix in ("_total", *SUFFIXES) if name + suffix in known]
    close += [
        name[: -len(suffix)]
        for suffix in ("_total", "_created")
        if name.endswith(suffix) and name[: -len(suffix)] in known
    ]
    close += get_close_matches(name, known, 3, 0.6)
    close = [brief(each, 60) for each in dict.fromkeys(close)][:5]
    if close:
        return [f"Names alike: {', '.join(close)}"]
    if known:
        shown = [brief(each, 60) for each in sorted(known)[:8]]
        return [f"Names there are: {', '.join(shown)}{f' and {len(known) - 8} more' if len(known) > 8 else ''}"]
    return []


def _family_of(expectation: Expected, lookup: Lookup) -> MetricFamily | None:
    """Return the family of that name, or of the name without a suffix, which is of a type that has no such sample."""
    return next((family for name in expectation.families() for _, family in lookup(name)), None)


def _family_in(expectation: Expected, pushes: Sequence[Push]) -> MetricFamily | None:
    for push in reversed(pushes):
        families = push._parsed
        family = _family_of(expectation, lambda name: [((), families[name])] if name in families else [])  # noqa: B023
        if family is not None:
            return family
    return None


def _of_another_type(expectation: Expected, family: MetricFamily) -> str:
    kind, name = proto_type_name(family.type).lower(), text_of(family.name)
    if name == expectation.name:
        return f"but a {kind} has no value of its own"
    return f"but {brief(name, 60)} is of type {kind} and has no {brief(expectation.name or '', 60)}"


def _parts(expectation: Expected, family: MetricFamily | None) -> list[str]:
    """Return which samples a family of another type has instead."""
    if family is None:
        return []
    names = " or ".join(brief(name, 60) for name in dict.fromkeys(sample.name for sample in lines(family)))
    also = text_of(family.name) == expectation.name and expectation.value is not ANY
    return [f"Ask for {names}{', or leave out the value' if also else ''}."]


def _carried_by(expectation: Expected, pushes: Sequence[Push]) -> list[tuple[Candidate, Push]]:
    """Return the samples of the expected name in the last pushes that have any, the last first."""
    names = expectation.families()
    with_name = [push for push in pushes if any(name in push._parsed for name in names)]
    return [pair for push in reversed(with_name[-PUSHES:]) for pair in carried(expectation, push)]


_GONE = "was stored, and is gone though no request took it away: the gateway was stopped or crashed since"
"""What became of metrics that no file kept."""


def _history(
    expectation: Expected, requests: Sequence[Request], dropped: int, otherwise: str | None, *, accepted: bool = True
) -> list[str]:
    lines = []
    names = expectation.families()
    pushes = [entry for entry in requests if isinstance(entry, Push)]
    with_name = [push for push in pushes if any(name in push._parsed for name in names)]
    for push in reversed(with_name[-PUSHES:]):
        if push.accepted and not accepted and push.origin == "application":
            continue
        if any(expectation.matches(candidate.sample) for candidate, _ in carried(expectation, push)):
            end = fate(push, requests, names) or otherwise
            mine = ", sent by the test itself," if push.origin == "test" else ""
            if end is not None:
                lines.append(f"  {name_of(push)}{mine} carried it and {end}")
    lines = ["What became of it:", *lines[:CANDIDATES]] if lines else []
    return lines + _dropped(dropped)


def _dropped(dropped: int) -> list[str]:
    return [f"The journal let go of {count(dropped, 'request')}, the oldest: {KEPT}."] if dropped else []


def _relax(expectation: Expected, found: Sequence[Candidate]) -> list[str]:
    hints = []
    if expectation.value is not ANY and any(expectation.labels_match(each.sample.labels) for each in found):
        hints.append("leave out the value, or give pytest.approx() or another object with ==")
    if expectation.labels and found and not hints:
        hints.append("give fewer labels: those that you give must match, others may be there")
    return [f"To relax the check, {hint}." for hint in hints]


def _pushes(pushes: Sequence[Push]) -> list[str]:
    return _requests("The pushes:", pushes, "earlier pushes")


def _strays(requests: Sequence[Request]) -> list[str]:
    return _requests("Requests that were no push:", strays(requests), "of them")


def _unread(requests: Sequence[Request]) -> list[str]:
    unread = [push for push in requests if isinstance(push, Push) and push.rejected and not push._parsed]
    missed = [push for push in unread if push._missed]
    return [
        *_requests("Pushes that could not be read:", [push for push in unread if not push._missed], "of them"),
        *_requests("Pushes that reached no group:", missed, "of them"),
    ]


def _empty(requests: Sequence[Request]) -> list[str]:
    empty = [
        push
        for push in requests
        if isinstance(push, Push) and push.accepted and push.origin == "application" and not push._parsed
    ]
    lines = _requests("Pushes that carried no metrics:", empty, "of them")
    return [*lines, "Is the metric in the registry that was pushed?"] if lines else []


def _requests(title: str, requests: Sequence[Request], more: str) -> list[str]:
    lines = [title] if requests else []
    for entry in requests[-10:]:
        why = f": {shorten(reason(entry))}" if entry.error else _carried(entry)
        mine = ", sent by the test itself" if entry.origin == "test" else ""
        lines.append(f"  {name_of(entry)}{mine}, {entry.outcome}{why}")
    return lines + _more(len(requests), 10, more)


def _carried(request: Request) -> str:
    names = (
        [brief(text_of(name), 60) for name in request._parsed] if isinstance(request, Push) and request.accepted else []
    )
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f": {', '.join(names[:NAMES])}{more}" if names else ""


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _samples(count: int) -> str:
    return "one sample is" if count == 1 else f"{count} samples are"


def count(number: int, noun: str) -> str:
    """Return a number of things in words: ``no push``, ``one push``, ``3 pushes``."""
    plural = noun + "es" if noun.endswith("sh") else noun + "s"
    return f"one {noun}" if number == 1 else f"{number or 'no'} {plural}"


def _all(count: int) -> str:
    return "the only push" if count == 1 else f"each of {count} pushes"


def _more(count: int, shown: int, what: str) -> list[str]:
    return [f"  ... and {count - shown} more {what}"] if count > shown else []
