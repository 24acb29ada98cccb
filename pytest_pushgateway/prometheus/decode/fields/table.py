"""The table of fields: the sections and fields that each release of Prometheus has, and their Go types.

``table.json`` is made from the Go structs of each release by ``tests/prometheus/fields_table.py``. An entry of it is a
value that all releases have, or a list of spans: value, first release, last release.
"""

from __future__ import annotations

import json
import pkgutil
from functools import lru_cache

from pytest_pushgateway.prometheus.values import reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

HTTP_CLIENT = "config.HTTPClientConfig"
"""The struct whose fields are inline in a scrape job and wherever else an HTTP client is configured."""


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """Return the content of ``table.json``."""
    text = pkgutil.get_data(__package__, "table.json")
    found: dict[str, Any] = json.loads(text or b"")
    return found


def releases() -> list[str]:
    """Return the releases that the table knows, oldest first."""
    known: list[str] = table()["releases"]
    return known


def spans(entry: Any) -> Iterator[tuple[str, str, str]]:
    """Return value, first and last release of each span of an entry of the table; ``""`` is an open end."""
    if isinstance(entry, str):
        yield entry, "", ""
    else:
        yield from entry


def at(entry: Any, version: str) -> str | None:
    """Return the value of an entry of the table in ``version``."""
    for value, first, last in spans(entry):
        if (not first or reaches(version, first)) and (not last or reaches(last, version)):
            return value
    return None


def life(entry: Any, version: str) -> str:
    """Return when a field that ``version`` lacks came, or went: ``"since 3.8"``, ``"until 2.55"``."""
    known = list(spans(entry))
    for _, first, _ in known:
        if first and not reaches(version, first):
            return f"since {first}"
    return f"until {known[-1][2]}"


@lru_cache(maxsize=8)
def client_names() -> frozenset[str]:
    """Return the names of all fields of an HTTP client, of any release."""
    return frozenset(table()["structs"][HTTP_CLIENT]["fields"])


def discoveries(version: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the struct of each service discovery that ``version`` has, and since when others are there."""
    known, others = {}, {}
    for key, entry in table()["discoveries"].items():
        name = at(entry, version)
        if name is not None:
            known[key] = name
        else:
            others[key] = life(entry, version)
    return known, others
