"""The report of a run in a browser: found, read and opened, from a file, by eye, keyboard and phone."""

from __future__ import annotations

import http.client
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_pushgateway import Pushgateway
from pytest_pushgateway.harness.supervisor import started
from pytest_pushgateway.plugin.report import page as report_page
from pytest_pushgateway.plugin.report.collect import RunFacts
from pytest_pushgateway.plugin.report.recorder import RunRecorder
from pytest_pushgateway.recording import record
from tests.ui.browser import until, violations

pytestmark = pytest.mark.filterwarnings("ignore::pytest_pushgateway.warnings.PushgatewayWarning")

Open = Callable[..., Any]
Outcome = Literal["passed", "failed", "skipped"]
SIZE = 3_000_000
"""Bytes that the report of 500 tests may have."""


def send(gateway: Pushgateway, job: str, body: str, method: str = "PUT") -> None:
    """Send what an application would."""
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=30)
    headers = {"User-Agent": "backup/2.1", "Content-Type": "text/plain"}
    connection.request(method, f"/metrics/job/{job}", body if method != "DELETE" else None, headers)
    connection.getresponse().read()
    connection.close()


class Recorded:
    """A run whose tests happen in this process, one after the other, on workers of any name."""

    def __init__(self) -> None:
        self.recorder = RunRecorder(started)
        self.run = RunFacts("nightly-jobs", self.recorder.now())

    @contextmanager
    def test(self, name: str, worker: str = "", outcome: Outcome = "passed", text: str = "") -> Iterator[None]:
        self.recorder.begin(name)
        yield
        phases: list[tuple[Literal["setup", "call", "teardown"], Outcome]] = [
            ("setup", "passed"),
            ("call", outcome),
            ("teardown", "passed"),
        ]
        for when, result in phases:
            report = pytest.TestReport(
                name, ("test_it.py", 1, name), {}, result, text if when == "call" else None, when, duration=0.001
            )
            self.run.add(report, self.recorder.take() if when == "teardown" else None, worker)

    def write(self, folder: Path, **facts: Any) -> str:
        """Write the page and return its address."""
        file = folder / "report.html"
        shown = self.run.facts(self.recorder.now(), 0)
        file.write_text(report_page.render({**shown, **facts}), encoding="utf-8")
        return file.as_uri()


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recorded = Recorded()
    before = record(recorded.recorder)
    yield recorded
    record(before)


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway() as gateway:
        yield gateway


BACKUP = "# TYPE backup_size_bytes gauge\n" + "".join(f'backup_size_bytes{{disk="sd{c}"}} 1073741824\n' for c in "abc")
FAILURE = """    def test_reports_the_size(pushgateway):
        backup.run(pushgateway.address)
>       pushgateway.assert_exposed("backup_size_bytes", 2, job="backup")
E       AssertionError: expected backup_size_bytes{job="backup"} 2 to be exposed, but it has another value
test_backup.py:7: AssertionError
"""


@pytest.fixture
def everything(recorded: Recorded, gateway: Pushgateway) -> Recorded:
    """A run with something of everything that a report shows."""
    with recorded.test("test_backup.py::test_passes", "gw0"):
        send(gateway, "backup", BACKUP)
        gateway.scrape()
        send(gateway, "backup", "", "DELETE")
    with recorded.test("test_backup.py::test_reports_the_size", "gw1", "failed", FAILURE):
        send(gateway, "backup", BACKUP)
        send(gateway, "other", "# TYPE backup_size_bytes counter\nbackup_size_bytes 1\n")
        send(gateway, "evil", "</script><script>document.title = 'broken'</script><img src=x onerror=alert(1)>")
    with recorded.test("test_retry.py::test_retries[503-é]", "gw1"):
        with gateway.faults.error(503, times=2):
            for _ in range(3):
                send(gateway, "etl", "etl_rows 7\n")
        gateway.clock.freeze(1_767_268_800)
        gateway.clock.advance(3600)
        gateway.restart()
        gateway.clock.resume()
    with recorded.test("test_retry.py::test_without_a_gateway", "gw0"):
        pass
    recorded.run.warn("test_backup.py::test_passes", "push 1 removed backup_old_bytes")
    recorded.run.note("worker gw2 ended while it ran a test: Not properly terminated\nIts last test is lost.")
    return recorded


