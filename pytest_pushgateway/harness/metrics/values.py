"""The one value that a push or a group has for a name and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.exposition.samples import Line, lines
from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.wording import brief, message, show_matcher, show_sample
from pytest_pushgateway.matchers import check_labels, check_name, label_matches

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.model import MetricFamily

_SHOWN = 10


def one_value(
    families: Iterable[MetricFamily],
    name: str,
    labels: Mapping[str, object] | None,
    label_values: Mapping[str, object],
    where: str,
) -> float:
    """Return the value of the one sample that has this name and these labels, perhaps among others.

    Raises:
        AssertionError: none or several match; the message shows the candidates.
        TypeError: the name or a label's matcher is of a kind that never matches.
        ValueError: the name is a selector, or otherwise not a metric's.

    """
    __tracebackhide__ = True
    held = list(families)
    check_name(name, known=lambda name: any(text_of(family.name) == name for family in held))
    wanted = check_labels(labels, label_values)
    samples = [line for family in held for line in lines(family)]
    found = [line for line in samples if line.name == name]
    matching = [
        line
        for line in found
        if all(label_matches(label, one, line.labels.get(label)) for label, one in wanted.items())
    ]
    if len(matching) == 1:
        return float(matching[0].value)
    raise AssertionError(_not_one(name, wanted, where, matching, found, samples))


def _not_one(
    name: str,
    wanted: Mapping[str, Any],
    where: str,
    matching: list[Line],
    found: list[Line],
    samples: list[Line],
) -> str:
    asked = name + (f"{{{','.join(label + show_matcher(one) for label, one in wanted.items())}}}" if wanted else "")
    if matching:
        why, shown = f"{len(matching)} match:", matching
    elif found:
        why, shown = "no sample of that name has these labels:", found
    else:
        why, shown = "there is no sample of that name", []
    names = sorted({line.name for line in samples})
    return message(
        f"expected one sample {brief(asked)} in {where}, but {why}",
        [f"  {brief(show_sample(line), 200)}" for line in shown[:_SHOWN]],
        [f"  ... and {len(shown) - _SHOWN} more"] if len(shown) > _SHOWN else [],
        [f"Names there are: {', '.join(names[:_SHOWN]) or 'none'}"] if not found else [],
    )
