"""Reports at a test's end: warnings, the section of a failing test, the run's summary."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.journal.requests import Delete, Push, Request, name_of
from pytest_pushgateway.harness.messages.history import poisoner, strays
from pytest_pushgateway.harness.messages.listing import KEPT, count
from pytest_pushgateway.harness.messages.losses import list_names, lost
from pytest_pushgateway.harness.messages.rejections import by_cause, rejection
from pytest_pushgateway.harness.metrics.family import OWN_GAUGES
from pytest_pushgateway.harness.wording import brief, shorten, show_key
from pytest_pushgateway.warnings import (
    LostPushWarning,
    PoisonedGatewayWarning,
    PushgatewayWarning,
    RejectedPushWarning,
    UnusedFaultWarning,
    UselessDeleteWarning,
)

if TYPE_CHECKING:
    from pytest_pushgateway.gateway.groups import Poison, StoredGroup
    from pytest_pushgateway.harness.faults.faults import Fault
    from pytest_pushgateway.harness.journal.losses import Loss

Finding = tuple[type[PushgatewayWarning], str]
"""A warning that a test should give: its category and its text."""

NAMES = 5
PUSHES = 10
GROUPS = 10
LOG_LINES = 20


def findings(
    noted: Iterable[Request],
    losses: Iterable[Loss],
    requests: Sequence[Request],
    unused: Sequence[Fault],
    poison: Poison | None,
    prefix: str,
) -> list[Finding]:
    """Return the warnings for the noteworthy ones among the requests, losses, unused faults and a poisoned gateway.

    Requests with one cause make one warning, however many they are.
    """
    noted = list(noted)
    found: list[tuple[int, Finding]] = []
    refused = [push for push in noted if isinstance(push, Push) and push.rejected and not push._expected]
    for alike in by_cause(refused, requests):
        found.append((alike[0]._order, (RejectedPushWarning, rejected(alike, requests))))
    found += [(push._order, (LostPushWarning, text)) for push, text in lost(losses)]
    for push in noted:
        text = _emptied(push) if isinstance(push, Push) else None
        if text is not None:
            found.append((push._order, (LostPushWarning, text)))
    for deletions in _useless_deletions(noted):
        found.append((deletions[0]._order, (UselessDeleteWarning, _useless(deletions, requests))))
    found.sort(key=lambda each: each[0])
    due = [finding for _, finding in found]
    due += [(UnusedFaultWarning, _unused(fault)) for fault in unused]
    culprits = _culprits(poison, requests) if poison is not None else []
    if poison is not None and any(push.origin == "application" and not push._expected for push in culprits):
        due.append((PoisonedGatewayWarning, poisoned(poison, requests, prefix)))
    return due


def _useless_deletions(noted: Iterable[Request]) -> list[list[Delete]]:
    """Return the deletions that a test should hear of, those of the same path and answer together."""
    found: dict[object, list[Delete]] = {}
    for entry in noted:
        if isinstance(entry, Delete) and not (
            entry.matched or entry._answered_by_fault or entry._expected or entry._followed_by is not None
        ):
            found.setdefault((entry.status, entry.path), []).append(entry)
    return list(found.values())


def _culprits(poison: Poison, requests: Sequence[Request]) -> list[Push]:
    keys = poison.cure or poison.groups
    pushes = [entry for entry in requests if isinstance(entry, Push) and entry._request.key in keys]
    return [push for push in pushes if push.rejected] or pushes


def rejected(alike: Sequence[Push], requests: Sequence[Request]) -> str:
    """Return the text of a `RejectedPushWarning` for pushes that were rejected for one reason."""
    text = "; ".join(line.strip() for line in rejection(alike, requests))
    return f"{text}. If the test expects it, add pushgateway.assert_rejected({_arguments(alike)})"


def unheard(numbers: Sequence[int]) -> Finding:
    """Return the warning for rejected pushes that the journal has dropped."""
    names = list_names([f"push {number}" for number in numbers])
    return RejectedPushWarning, (
        f"rejected, but no longer in the journal: {names}; {KEPT}. To see why, raise that option; if the test "
        "expects it, add pushgateway.assert_rejected() earlier"
    )


def failed(test: str, url: str) -> Finding:
    """Return the warning for a gateway that served nobody any more after a test, and was started again."""
    return PushgatewayWarning, (
        f"the gateway stopped serving after {test or 'the start of the run'}: something closed its "
        f"descriptors or ended its threads. It was started again, at {url}; let that test close only what it has opened"
    )


def _emptied(redirected: Push) -> str | None:
    """Return the text of a `LostPushWarning` for a push behind a fault's redirect that the client sent no body to."""
    later = redirected._followed_by
    if later is None or not redirected._emptied or redirected.rejected:
        return None
    end = "the group is empty now" if later.method == "PUT" else "nothing was stored"
    return (
        f"{name_of(later)} has no body: the client followed the redirect of {name_of(redirected)} without it, was "
        f"answered {later.status}, and {end}. If intended, filter LostPushWarning"
    )