def names(page: Any) -> list[str]:
    found: list[str] = page.locator(".test .name").all_inner_texts()
    return [name.partition("::")[2] for name in found]


def test_failing_tests_come_first_and_open(everything: Recorded, open_page: Open, tmp_path: Path) -> None:
    page = open_page(everything.write(tmp_path))
    assert names(page)[0] == "test_reports_the_size"
    assert page.locator(".banner.danger").inner_text().startswith("worker gw2 ended while it ran a test")
    assert "3 passed, 1 failed" in page.locator(".report > .facts").first.inner_text()

    first = page.locator(".test").first
    assert first.get_by_role("img").get_attribute("aria-label") == "1 push, 2 refusals"
    first.get_by_role("button").first.click()
    assert "expected backup_size_bytes" in first.locator(".failure pre").inner_text()
    assert first.locator(".verdict").all_inner_texts() == ["200 accepted", "400 rejected", "400 rejected"]
    assert page.title() == "nightly-jobs: 1 failing, Pushgateway report"


def test_mark_opens_what_it_carried(everything: Recorded, open_page: Open, tmp_path: Path) -> None:
    page = open_page(everything.write(tmp_path))
    first = page.locator(".test").first
    first.locator(".lane .mark.refused").first.click()
    page.wait_for_selector(".request .sides")
    opened = first.locator(".request", has=page.locator(".sides"))
    assert opened.count() == 1
    assert opened.locator(".side pre").all_text_contents() == [
        "# TYPE backup_size_bytes counter\nbackup_size_bytes 1\n",
        BACKUP,
    ]
    assert opened.locator(".pill").count() == 0
    opened.locator("summary").click()
    assert "backup/2.1" in opened.locator(".plain").inner_text()
    assert "Request 2 from 127.0.0.1:" in opened.inner_text()


def test_events_are_told_in_words(everything: Recorded, open_page: Open, tmp_path: Path) -> None:
    page = open_page(everything.write(tmp_path), timezone_id="UTC")
    page.get_by_role("button", name="test_retries").click()
    assert page.locator(".event .what").all_inner_texts() == [
        "error(503), for 2 requests",
        "error(503) is over",
        "the clock is set to 2026-01-01 12:00:00 UTC",
        "the clock is set to 2026-01-01 13:00:00 UTC, +1 h",
        "the gateway was restarted",
        "the clock follows the real time again",
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("retries", ["test_retries[503-é]"]),
        ("é", ["test_retries[503-é]"]),
        ("etl_rows 503", ["test_retries[503-é]"]),
        ('sdb"', ["test_reports_the_size", "test_passes"]),
        ("onerror", ["test_reports_the_size"]),
        ("backup/2.1 etl", ["test_retries[503-é]"]),
        ("nothing-like-this", []),
    ],
)
def test_search_looks_at_everything(
    everything: Recorded, open_page: Open, tmp_path: Path, query: str, found: list[str]
) -> None:
    page = open_page(everything.write(tmp_path))
    page.keyboard.press("/")
    page.keyboard.type(query)
    assert names(page) == found
    page.reload()
    assert page.get_by_role("searchbox").input_value() == query
    assert names(page) == found


def test_filters_choose_tests(everything: Recorded, open_page: Open, tmp_path: Path) -> None:
    page = open_page(everything.write(tmp_path))
    for button, found in {
        "Failing": ["test_reports_the_size"],
        "With faults": ["test_retries[503-é]"],
        "With warnings": ["test_passes"],
        "With a gateway": ["test_reports_the_size", "test_passes", "test_retries[503-é]"],
    }.items():
        page.get_by_role("button", name=button).click()
        assert names(page) == found
    assert page.get_by_role("button", name="Run again").count() == 0


