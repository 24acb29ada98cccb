"""Pushed metrics that Prometheus does not have: gone before it looked, or never there."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.golang.utf8 import bytes_of, text_of
from pytest_pushgateway.harness.journal.requests import Push, Request, name_of
from pytest_pushgateway.harness.matching import SUFFIXES
from pytest_pushgateway.harness.messages.history import ending
from pytest_pushgateway.harness.metrics.family import OWN_GAUGES
from pytest_pushgateway.harness.wording import brief

if TYPE_CHECKING:
    from pytest_pushgateway.harness.journal.journal import Notes

SHOWN = 5


def became(
    names: Collection[str], requests: Sequence[Request], interval: float, start: float | None, notes: Notes
) -> list[str]:
    """Return what became of pushes that carried metrics of some names, the last first.

    Args:
        names: the metrics', or the words of an alert's expression.
        requests: those of the test.
        interval: seconds between two scrapes.
        start: Unix time of a scrape, if it is known when they are; else a push that is gone within one interval may
            never have been seen.
        notes: what may have kept pushes from the gateway.

    """
    pushes = [entry for entry in requests if isinstance(entry, Push)]
    lines: list[str] = []
    families = _families(names)
    own = [name for name in families if name in OWN_GAUGES]  # which every accepted push has
    for push in reversed(pushes):
        carried = [name for name in families if name in push._parsed] or (own if push.accepted else [])
        later, end = ending(push, requests, carried) if carried else (None, None)
        if end is not None and len(lines) < SHOWN:
            shown = ", ".join(brief(text_of(name), 60) for name in carried[:SHOWN])
            mine = ", sent by the test itself," if push.origin == "test" else ""
            seen = "" if later is None else _seen(push.at, later.at, interval, start)
            lines.append(f"  {name_of(push)}{mine} carried {shown} and {end}{seen}")
    if lines:
        return ["What became of it:", *lines]
    accepted = any(push.accepted for push in pushes)
    if (own and accepted) or any(name in push._parsed for push in pushes for name in families):
        return []
    if not accepted:
        came = "nothing was pushed to the gateway" if not pushes else "no push to the gateway was accepted"
        return [*notes.first, f"{came} in this test", *notes.last]
    there = sorted({text_of(name) for push in pushes if push.accepted for name in push._parsed})
    return [f"no push of this test carried it; pushed were: {', '.join(brief(name, 60) for name in there[:8])}"]


def _families(names: Collection[str]) -> list[bytes]:
    """Return the names of the families that may hold samples of these names."""
    found = dict.fromkeys(bytes_of(name) for name in sorted(names))
    for name in sorted(names):
        for suffix in SUFFIXES:
            if name.endswith(suffix):
                found[bytes_of(name[: -len(suffix)])] = None
    return list(found)


def _seen(came: float, went: float, interval: float, start: float | None) -> str:
    """Return how long something was there, if that was too short for a scrape; else an empty string."""
    stood = went - came
    if not 0 <= stood < interval:
        return ""
    end = f", {stood:.3g} s later, within one scrape interval of {interval:g} s"
    if start is None:
        return f"{end}: Prometheus may never see it"
    next_scrape = start + math.ceil((came - start) / interval - 1e-9) * interval
    return f"{end}: Prometheus never sees it" if next_scrape >= went else ""