def _useless(alike: Sequence[Delete], requests: Sequence[Request]) -> str:
    deletion, more = alike[0], len(alike) - 1
    so = f" (so {'was' if more == 1 else 'were'} {count(more, 'more deletion')})" if more else ""
    if deletion._refused:
        why = f": {shorten(deletion.error)}" if deletion._missed and deletion.error else ": nothing was deleted"
        return (
            f"{name_of(deletion)} was answered {deletion.status}{so}{why}. If the test expects it, add "
            f"pushgateway.assert_rejected(method='DELETE', {_arguments(alike)})"
        )
    so = f" (nor did {count(more, 'more deletion')})" if more else ""
    return (
        f"{name_of(deletion)} matched no group{so}: a DELETE takes the exact grouping key, and is answered 202 either "
        f"way{_pushed_groups(deletion, requests)}. If intended, filter UselessDeleteWarning"
    )


def _pushed_groups(deletion: Delete, requests: Sequence[Request]) -> str:
    """Return the groups of the deletion's job that were pushed before it, if any: one of them may be meant."""
    before = [entry for entry in requests if isinstance(entry, Push) and entry._order < deletion._order]
    keys = [push.grouping_key for push in before if push.accepted and push.job == deletion.job]
    found = dict.fromkeys(f"({brief(show_key(key), 80)})" for key in keys if key != deletion.grouping_key)
    return f"; pushed before were {list_names(list(found))}" if found else ""


def _unused(fault: Fault) -> str:
    met = "no request" if not fault.hits else f"{fault.hits} of {fault.times} requests"
    return f"the fault {fault.name} met {met}. If intended, filter UnusedFaultWarning"


def poisoned(poison: Poison, requests: Sequence[Request], prefix: str) -> str:
    """Return the text of a `PoisonedGatewayWarning`: what is in conflict, since which push, and what cures it."""
    makers = [maker for each in poison.collisions if (maker := poisoner(each.keys, requests)) is not None]
    who = f" since {name_of(min(makers, key=lambda push: push._order))}" if makers else ""
    cure = " and ".join(f"DELETE {prefix}{path}" for path in poison.paths[:NAMES])
    return (
        f"the gateway is poisoned{who}: what it holds contradicts itself, so it refuses every push with 400 and every "
        f"scrape fails with 500 ({shorten(poison.error)}). A rejected push leaves its group behind. "
        + (f"Cure: {cure}" if cure else "Only a restart without its file cures it")
        + "; if intended, filter PoisonedGatewayWarning"
    )


def issue(found: Sequence[Finding], filename: str, line: int, module: str | None) -> None:
    """Issue warnings as from a place in the tests; those that a filter makes errors are gathered into one.

    Raises:
        PushgatewayWarning: a filter made errors of some.

    """
    __tracebackhide__ = True
    errors = []
    for category, text in found:
        try:
            warnings.warn_explicit(text, category, filename, line, module)
        except PushgatewayWarning as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        lines = "".join(f"\n- {type(error).__name__}: {error}" for error in errors)
        raise PushgatewayWarning(f"{len(errors)} warnings:{lines}")


