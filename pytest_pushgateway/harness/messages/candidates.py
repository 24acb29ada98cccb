"""The samples that are nearly the expected one: what differs, what they may be meant as, what became of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.labels import split_prefix
from pytest_pushgateway.exposition.model import proto_type_name
from pytest_pushgateway.exposition.samples import lines
from pytest_pushgateway.golang.utf8 import bytes_of, text_of
from pytest_pushgateway.harness.journal.requests import Push, Request, name_of
from pytest_pushgateway.harness.journal.sent import as_sent
from pytest_pushgateway.harness.matching import SUFFIXES, Candidate, Expected, Lookup, carried
from pytest_pushgateway.harness.messages.history import fate
from pytest_pushgateway.harness.messages.listing import and_more, list_dropped
from pytest_pushgateway.harness.wording import apart, brief, is_plain, quote, show_matcher, show_value, text_of_plain
from pytest_pushgateway.matchers import ANY, label_matches

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily

OVERWRITTEN = "was overwritten by the grouping key's"
"""Said of a label of a pushed sample that the grouping key has as well."""

CANDIDATES = 5
PUSHES = 20


def why_not(expectation: Expected, found: Sequence[Candidate], where: str) -> str:
    """Return why no sample is the expected one, for the end of the first line."""
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


def list_nearest(
    expectation: Expected, found: Sequence[tuple[Candidate, str]], requests: Sequence[Request]
) -> list[str]:
    """Return the nearest candidates, each with what differs."""
    own = lru_cache(partial(_own_values, requests))
    judged = []
    for candidate, where in found:
        texts = _differences(expectation, candidate, partial(own, candidate.key, candidate.family))
        judged.append((len(texts), not any(OVERWRITTEN in text for text in texts), texts, candidate, where))
    judged.sort(key=lambda each: each[:2])
    lines = ["The nearest:"] if judged else []
    for _, _, texts, candidate, where in judged[:CANDIDATES]:
        lines.append(f"  {candidate}{where}")
        lines.append(f"    {'; '.join(texts) or 'all of it matches'}")
    return lines + and_more(len(judged), CANDIDATES, "samples of that name")


def _own_values(requests: Sequence[Request], key: Labels, family: bytes, label: str) -> list[str]:
    """Return the values that a label had in the last push of a family, before the grouping key took its place."""
    name = bytes_of(label)
    for push in reversed(requests):
        if isinstance(push, Push) and push._request.key == key and family in push._parsed:
            compressed = push._request.header("content-encoding") is not None
            if not compressed and name not in push.body:  # to read a large body once more takes its time
                return []
            sent = as_sent(push).get(family)
            labels = [dict(split_prefix(prefix)[1]) for prefix, _ in sent.series] if sent is not None else []
            return list(dict.fromkeys(text_of(each[name]) for each in labels if name in each))
    return []


def list_alike(expectation: Expected, found: Sequence[Candidate], names: Iterable[bytes]) -> list[str]:
    """Return the names that the expected one may be meant as; else those that there are."""
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
        return [f"Similar names: {', '.join(close)}"]
    if known:
        shown = [brief(each, 60) for each in sorted(known)[:8]]
        return [f"Names there are: {', '.join(shown)}{f' and {len(known) - 8} more' if len(known) > 8 else ''}"]
    return []


def family_of(expectation: Expected, lookup: Lookup) -> MetricFamily | None:
    """Return the family of that name, or of the name without a suffix, which is of a type that has no such sample."""
    return next((family for name in expectation.families() for _, family in lookup(name)), None)


def family_in(expectation: Expected, pushes: Sequence[Push]) -> MetricFamily | None:
    """Return the family of that name in the last push that has one, as `family_of` does."""
    for push in reversed(pushes):
        families = push._parsed
        family = family_of(expectation, lambda name: [((), families[name])] if name in families else [])  # noqa: B023
        if family is not None:
            return family
    return None


def of_another_type(expectation: Expected, family: MetricFamily) -> str:
    """Return that a family of that name has no such sample, for the end of the first line."""
    kind, name = proto_type_name(family.type).lower(), text_of(family.name)
    if name == expectation.name:
        return f"but a {kind} has no value itself"
    return f"but {brief(name, 60)} is of type {kind} and has no {brief(expectation.name or '', 60)}"


def parts_of(expectation: Expected, family: MetricFamily | None) -> list[str]:
    """Return which samples a family of another type has instead."""
    if family is None:
        return []
    names = " or ".join(brief(name, 60) for name in dict.fromkeys(sample.name for sample in lines(family)))
    also = text_of(family.name) == expectation.name and expectation.value is not ANY
    return [f"Ask for {names}{', or leave out the value' if also else ''}."]


def carried_by(expectation: Expected, pushes: Sequence[Push]) -> list[tuple[Candidate, Push]]:
    """Return the samples of the expected name in the last pushes that have any, the last first."""
    names = expectation.families()
    with_name = [push for push in pushes if any(name in push._parsed for name in names)]
    return [pair for push in reversed(with_name[-PUSHES:]) for pair in carried(expectation, push)]


def how_to_relax(expectation: Expected, found: Sequence[Candidate]) -> list[str]:
    """Return how the check could be relaxed."""
    hints = []
    if expectation.value is not ANY and any(expectation.labels_match(each.sample.labels) for each in found):
        hints.append("leave out the value, or give pytest.approx() or another object with ==")
    if expectation.labels and found and not hints:
        hints.append("give fewer labels: those that you give must match, others may be there")
    return [f"To relax the check, {hint}." for hint in hints]


GONE = "was stored, then lost when the gateway stopped or crashed"
"""What became of metrics that no file kept."""


def afterwards(
    expectation: Expected, requests: Sequence[Request], dropped: int, otherwise: str | None, *, accepted: bool = True
) -> list[str]:
    """Return what became of the pushes that carried the expected sample; ``otherwise`` if no request took it away."""
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
    return lines + list_dropped(dropped)


def _differences(
    expectation: Expected, candidate: Candidate, sent: Callable[[str], Collection[str]] = lambda name: ()
) -> list[str]:
    """Return what keeps a candidate from being the expected sample, one short text for each difference.

    ``sent`` gives the values that a label of the grouping key had in the body that was pushed.
    """
    key = {text_of(name) for name, _ in candidate.key}
    texts = []
    for name, wanted in expectation.labels.items():
        actual = candidate.sample.labels.get(name)
        if label_matches(name, wanted, actual):
            continue
        found, sought = quote(actual or ""), show_matcher(wanted).removeprefix("=")
        if isinstance(wanted, re.Pattern):
            sought = f"a match of {quote(wanted.pattern)}"
        elif is_plain(wanted):
            found, sought = (quote(text) for text in apart(actual or "", text_of_plain(wanted)))
        if actual is None:
            texts.append(f"it has no label {brief(name)}, expected {sought}")
            continue
        if name == "instance" and not actual and name not in key:
            texts.append(f"it was pushed without instance, expected {sought}")
            continue
        if name in key and (own := [value for value in sent(name) if label_matches(name, wanted, value)]):
            texts.append(f"its label {brief(name)}={quote(own[0])} {OVERWRITTEN} {found}")
            continue
        where = "it is in another group:" if name in key else "label"
        encoded = name in key and is_plain(wanted) and actual.replace("+", " ") == text_of_plain(wanted)
        hint = " (in a path + is a plus: encode a space as %20)" if encoded else ""
        texts.append(f"{where} {brief(name)} is {found}, expected {sought}{hint}")
    if not expectation.value_matches(candidate.sample.value):
        texts.append(f"value is {show_value(candidate.sample.value)}, expected {show_value(expectation.value)}")
    return texts
