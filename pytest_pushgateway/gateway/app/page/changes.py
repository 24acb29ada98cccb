"""Groups, requests and state that changed since the page last asked.

The page gets a *token* with each answer and sends it with the next question. Everything that can change carries the
number of the look at the gateway that found it changed, and an answer holds what has a higher number than the token. A
token of another gateway, or of one that has forgotten too much, gets everything.

An answer is lines of JSON, so that the page can show the beginning while the rest is on its way:

1. an object: ``token``, ``now``, ``whole`` (whether what is known before is to be forgotten), ``gone`` (the numbers of
   groups that were deleted), ``requests`` (the new ones), ``oldest`` (the number of the first that is still listed),
   ``groups`` (how many follow), ``state`` if it changed, and if it is whole also ``status``, as the API has it, and
   ``page``, the digest of the page's files;
2. an array of the groups: number, labels, times of the last push and the last failure, and why it failed;
3. a line for each of them: ``n``, ``families`` as the API has them, those that changed, and ``whole`` if there are no
   others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pytest_pushgateway import threads
from pytest_pushgateway.exposition import packing
from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.gateway.app.json_api import WrittenFamily, WrittenGroup
from pytest_pushgateway.gateway.app.page.assets import assets
from pytest_pushgateway.gateway.app.page.state import PageState, compact, lasting, listed, pairs
from pytest_pushgateway.gateway.app.recent_requests import Failure
from pytest_pushgateway.gateway.groups import PUSH_TIMES
from pytest_pushgateway.golang.jsontext import string
from pytest_pushgateway.golang.strconv import format_float

_TOKEN = re.compile(r"([0-9a-f]{12})\.([0-9]{1,15})\.([0-9]{1,15})")
_GONE = 1000
"""How many deleted groups are remembered."""
_KEPT_PACKED = 8 << 20
"""Bytes of a compressed answer that is kept for the next page that asks."""


class Update(NamedTuple):
    """An answer to the page, in two parts: the first is short and can be shown without the second."""

    head: bytes
    groups: list[bytes]
    whole: bool
    state: str
    """Identifies the groups of a whole answer."""


class _Known:
    """A group as pages know it."""

    __slots__ = ("failure", "families", "number", "version", "whole_since", "written")

    def __init__(self, number: int, version: int) -> None:
        self.number = number
        self.version = version
        self.whole_since = version
        """The last version that removed a family, or added the group."""
        self.written: WrittenGroup | None = None
        self.failure: Failure | None = None
        self.families: dict[bytes, tuple[WrittenFamily, int]] = {}

    def learn(self, written: WrittenGroup, failure: Failure | None, version: int) -> None:
        """Take note of the group as it is now."""
        before, self.families = self.families, {}
        for name, family in written.families.items():
            if name in PUSH_TIMES:
                continue
            old = before.get(name)
            self.families[name] = old if old is not None and old[0][0] is family[0] else (family, version)
        if not before.keys() <= self.families.keys():
            self.whole_since = version
        self.written, self.failure, self.version = written, failure, version


class Changes:
    """Finds the changes that a page has not seen.

    Args:
        written: gives the groups as the JSON API writes them.
        status: build and flags as the JSON API shows them.
    """

    def __init__(self, written: Callable[[], Mapping[Labels, WrittenGroup]], status: bytes) -> None:
        self._written = written
        self._status = status
        self._lock = threads.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop everything that is known; every page gets everything with its next question."""
        with self._lock:
            self._boot = os.urandom(6).hex()
            self._version = 0
            self._number = 0
            self._revision: str | None = None
            self._groups: dict[Labels, _Known] = {}
            """In the order of their versions."""
            self._gone: dict[int, int] = {}
            """Numbers of deleted groups with the version that found them gone, oldest first."""
            self._forgotten = 0
            """Deletions up to this version are forgotten."""
            self._state: dict[str, Any] = {}
            self._state_version = 0
            self._packed: tuple[str, list[bytes]] | None = None

    def since(self, token: str, state: PageState) -> Update:
        """Return what changed since the answer that had a token; everything if it is not one that is known.

        Args:
            token: from the last answer to the same page; empty if there was none.
            state: the gateway's, read just before; if another thread has seen a later one, the next call corrects it.
        """
        with self._lock:
            self._look(state)
            version, number = self._read(token)
            whole = version < 0
            changed = list(self._newest_first(version))[::-1]
            seen = f"{self._boot}.{self._version}"
            first: dict[str, Any] = {
                "token": f"{seen}.{state.requests[-1].number if state.requests else number}",
                "now": state.now,
                "whole": whole,
                "gone": [] if whole else [gone for gone, found in self._gone.items() if found > version],
                "requests": [listed(request) for request in state.requests if request.number > number],
                "oldest": state.requests[0].number if state.requests else None,
                "groups": len(changed),
            }
            if whole:
                first["page"] = assets().digest
            if self._state_version > version:
                first["state"] = self._state
            head = compact(first)
            if whole:
                head = head[:-1] + b',"status":' + self._status + b"}"
            groups = [block for known in changed for block in _families(known, version)]
            head += b"\n" + (compact([_group(known) for known in changed]) + b"\n" if changed else b"")
            return Update(head, groups, whole, seen)

    def pack(self, update: Update) -> list[bytes]:
        """Return an answer with gzip; the groups of a whole one are compressed once for all pages."""
        kept = self._packed
        if update.whole and kept is not None and kept[0] == update.state:
            groups = kept[1]
        else:
            groups = packing.deflated(update.groups)
            if update.whole and sum(map(len, groups)) <= _KEPT_PACKED:
                self._packed = update.state, groups
        return packing.as_gzip([update.head, *update.groups], [*packing.deflated([update.head]), *groups])

    def _look(self, state: PageState) -> None:
        """Find what is not as it was; the lock is held."""
        version = self._version + 1
        if state.revision != self._revision:
            self._revision = state.revision
            written = self._written()
            for key, group in written.items():
                self._look_at(key, group, state.failures.get(key), version)
            if len(self._groups) > len(written):
                for key in [key for key in self._groups if key not in written]:
                    self._gone[self._groups.pop(key).number] = version
                    self._version = version
            while len(self._gone) > _GONE:
                self._forgotten = self._gone.pop(next(iter(self._gone)))
        members = lasting(state)
        if members != self._state:
            self._state = members
            self._state_version = self._version = version

    def _look_at(self, key: Labels, written: WrittenGroup, failure: Failure | None, version: int) -> None:
        known = self._groups.get(key)
        if known is not None and known.written is written and known.failure == failure:
            return
        if known is None:
            self._number += 1
            known = _Known(self._number, version)
        else:
            del self._groups[key]
        known.learn(written, failure, version)
        self._groups[key] = known
        self._version = version

    def _read(self, token: str) -> tuple[int, int]:
        """Return the version and the number of the last request that a page knows; -1 and 0 if it knows nothing."""
        found = _TOKEN.fullmatch(token)
        if found is None or found[1] != self._boot:
            return -1, 0
        version, number = int(found[2]), int(found[3])
        return (version, number) if self._forgotten <= version <= self._version else (-1, 0)

    def _newest_first(self, version: int) -> Iterator[_Known]:
        """Yield the groups that changed after a version. Costs those alone."""
        for known in reversed(self._groups.values()):
            if known.version <= version:
                return
            yield known


def _group(known: _Known) -> list[Any]:
    assert known.written is not None
    group, failure = known.written.group, known.failure
    times = [format_float(seconds).decode() for seconds in (group.push_time, group.push_failure_time)]
    return [known.number, pairs(group.key), *times, None if failure is None else failure.error]


def _families(known: _Known, version: int) -> list[bytes]:
    """Return the line of a group with the families that changed after a version."""
    whole = known.whole_since > version
    blocks = [b'{"n":%d,%b"families":{' % (known.number, b'"whole":true,' if whole else b"")]
    comma = b""
    for name, (family, found) in known.families.items():
        if whole or found > version:
            blocks += (comma + string(name) + b":", *family[1])
            comma = b","
    return [*blocks, b"}}\n"]
