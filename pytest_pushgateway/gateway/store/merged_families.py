"""The families of a scrape, merged by name over all groups and the gateway's own metrics, in Go's order.

The store hands over what has changed since the last scrape, under its lock; sorting and rendering happen here, outside
of it, so that a big scrape holds up no push.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pytest_pushgateway.exposition import negotiation
from pytest_pushgateway.exposition.model import SIMPLE_TYPES, MetricFamily, MetricType, Mixed, RenderError
from pytest_pushgateway.exposition.negotiation import Format
from pytest_pushgateway.exposition.protobuf.text import family_text_pieces
from pytest_pushgateway.exposition.protobuf.writer import encode_head, encode_metrics, encode_part, varint
from pytest_pushgateway.exposition.text.writer import render_block, render_header, write_out
from pytest_pushgateway.gateway.store.go_runtime_names import SelfFamily
from pytest_pushgateway.gateway.store.group_state import Declared
from pytest_pushgateway.gateway.store.index import FEW, Counters, Index, Series
from pytest_pushgateway.gateway.store.rendered_blocks import Blocks, as_lines


@dataclass(slots=True, eq=False, repr=False)
class Change:
    """The present look of a family."""

    declared: Declared
    series: list[Sequence[Series]] | None
    """All of it, by group; None: as before but for ``pending``."""
    pending: dict[bytes, Series | None] = field(default_factory=dict)


def take_changes(index: Index, everything: bool) -> dict[bytes, Change | None]:
    """Take what has changed since the last scrape; None for a name that is gone. Costs the changes.

    Args:
        index: the store's, whose lock the caller holds.
        everything: take all families whole.
    """
    names = dict.fromkeys(index.names) if everything else index.touched
    index.touched = {}
    changes: dict[bytes, Change | None] = {}
    are_many = len(names) > _MANY
    for name in names:
        sole = index.sole(name) if are_many else None
        if sole is not None and len(sole.family.series) <= FEW:
            declared = exposed_as({sole.declared: 1}, index.own.get(name))
            changes[name] = Change(declared, [_series(sole.family, declared[0])])
            continue
        named = index.named(name)
        if named is None:
            changes[name] = None
            continue
        declared = exposed_as(named.declared, index.own.get(name))
        if everything or named.pending is None or len(named.types()) > 1:
            series = [_series(held.family, declared[0]) for held in named.members.values()]
            changes[name] = Change(declared, series)
        else:
            changes[name] = Change(declared, None, named.pending)
        named.pending = {}
    return changes


_MANY = 1000
"""With more names the index does not begin to keep their changed series: that would take much memory."""


def _series(family: MetricFamily, exposed_type: int) -> Sequence[Series]:
    """Return the series of a family; values that need its type to be read carry it where it is exposed as another."""
    if family.type == exposed_type or family.type not in SIMPLE_TYPES:
        return family.series
    kind = MetricType(family.type)
    return [
        (prefix, Mixed(encode_part(kind, value), {kind: value}) if isinstance(value, bytes) else value)
        for prefix, value in family.series
    ]


def exposed_as(declared: Mapping[Declared, int], own: SelfFamily | None) -> Declared:
    """Return the type and help of a merged family: an own family's, else the first declared, help if there is any.

    The original takes the first that its map gives it, another one at each scrape.
    """
    if own is not None:
        return own.type, own.help
    kinds = [kind for kind, _ in declared]
    helps = [text for _, text in declared if text is not None]
    return kinds[0], next(filter(None, helps), helps[0] if helps else None)


class Sheet:
    """One merged family."""

    __slots__ = ("blocks", "declared", "name")

    def __init__(self, name: bytes, declared: Declared, blocks: Blocks) -> None:
        self.name: bytes = name
        self.declared: Declared = declared
        self.blocks: Blocks = blocks


class MergedFamilies:
    """The sheets of all families. Used by one thread at a time."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._sheets: dict[bytes, Sheet] = {}
        self._order: list[bytes] = []

    def update(self, changes: dict[bytes, Change | None], own: list[MetricFamily]) -> None:
        """Bring the sheets up to date with what was pushed and with the gateway's own metrics as they are now."""
        exposed = {family.name: family for family in own}
        for name, change in changes.items():
            if change is None:
                self._drop(name)
            elif change.series is None:
                self._amend(self._sheets[name], change)
            else:
                self._put(Sheet(name, change.declared, Blocks.of(change.series)))
        for name, family in exposed.items():
            if name not in self._sheets:
                self._put(Sheet(name, (family.type, family.help), Blocks(())))
            self._sheets[name].blocks.update({series[0]: series for series in family.series})

    def _amend(self, sheet: Sheet, change: Change) -> None:
        if sheet.declared[0] != change.declared[0]:
            # Renderings depend on the type.
            sheet.blocks = Blocks(sheet.blocks.series())
        sheet.declared = change.declared
        sheet.blocks.update(change.pending)

    def _put(self, sheet: Sheet) -> None:
        if sheet.name not in self._sheets:
            insort(self._order, sheet.name)
        self._sheets[sheet.name] = sheet

    def _drop(self, name: bytes) -> None:
        if self._sheets.pop(name, None) is not None:
            del self._order[bisect_left(self._order, name)]

    def clear(self) -> dict[bytes, Sheet]:
        """Give away all sheets."""
        sheets, self._sheets, self._order = self._sheets, {}, []
        return sheets

    def render(self, form: Format) -> list[bytes]:
        """Return the exposition in pieces.

        As in the original, a family that cannot be written ends the body where the trouble is noticed.
        """
        renderer = _RENDERERS[form.kind](form, self._counters)
        pieces: list[bytes] = []
        try:
            for name in self._order:
                sheet = self._sheets[name]
                if sheet.blocks:
                    renderer.render(sheet, pieces)
        except RenderError as error:
            pieces.append(error.partial)
        return pieces


