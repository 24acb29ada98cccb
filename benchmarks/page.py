"""Measure the web page and the original's in Chromium: bytes on the wire, time to the first group, elements.

``python -m benchmarks.page`` prints the table, ``--save`` keeps it in benchmarks/results/page.md. Both hold the same
groups of 100 series. "Slow" is a line of 50 kB/s with 300 ms from each request to its answer, as Chromium's developer
tools make it. Each figure is the median of three loads with an empty cache; on the slow line the original loads once.
``PUSHGATEWAY_BINARY`` names the original; Debian's build serves its page only where the files of its package are
installed.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.servers import Server, pair

RESULTS = Path(__file__).with_name("results") / "page.md"
SERIES = (5_000, 20_000)
LOADS = 3
SLOW = {"offline": False, "latency": 300, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
IDLE = 10
"""Seconds of watching an idle page."""

FIRST_GROUP = """
new Promise((done) => {
  const look = () => {
    const found = document.body && /(job|instance)="?(fill|00000)/.test(document.body.innerText);
    if (found) requestAnimationFrame(() => done(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
})
"""

EVERYTHING = """
new Promise((done) => {
  const look = () => {
    const facts = document.querySelector(".facts"); // of our page
    if (document.readyState === "complete" && (!facts || facts.textContent.includes("series"))) done();
    else setTimeout(look, 20);
  };
  look();
})
"""


class Load(NamedTuple):
    """One load of a page."""

    first_group: float
    """Seconds from the start of the navigation."""
    last_byte: float
    """Seconds until everything is there."""
    bytes: int
    """On the wire, with headers."""
    elements: int


class Wire:
    """Counts the bytes that a page receives."""

    def __init__(self, page: Any) -> None:
        self.sizes: dict[str, int] = {}
        """Bytes by request."""
        self._ended: set[str] = set()
        self.last = time.perf_counter()
        self.session = page.context.new_cdp_session(page)
        self.session.send("Network.enable")
        self.session.on("Network.responseReceived", lambda event: self._add(event, event["response"]))
        self.session.on("Network.dataReceived", lambda event: self._add(event, event))
        self.session.on("Network.loadingFinished", self._end)

    @property
    def bytes(self) -> int:
        """All that was received, with heads."""
        return sum(self.sizes.values())

    def _add(self, event: dict[str, Any], part: dict[str, Any]) -> None:
        request = event["requestId"]
        if request not in self._ended:
            self.sizes[request] = self.sizes.get(request, 0) + int(part["encodedDataLength"])
        self.last = time.perf_counter()

    def _end(self, event: dict[str, Any]) -> None:
        # Where a request is seen to end, its length is exact; of a body that a script reads in pieces it is not seen.
        self._ended.add(event["requestId"])
        self.sizes[event["requestId"]] = int(event["encodedDataLength"])
        self.last = time.perf_counter()

    def slow_down(self) -> None:
        self.session.send("Network.emulateNetworkConditions", SLOW)


def load(browser: Any, url: str, *, slow: bool, then: Callable[[Any, Wire], None] | None = None) -> Load:
    """Open the page in a fresh profile."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(120_000)
        wire = Wire(page)
        if slow:
            wire.slow_down()
        page.add_init_script(f"globalThis.firstGroup = {FIRST_GROUP}")
        began = time.perf_counter()
        page.goto(url, wait_until="commit")
        first = page.evaluate("firstGroup") / 1000
        page.evaluate(EVERYTHING)
        page.wait_for_timeout(300)
        result = Load(first, wire.last - began, wire.bytes, page.evaluate("document.querySelectorAll('*').length"))
        if then is not None:
            then(page, wire)
        return result
    finally:
        context.close()


def median(loads: list[Load]) -> Load:
    columns = zip(*loads, strict=True)
    return Load(*(statistics.median(column) for column in columns))


def reload(browser: Any, url: str) -> int:
    """Return the bytes of a second load with the first one's cache."""
    sizes: list[int] = []

    def again(page: Any, wire: Wire) -> None:
        before = wire.bytes
        page.reload()
        page.evaluate(FIRST_GROUP)
        page.evaluate(EVERYTHING)
        page.wait_for_timeout(300)
        sizes.append(wire.bytes - before)

    load(browser, url, slow=False, then=again)
    return sizes[0]


def after_push(browser: Any, server: Server) -> tuple[int, int]:
    """Return the bytes that our page receives for a push of one series, and in an idle second."""
    found: list[int] = []

    def watch(page: Any, wire: Wire) -> None:
        page.wait_for_timeout(1500)
        before = wire.bytes
        page.wait_for_timeout(IDLE * 1000)
        found.append((wire.bytes - before) // IDLE)
        server.request("POST", "/metrics/job/fill/instance/00000", b"pushed_now 7\n")
        known = set(wire.sizes)
        page.wait_for_timeout(4000)
        found.append(max(size for request, size in wire.sizes.items() if request not in known))

    load(browser, f"http://{server.address}/", slow=False, then=watch)
    return found[1], found[0]


def rows(browser: Any, series: int) -> list[str]:
    with pair(series) as (ours, go):
        found: dict[tuple[bool, bool], Load] = {}
        for slow in (False, True):
            for original, server in ((False, ours), (True, go)):
                url = f"http://{server.address}/"
                # A load of the original's takes minutes on the slow line, and the line decides.
                count = 1 if slow and original else LOADS
                loads = [load(browser, url, slow=slow) for _ in range(count)]
                found[slow, original] = median(loads)
        pushed, idle = after_push(browser, ours)
        lines = []
        name = f"{series:,} series"
        ours_fast, go_fast = found[False, False], found[False, True]
        lines.append(f"| {name}: bytes on the wire | {ours_fast.bytes:,} | {go_fast.bytes:,} |")
        lines.append(f"| {name}: elements | {ours_fast.elements:,} | {go_fast.elements:,} |")
        for slow, line in ((False, "this machine"), (True, "slow line")):
            ours_load, go_load = found[slow, False], found[slow, True]
            lines.append(
                f"| {name}: first group, {line} | {ours_load.first_group:.2f} s | {go_load.first_group:.2f} s |"
            )
            lines.append(f"| {name}: last byte, {line} | {ours_load.last_byte:.2f} s | {go_load.last_byte:.2f} s |")
        again = [reload(browser, f"http://{server.address}/") for server in (ours, go)]
        lines.append(f"| {name}: bytes of a second load | {again[0]:,} | {again[1]:,} |")
        # The original's page shows a push when it is loaded again.
        lines.append(f"| {name}: bytes after a push of one series | {pushed:,} | {again[1]:,} |")
        lines.append(f"| {name}: bytes in an idle second | {idle:,} | 0, and nothing new is seen |")
        return lines


def main() -> None:
    """Measure, print, and keep with ``--save``."""
    from playwright.sync_api import sync_playwright

    from tests.ui.browser import ARGUMENTS

    table = ["| | ours | Go's |", "|---|---|---|"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for series in SERIES:
            table += rows(browser, series)
        browser.close()
    print("\n".join(table))
    if "--save" in sys.argv:
        RESULTS.write_text("\n".join(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
