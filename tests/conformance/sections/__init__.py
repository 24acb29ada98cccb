"""The records, one module a section; each has ``RECORDS``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from tests.conformance.records import Record

NAMES = (
    "urls",
    "bodies_text",
    "bodies_folding",
    "bodies_encodings",
    "bodies_protobuf",
    "utf8_names",
    "scrapes",
    "consistency",
    "api_admin_lifecycle",
    "prefix",
    "web_config",
    "logs",
    "persistence",
    "regressions",
)


def load() -> Mapping[str, list[Record]]:
    """Return the records of every section."""
    return {name: importlib.import_module(f"tests.conformance.sections.{name}").RECORDS for name in NAMES}