class _Renderer:
    def __init__(self, form: Format, counters: Counters) -> None:
        self.escaping = form.escaping
        self.cached_as = f"{form.kind} {form.escaping}"
        self.compact = form.kind == negotiation.PROTOBUF_COMPACT_TEXT
        self.counters = counters

    def render(self, sheet: Sheet, pieces: list[bytes]) -> None:
        raise NotImplementedError


class _Text(_Renderer):
    def render(self, sheet: Sheet, pieces: list[bytes]) -> None:
        kind, help_text = sheet.declared
        pieces.append(render_header(sheet.name, kind, help_text, self.escaping))
        try:
            lines_only = kind in SIMPLE_TYPES
            pieces += sheet.blocks.render(self.cached_as, partial(self._block, sheet.name, kind), lines_only)
        except RenderError:
            # Once more without blocks, for what comes before the series that cannot be written.
            series = sheet.blocks.series()
            try:
                render_block(sheet.name, kind, series, self.escaping)
            except RenderError as error:
                pieces += write_out(error.partial, series, self.escaping)
                raise RenderError(str(error)) from None
            raise

    def _block(self, name: bytes, kind: int, series: list[Series]) -> list[bytes]:
        text = as_lines(series) if kind in SIMPLE_TYPES else None
        if text is None:
            text = render_block(name, kind, series, self.escaping)
        self.counters.lines_rendered += text.count(b"\n")
        return write_out(text, series, self.escaping)


class _Delimited(_Renderer):
    def render(self, sheet: Sheet, pieces: list[bytes]) -> None:
        kind, help_text = sheet.declared
        blocks = sheet.blocks.render(self.cached_as, partial(self._block, kind))
        head = encode_head(sheet.name, kind, help_text, self.escaping)
        pieces.append(varint(len(head) + sum(map(len, blocks))) + head)
        pieces += blocks

    def _block(self, kind: int, series: list[Series]) -> list[bytes]:
        self.counters.lines_rendered += len(series)
        pieces = encode_metrics(kind, series, self.escaping)
        return [b"".join(pieces)] if len(pieces) == len(series) else pieces


class _ProtobufText(_Renderer):
    def render(self, sheet: Sheet, pieces: list[bytes]) -> None:
        # Asked for by people, not by Prometheus: rendered again each time.

        series = sheet.blocks.series()
        self.counters.lines_rendered += len(series)
        family = MetricFamily(sheet.name, *sheet.declared, series)
        pieces += family_text_pieces(family, self.escaping, compact=self.compact)


_RENDERERS: dict[str, type[_Renderer]] = {
    negotiation.TEXT: _Text,
    negotiation.PROTOBUF_DELIMITED: _Delimited,
    negotiation.PROTOBUF_TEXT: _ProtobufText,
    negotiation.PROTOBUF_COMPACT_TEXT: _ProtobufText,
}
