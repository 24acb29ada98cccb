"""Mutated requests over raw sockets: no crash, no hang, no traceback, and no 500 that the original does not give.

Blocks of requests begin with a wiped gateway. Some blocks, and each in which ours answered 500, go to the original as
well, where ``PUSHGATEWAY_BINARY`` names it; the statuses of its answers must be ours.
"""

from __future__ import annotations

import os
import re
import select
import socket
import sys
import time
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from pytest_pushgateway.gateway.builds import Build
from tests.stress.bounds import Bounds, Figures
from tests.stress.requests_to_mutate import mutated, request
from tests.stress.served import Served

COUNT = 100_000
SECONDS = 3600.0
BLOCK = 50
COMPARED = 10
"""One block of this many goes to the original."""
HANG = 15.0
"""Seconds after which silence is a hang: both sides of the connection know that nothing more is sent."""

_STATUS = re.compile(rb"(?:^|(?<=\n)|(?<=[^ ]))HTTP/1\.[01] (\d{3}) ")
_WIPE = request(b"PUT", b"/api/v1/admin/wipe", b"Connection: close")
_OWN_LIMITS = {"403", "413", "414", "431"}
"""Answers to what is too much for ours, or comes from a page of another site; the original has others, or none."""
_OURS = Path(__file__).parents[1] / "conformance" / "ours.py"
"""Ours with the rules of a build of the original."""


_ALLOWED = {
    # The page of Debian's build of the original, which lacks its templates.
    ("200", "500"),
    # After a chunked body that is broken the original reads on in its midst; ours has closed.
    (None, "400"),
    # A text over which the original's handler panics; the connection then ends without an answer.
    ("400", None),
}


class Hang(Exception):
    """Neither an answer nor an end."""


def exchange(port: int, raw: bytes) -> tuple[str, ...]:
    """Send the bytes, end our side, and return the statuses of all answers. Raises Hang."""
    statuses = (match.decode() for match in _STATUS.findall(exchange_raw(port, raw)))
    return tuple(status for status in statuses if status != "100")


def exchange_raw(port: int, raw: bytes) -> bytes:
    """Send the bytes, end our side, and return all that comes back. Raises Hang."""
    received, sent, view = b"", 0, memoryview(raw)
    with socket.create_connection(("127.0.0.1", port), timeout=HANG) as sock:
        sock.setblocking(False)
        poll = select.poll()
        poll.register(sock, select.POLLIN | select.POLLOUT)
        deadline = time.monotonic() + HANG
        while True:
            if time.monotonic() > deadline or not (ready := poll.poll(HANG * 1000)):
                raise Hang
            try:
                if ready[0][1] & (select.POLLIN | select.POLLHUP | select.POLLERR):
                    data = sock.recv(1 << 20)
                    if not data:
                        break
                    received += data
                if sent < len(raw) and ready[0][1] & select.POLLOUT:
                    sent += sock.send(view[sent:])
                if sent == len(raw):
                    sent += 1
                    poll.modify(sock, select.POLLIN)
                    sock.shutdown(socket.SHUT_WR)
            except BlockingIOError:
                continue
            except OSError:
                break  # reset, perhaps after an answer
    return received


def exchange_all(port: int, block: list[bytes]) -> list[tuple[str, ...]]:
    exchange(port, _WIPE)
    return [exchange(port, raw) for raw in block]


def differences(block: list[bytes], ours: list[tuple[str, ...]], theirs: list[tuple[str, ...]]) -> list[str]:
    """Say where the statuses differ, up to the first answer that a limit of ours gives."""
    found = []
    for raw, mine, original in zip(block, ours, theirs, strict=True):
        shared = next((at for at, status in enumerate(mine) if status in _OWN_LIMITS), None)
        if not original and mine[:1] == ("400",):
            continue  # it closed before all had been sent, and the reset took its answer
        if b"transfer-encoding" in raw.lower():
            # Where its end could be seen elsewhere too, ours closes, and the original goes on.
            original = original[: max(1, len(mine))]
        pairs = list(zip_longest(mine[:shared], original[:shared]))
        if any(pair[0] != pair[1] and pair not in _ALLOWED for pair in pairs):
            shown = raw if len(raw) < 600 else raw[:400] + b"..." + raw[-200:]
            found.append(f"{shown!r}: ours {' '.join(mine)}, the original {' '.join(original)}")
    return found


def run(bounds: Bounds) -> Figures:
    binary = os.environ.get("PUSHGATEWAY_BINARY")
    # As many headers as the original takes; else a request refused here alone would make the states differ.
    served = Served(
        "--web.enable-admin-api",
        "--web.max-headers=100000",
        command=[sys.executable, str(_OURS), str(int(Build.DEBIAN))],
    ).wait()
    original = None
    if binary:
        original = Served("--web.enable-admin-api", "--persistence.file=", command=[binary]).wait()
    sent = compared = answers = internal_errors = 0
    broken: list[str] = []
    differing: list[str] = []
    slowest = 0.0
    try:
        for number in bounds.rounds():
            if number * BLOCK >= bounds.count:
                break
            block = [mutated(bounds.random) for _ in range(min(BLOCK, bounds.count - sent))]
            began = time.monotonic()
            try:
                ours = exchange_all(served.port, block)
            except (Hang, OSError) as problem:
                broken.append(f"block {number}: {problem!r}")
                if not served.alive():
                    break
                continue
            slowest = max(slowest, time.monotonic() - began)
            sent += len(block)
            answers += sum(map(len, ours))
            failed = sum(statuses.count("500") for statuses in ours)
            internal_errors += failed
            if original is not None and (failed or number % COMPARED == 0):
                compared += len(block)
                found = differences(block, ours, exchange_all(original.port, block))
                if found:
                    # A reset connection may take an answer with it: only what comes again is one.
                    with suppress(Hang, OSError):
                        again = differences(block, exchange_all(served.port, block), exchange_all(original.port, block))
                        differing += [one for one in again if one in found]
            elif failed:
                broken.append(f"block {number}: {failed} answers 500, and no original to compare with")
        broken += [] if served.alive() else ["crashed"]
        broken += served.trouble()
    finally:
        served.kill()
        if original is not None:
            original.kill()
    return {
        "requests": sent,
        "answers": answers,
        "answers_500": internal_errors,
        "compared_with_original": compared,
        "differing": len(differing),
        "differences": differing[:20],
        "slowest_block_seconds": round(slowest, 2),
        "broken": (broken + [line for line in differing if "ours 500" in line])[:20],
    }
