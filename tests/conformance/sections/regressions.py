"""Differences that random sequences found, each under a name of its own."""

from __future__ import annotations

from tests.conformance.records import Record

RECORDS: list[Record] = []