def section(
    title: str,
    requests: Sequence[Request],
    history: Sequence[Request],
    dropped: int,
    faults: Iterable[Fault],
    groups: Sequence[StoredGroup],
    poison: Poison | None,
    prefix: str,
    log: Sequence[tuple[str, str, dict[str, object]]],
) -> list[str]:
    """Return the lines that a failing test shows of one gateway.

    ``requests`` are those of the test, and ``history`` all that may explain them.
    """
    pushes = [entry for entry in requests if isinstance(entry, Push)]
    others = len(requests) - len(pushes)
    lines = [f"{title}: {count(len(pushes), 'push')} and {count(others, 'other request')} in this test"]
    if dropped:
        lines.append(f"  the journal dropped {count(dropped, 'request')}, the oldest: {KEPT}")
    lines += _pushes(pushes, history)
    for entry in requests:
        if isinstance(entry, Delete):
            matched = "matched a group" if entry.matched else "matched no group"
            matched = "nothing was deleted" if entry.status >= 400 and not entry.matched else matched
            lines.append(f"  {name_of(entry)}, {entry.outcome}: {matched}")
    lines += [f"  {name_of(entry)}, {entry.outcome}" for entry in strays(requests)[-PUSHES:]]
    lines += [f"  {repr(fault)[1:-1]}" for fault in faults]
    lines.append(f"  holds {count(len(groups), 'group')}{':' if groups else ''}")
    for group in groups[:GROUPS]:
        names = [brief(text_of(name), 60) for name in group.families if name not in OWN_GAUGES]
        key = brief(show_key({text_of(n): text_of(v) for n, v in group.key}))
        lines.append(f"    {key}: {list_names(names) or 'no metrics'}")
    if len(groups) > GROUPS:
        lines.append(f"    ... and {len(groups) - GROUPS} more")
    if poison is not None:
        lines.append(f"  {poisoned(poison, history, prefix)}")
    lines += [f"  log: {shorten(line, 300)}" for line in _log(log, pushes)[-LOG_LINES:]]
    return lines


def _log(log: Sequence[tuple[str, str, dict[str, object]]], pushes: Sequence[Push]) -> list[str]:
    """Return the lines of the gateway's log, without those that repeat a push's rejection."""
    told = {push.error for push in pushes if push._refused and push.error}
    lines = []
    for level, message, fields in log:
        why = str(fields.get("hint") or fields.get("err") or message)
        if not any(text == why or text.endswith((f": {why}", f"; {why}")) for text in told):
            lines.append(" ".join([level, message, *(f"{name}={value!r}" for name, value in fields.items())]))
    return lines


def _pushes(pushes: Sequence[Push], requests: Sequence[Request]) -> list[str]:
    """Return the last pushes as the section shows them; those rejected for one reason are one entry."""
    alike = {id(group[0]): group for group in by_cause((push for push in pushes if push.rejected), requests)}
    shown = [push for push in pushes if not push.rejected or id(push) in alike]
    lines = [f"  ... {count(len(shown) - PUSHES, 'earlier push')}"] if len(shown) > PUSHES else []
    for push in shown[-PUSHES:]:
        if push.rejected:
            lines += rejection(alike[id(push)], requests)
            continue
        mine = ", sent by the test itself" if push.origin == "test" else ""
        names = [brief(text_of(name), 60) for name in push._parsed]
        what = list_names(names) or ("no metrics" if push.accepted else "nothing stored")
        if push._followed_by is not None:
            what = f"Location {shorten(push.location or '')}, followed by {name_of(push._followed_by)}"
        lines.append(f"  {name_of(push)}{mine}, {push.outcome}: {what}")
    return lines


def summary(rows: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the run's table: pushes, rejections, deletions, bytes and the slowest push of each test, then of all."""
    table = [("test", "pushes", "rejected", "deletions", "bytes", "slowest push")]
    total = [0.0, 0.0, 0.0, 0.0, 0.0]
    for test in sorted(rows):
        row = rows[test]
        total = [*(a + b for a, b in zip(total[:4], row[:4], strict=True)), max(total[4], row[4])]
        table.append(_row(test, row))
    table.append(_row(f"{len(rows)} tests", total))
    widths = [max(len(line[column]) for line in table) for column in range(6)]
    return [
        "  ".join(
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]


def _row(title: str, numbers: Sequence[float]) -> tuple[str, str, str, str, str, str]:
    pushes, rejected_, deletions, bodies = (str(int(number)) for number in numbers[:4])
    return title, pushes, rejected_, deletions, bodies, f"{numbers[4] * 1000:.1f} ms"


def _arguments(alike: Sequence[Request]) -> str:
    jobs = {entry.job for entry in alike}
    job = [f"job={alike[0].job!r}"] if len(jobs) == 1 and alike[0].job else []
    return ", ".join([f"status={alike[0].status}", *job])
