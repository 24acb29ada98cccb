"""Invented requests over raw sockets, to ours and to a peer: the same answers, byte for byte but for what is random.

The peers: Debian's build of the original as it is, the same build with the rules of Go 1.25, and Go's standard library.
Each meets our program with its own rules. ``--count`` is for each peer; a peer that is not there is named as not there.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance import gotool, normalise
from tests.conformance.wire import Answer, parse_answers
from tests.stress.bounds import Bounds, Figures
from tests.stress.http_fuzz import Hang, exchange_raw
from tests.stress.requests_to_invent import invented
from tests.stress.requests_to_mutate import request
from tests.stress.served import Served
from tests.wire import GO_1_25

COUNT = 100_000
SECONDS = 7200.0
BLOCK = 25
"""Requests between two wipes."""
TRIES = 40
"""How often a block is played again before a difference counts: Go's answers depend on the order of its maps, and a
reset connection may take an answer with it."""

_HERE = Path(__file__).parents[1] / "conformance"
_WIPE = request(b"PUT", b"/api/v1/admin/wipe", b"Connection: close")
_EMPTY = request(b"GET", b"/api/v1/metrics", b"Connection: close")
_CONNECTION = re.compile(r"Connection: (?:close|keep-alive)\n")
_LENGTH = re.compile(r"Content-Length: \d+\n")
_OLDER = re.compile(rb"(?i)(?:://|connect )[^/ ?]+\[|content-length:[ \t]*\r?\n")
"""Hosts that Go takes up to 1.25; a length without a value, which Debian's build does not always take for 0."""
_REFUSED_TRAILER = b"malformed MIME header"
"""Quoted since Go 1.26.4."""
_OWN_REFUSALS = (403, 413, 414, 431)
"""A browser that asks for a name which the gateway does not have, and our limits; the original answers none of them."""
_PAGE = re.compile(rb"(?i)static|debug|/-/state|get [^ ]{0,30}/(?:status)?[? ]")


@dataclass
class _Duel:
    name: str
    ours: Served
    theirs: Served
    gateway: bool
    sent: int = 0
    differences: list[str] = field(default_factory=list)

    def close(self) -> None:
        self.ours.kill()
        self.theirs.kill()


def _duels(go_directory: Path) -> tuple[list[_Duel], list[str]]:
    duels, absent = [], []
    flags = ("--web.enable-admin-api", "--persistence.file=")
    binary = os.environ.get("PUSHGATEWAY_BINARY")
    if binary:
        assets = Path(binary).resolve().parent.parent / "share" / "prometheus" / "pushgateway"
        page = [f"--web.local-assets={assets}"] if assets.is_dir() else []
        for name, godebug, build in (("as built", "", "21"), ("as Go 1.25", GO_1_25, "25")):
            ours = Served(*flags, "--web.max-headers=100000", command=[sys.executable, str(_HERE / "ours.py"), build])
            theirs = Served(*flags, *page, command=["env", f"GODEBUG={godebug}", binary])
            duels.append(_Duel(name, ours.wait(), theirs.wait(), gateway=True))
    else:
        absent.append("PUSHGATEWAY_BINARY does not name a file")
    try:
        go = Served(command=[str(gotool.build(go_directory))])
        echo = Served(command=[sys.executable, str(_HERE / "echo.py")])
        duels.append(_Duel("Go's standard library", echo.wait(), go.wait(), gateway=False))
    except gotool.NoGo as problem:
        absent.append(str(problem))
    return duels, absent


def _play(block: list[bytes], port: int, *, gateway: bool) -> list[list[Answer]]:
    if gateway:
        exchange_raw(port, _WIPE)
        while not exchange_raw(port, _EMPTY).endswith(b'"data":[]}'):
            pass  # the original wipes behind its answer
    return [parse_answers(exchange_raw(port, raw)) for raw in block]


def compare(raw: bytes, ours: list[Answer], theirs: list[Answer], *, gateway: bool) -> bool:
    """Compare the answers to some requests, up to the differences of docs/deviations.md."""
    if gateway and (_PAGE.search(raw) or _OLDER.search(raw)):
        return True
    if b"HTTP/1.0" in raw and b"keep-alive" in raw and b"close" in raw.lower():
        return True  # both are asked for: in Go it depends on who has read the body by then
    if len(theirs) < len(ours) and ours[len(theirs)].status == 400:
        ours = ours[: len(theirs)]  # a panic, or a reset that took the answer
    if gateway and any(_REFUSED_TRAILER in answer.body for answer in theirs):
        return [answer.status for answer in ours] == [answer.status for answer in theirs]
    mine, original = _shown(ours), _shown(theirs)
    refusal = next((at for at, one in enumerate(ours) if one.status in _OWN_REFUSALS), None)
    if refusal is not None:
        mine, original = mine[:refusal], original[:refusal]
    if b"transfer-encoding" in raw.lower():
        if gateway and raw.startswith(b"HEAD"):
            # A refused trailer, whose text HEAD does not show.
            mine, original = ([_LENGTH.sub("", one) for one in shown] for shown in (mine, original))
        # Where its end could be seen elsewhere too, ours closes, and the original goes on.
        original = original[: max(1, len(mine))]
        mine, original = ([_CONNECTION.sub("", one) for one in shown] for shown in (mine, original))
    return mine == original


def _shown(answers: list[Answer]) -> list[str]:
    shown = [normalise.describe(answer) for answer in answers]
    if shown:
        # Our side has ended: whether the last answer announces the end of the connection does not matter.
        shown[-1] = _CONNECTION.sub("", shown[-1])
    return shown


def _differing(block: list[bytes], duel: _Duel) -> list[int]:
    """Return which requests of a block get other answers, even when the block is played again."""
    left: set[int] = set(range(len(block)))
    for _ in range(TRIES):
        with suppress(Hang, OSError):
            ours = _play(block, duel.ours.port, gateway=duel.gateway)
            theirs = _play(block, duel.theirs.port, gateway=duel.gateway)
            for number, (raw, mine, other) in enumerate(zip(block, ours, theirs, strict=True)):
                if compare(raw, mine, other, gateway=duel.gateway):
                    left.discard(number)
                if duel.gateway and len(mine) != len(other):
                    # What only one of them has carried out shows in every scrape from here on.
                    left -= set(range(number + 1, len(block)))
                    break
        if not left:
            break
    return sorted(left)


def run(bounds: Bounds) -> Figures:
    duels, absent = _duels(
        Path(os.environ.get("GOHTTP_DIRECTORY", _HERE.parents[1] / ".pytest_cache" / "d" / "gohttp"))
    )
    broken: list[str] = []
    try:
        for number in bounds.rounds():
            if number * BLOCK >= bounds.count:
                break
            block = [invented(bounds.random) for _ in range(min(BLOCK, bounds.count - number * BLOCK))]
            for duel in duels:
                duel.sent += len(block)
                for at in _differing(block, duel):
                    raw = block[at]
                    shown = raw if len(raw) < 600 else raw[:400] + b"..." + raw[-200:]
                    duel.differences.append(repr(shown))
                if not duel.ours.alive():
                    broken.append(f"{duel.name}: ours has crashed")
        for duel in duels:
            broken += duel.ours.trouble()
    finally:
        for duel in duels:
            duel.close()
    return {
        "requests": {duel.name: duel.sent for duel in duels},
        "differing": {duel.name: len(duel.differences) for duel in duels},
        "differences": [f"{duel.name}: {one}" for duel in duels for one in duel.differences][:40],
        "not_there": absent,
        "broken": (broken + [f"{duel.name}: {one}" for duel in duels for one in duel.differences])[:40],
    }