def test_overview_leads_to_tests(everything: Recorded, open_page: Open, tmp_path: Path) -> None:
    page = open_page(everything.write(tmp_path))
    assert page.locator(".worker > .meta").all_inner_texts() == ["gw0", "gw1"]
    page.locator(".worker svg").first.click(position={"x": 1, "y": 5})
    until(page, "document.activeElement.textContent.includes('test_passes')")
    assert page.locator(".test [aria-expanded=true]").count() == 1


def test_run_without_a_gateway_says_so(recorded: Recorded, open_page: Open, tmp_path: Path) -> None:
    with recorded.test("test_it.py::test_none"):
        pass
    page = open_page(recorded.write(tmp_path))
    assert page.locator(".banner").inner_text().startswith("No test of this run used a gateway")


def test_run_without_tests_says_so(recorded: Recorded, open_page: Open, tmp_path: Path) -> None:
    page = open_page(recorded.write(tmp_path))
    assert page.locator(".banner").inner_text() == "No test ran."


def test_works_without_scripts(everything: Recorded, open_page: Open, browser: Any, tmp_path: Path) -> None:
    """As some CI servers show artefacts."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(everything.write(tmp_path))
    text = page.locator("body").inner_text()
    context.close()
    assert "3 passed, 1 failed" in text
    assert "failed: test_backup.py::test_reports_the_size" in text
    assert "expected backup_size_bytes" in text


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_axe_finds_nothing(
    everything: Recorded, open_page: Open, axe: str, tmp_path: Path, width: int, theme: str
) -> None:
    page = open_page(
        everything.write(tmp_path),
        color_scheme=theme,
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
        bypass_csp=True,
    )
    for toggle in page.locator(".test h2 .toggle").all():
        toggle.click()
    for toggle in page.locator(".request .toggle").all():
        toggle.click()
    until(page, "!document.getElementById('view').textContent.includes('Loading…')")
    for summary in page.locator("summary").all():
        summary.click()
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_lanes_are_reached_by_keyboard(everything: Recorded, open_page: Open, tmp_path: Path) -> None:
    page = open_page(everything.write(tmp_path))
    page.get_by_role("button", name="Time of the run").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator(".test").first.locator(".request").count() == 3
    for _ in range(5):  # over the failure's text and its copy button
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.request .toggle')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".request .sides")


@pytest.mark.slow
def test_500_tests_over_4_workers(recorded: Recorded, gateway: Pushgateway, open_page: Open, tmp_path: Path) -> None:
    for n in range(500):
        failing: Outcome = "failed" if n % 60 == 7 else "passed"
        with recorded.test(f"test_jobs.py::test_job[{n}]", f"gw{n % 4}", failing, FAILURE if n % 60 == 7 else ""):
            for k in range(3):
                send(gateway, f"backup/instance/db{n}-{k}", BACKUP.replace("1073741824", str(n)))
            gateway.scrape()
            send(gateway, f"backup/instance/db{n}-0", "", "DELETE")
    address = recorded.write(tmp_path)
    assert (tmp_path / "report.html").stat().st_size < SIZE
    page = open_page(address, viewport={"width": 360, "height": 800})
    assert len(names(page)) == 200
    assert page.evaluate("document.querySelectorAll('*').length") < 5000
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Show 200 more of 300 tests").click()
    assert len(names(page)) == 400
    page.get_by_role("searchbox").fill("db77-1")
    assert names(page) == ["test_job[77]"]


def test_picture(everything: Recorded, open_page: Open, tmp_path: Path) -> None:
    folder = Path(os.environ.get("PUSHGATEWAY_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page = open_page(
        everything.write(tmp_path, problems=[]),
        color_scheme="light",
        viewport={"width": 1120, "height": 780},
        reduced_motion="reduce",
        timezone_id="UTC",
    )
    page.locator(".test").nth(2).locator("h2 .toggle").click()
    page.locator(".lane .mark.fault").nth(1).click()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.mouse.move(0, 0)
    assert "gateway 1" not in page.locator(".test").nth(2).inner_text()
    picture = folder / "report.png"
    page.screenshot(path=picture)
    assert 5_000 < picture.stat().st_size < 200_000
