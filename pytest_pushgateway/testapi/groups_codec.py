"""Groups as JSON: as a client reads them, and as a copy of the store in another process is made of them, exactly."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.exposition.long_strings import Long, longs_in, tokens_in, widen
from pytest_pushgateway.exposition.model import Histogram, MetricFamily, MetricType, Mixed, Native, Summary
from pytest_pushgateway.gateway.groups import StoredFamily, StoredGroup
from pytest_pushgateway.golang.strconv import format_float
from pytest_pushgateway.golang.utf8 import bytes_of, text_of

if TYPE_CHECKING:
    from pytest_pushgateway.exposition.model import Value
    from pytest_pushgateway.harness.metrics.group import Group

Json = dict[str, Any]


def group_as_json(group: Group) -> Json:
    """Return a group as the test API shows it; values are text, since JSON has no NaN."""
    return {
        "grouping_key": group.grouping_key,
        "push_time": group.push_time,
        "push_failure_time": group.push_failure_time,
        "families": [
            {
                "name": family.name,
                "type": family.type,
                "help": family.help,
                "samples": [
                    {"name": one.name, "labels": one.labels, "value": format_float(one.value).decode()}
                    for one in family.samples
                ],
            }
            for family in group.families
        ],
    }


def stored_as_json(group: StoredGroup) -> Json:
    """Return a group with all that makes it the same group in another process."""
    return {
        "key": [(text_of(name), text_of(value)) for name, value in group.key],
        "families": [
            {"pushed_at": stored.pushed_at, **_family_as_json(stored.family)} for stored in group.families.values()
        ],
        "push_time": group.push_time,
        "push_failure_time": group.push_failure_time,
    }


def stored_in(shown: Mapping[str, Any]) -> StoredGroup:
    """Return a group from its JSON."""
    families = {}
    for one in shown["families"]:
        family = _family_in(one)
        families[family.name] = StoredFamily(family, one["pushed_at"])
    key = tuple((bytes_of(name), bytes_of(value)) for name, value in shown["key"])
    return StoredGroup(key, families, shown["push_time"], shown["push_failure_time"])


def _family_as_json(family: MetricFamily) -> Json:
    return {
        "name": text_of(family.name),
        "type": int(family.type),
        "help": None if family.help is None else text_of(family.help),
        "series": [(text_of(prefix), _value_as_json(value)) for prefix, value in family.series],
        "longs": [text_of(long.raw) for long in longs_in(family.series).values()],
        "suspects": [text_of(prefix) for prefix in family.suspects],
    }


def _family_in(shown: Mapping[str, Any]) -> MetricFamily:
    longs = {long.token: long for long in (Long(bytes_of(raw)) for raw in shown["longs"])}

    def prefix_in(text: str) -> bytes:
        prefix = bytes_of(text)
        tokens = tokens_in(prefix) if longs else ()
        return widen(prefix, {token: longs[token] for token in tokens}) if tokens else prefix

    return MetricFamily(
        bytes_of(shown["name"]),
        shown["type"],
        None if shown["help"] is None else bytes_of(shown["help"]),
        [(prefix_in(prefix), _value_in(value)) for prefix, value in shown["series"]],
        [prefix_in(prefix) for prefix in shown["suspects"]],
    )


def _value_as_json(value: Value) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Mixed):
        parts = {int(kind): _value_as_json(part) for kind, part in value.parts.items()}
        return {"raw": base64.b64encode(value.raw).decode(), "parts": parts}
    if isinstance(value, Summary):
        return {"summary": [_number(number) for pair in value.quantiles for number in pair], **_totals(value)}
    native = value.native
    return {
        "histogram": [_number(number) for pair in value.buckets for number in pair],
        **_totals(value),
        "native": None if native is None else _native_as_json(native),
        "whole_count": value.whole_count,
    }


def _value_in(shown: Any) -> Value:
    if isinstance(shown, str):
        return shown.encode()
    if "raw" in shown:
        parts = {MetricType(int(kind)): _value_in(part) for kind, part in shown["parts"].items()}
        return Mixed(base64.b64decode(shown["raw"]), parts)  # type: ignore[arg-type]
    totals = {
        "count": _number_in(shown["count"]),
        "sum": float(shown["sum"]),
        "has_count": shown["has_count"],
        "has_sum": shown["has_sum"],
    }
    if "summary" in shown:
        return Summary(quantiles=_pairs_in(shown["summary"]), **totals)
    native = None if shown["native"] is None else _native_in(shown["native"])
    return Histogram(buckets=_pairs_in(shown["histogram"]), native=native, whole_count=shown["whole_count"], **totals)


def _totals(value: Summary | Histogram) -> Json:
    count, total = _number(value.count), repr(value.sum)
    return {"count": count, "sum": total, "has_count": value.has_count, "has_sum": value.has_sum}


def _native_as_json(native: Native) -> Json:
    return {
        "schema": native.schema,
        "zero_threshold": repr(native.zero_threshold),
        "zero_count": _number(native.zero_count),
        "negative": [_number(number) for pair in native.negative for number in pair],
        "positive": [_number(number) for pair in native.positive for number in pair],
    }


def _native_in(shown: Mapping[str, Any]) -> Native:
    return Native(
        shown["schema"],
        float(shown["zero_threshold"]),
        _number_in(shown["zero_count"]),
        _pairs_in(shown["negative"]),
        _pairs_in(shown["positive"]),
    )


def _number(number: float) -> int | str:
    """Return a whole number as it is, and one that Python calls a float as text."""
    return number if isinstance(number, int) else repr(number)


def _number_in(shown: int | str) -> Any:
    return shown if isinstance(shown, int) else float(shown)


def _pairs_in(flat: Sequence[int | str]) -> list[tuple[Any, Any]]:
    return [(_number_in(one), _number_in(other)) for one, other in zip(flat[::2], flat[1::2], strict=True)]
