"""The text of a `LostPushWarning`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.exposition.samples import lines
from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.journal.losses import Loss, own_labels
from pytest_pushgateway.harness.journal.requests import Push, name_of
from pytest_pushgateway.harness.messages.listing import count
from pytest_pushgateway.harness.wording import KEY, brief, quote

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.labels import Labels
    from pytest_pushgateway.exposition.model import MetricFamily

NAMES = 5
SERIES = 2


def lost(found: Iterable[Loss]) -> list[tuple[Push, str]]:
    """Return a text for each cause of losses, with the first push that caused one.

    One cause is a group that PUTs of other families empty, or families of a group whose pushes differ in the same
    labels.
    """
    families: dict[tuple[Labels | None, bytes | bool], list[Loss]] = {}
    for loss in found:
        families.setdefault((loss.push._request.key, loss.replaced and loss.family.name), []).append(loss)
    causes: dict[object, list[Loss]] = {}
    for (key, name), alike in families.items():
        labels: frozenset[str] = frozenset().union(*(loss.labels for loss in alike))
        causes.setdefault((key, bool(name), labels), []).extend(loss._replace(labels=labels) for loss in alike)
    return [(alike[0].push, _text(alike)) for alike in causes.values()]


def _text(alike: Sequence[Loss]) -> str:
    push = alike[0].push
    first = [loss for loss in alike if loss.push is push]
    others = list(dict.fromkeys(name_of(loss.push) for loss in alike if loss.push is not push))
    more = ""
    if others:
        counted = "" if len(others) == 1 else f"{count(len(others), 'more push')}, the last "
        more = f"; so did {counted}{others[-1]}"
    return _replaced(push, first, more) if alike[0].replaced else _removed(push, first, more)


def _removed(push: Push, found: Sequence[Loss], more: str) -> str:
    owners: dict[str, list[str]] = {}
    for loss in found:
        owners.setdefault(name_of(loss.earlier), []).append(_name(loss))
    names = "; ".join(f"{list_names(names)}, which {who} had brought" for who, names in owners.items())
    return (
        f"{name_of(push)} removed {names}, and does not carry them itself: PUT replaces the whole group{more}. To keep "
        "them use POST (pushadd_to_gateway) or another grouping key; if the loss is intended, add "
        f"pushgateway.assert_not_exposed({_name(found[0])!r}), or filter LostPushWarning"
    )


def _replaced(push: Push, found: Sequence[Loss], more: str) -> str:
    loss = found[0]
    labels = sorted(loss.labels)
    after = next(family for family in push._parsed.values() if family.name == loss.family.name)
    others = f" (and all series of {list_names([_name(each) for each in found[1:]])})" if len(found) > 1 else ""
    lost, kept = (_series(each, labels) for each in (loss.family, after))
    key = ", ".join(f"{label!r}: ..." for label in labels)
    old = own_labels(lines(loss.family)[0].labels)
    absent = {label: old[label] for label in labels if label in old}
    said = f", labels={absent}" if absent and len(repr(absent)) <= KEY else ""
    return (
        f"{name_of(push)} replaced {lost}, which {name_of(loss.earlier)} had brought, with {kept}{others}: a push, "
        f"POST too, replaces all series of a metric that it carries{more}. To keep both put {' and '.join(labels)} "
        f"into the grouping key: grouping_key={{{key}}}; if the loss is intended, add "
        f"pushgateway.assert_not_exposed({_name(loss)!r}{said}), or filter LostPushWarning"
    )


def _series(family: MetricFamily, labels: Sequence[str]) -> str:
    """Return the first series of a family, by the labels that matter: ``rows{worker="1"} and 2 more``."""
    found: dict[str, None] = {}
    for line in lines(family):
        pairs = ",".join(f"{label}={quote(line.labels[label])}" for label in labels if label in line.labels)
        found[f"{text_of(family.name)}{{{pairs}}}" if pairs else text_of(family.name)] = None
    shown = [brief(text) for text in found][:SERIES]
    return " and ".join(shown) + (f" and {len(found) - SERIES} more" if len(found) > SERIES else "")


def _name(loss: Loss) -> str:
    return text_of(loss.family.name)


def list_names(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    shown = ", ".join(names[:NAMES])
    return f"{shown} and {len(names) - NAMES} more" if len(names) > NAMES else shown
