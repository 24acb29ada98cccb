"""The pictures of the documentation; ``PUSHGATEWAY_PICTURES=docs/images`` in the environment renews them."""

from __future__ import annotations

import math
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway import Pushgateway

Open = Callable[..., Any]

NOON = 1_767_268_800.0  # 2026-01-01 12:00 UTC
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def histogram(name: str, labels: str, centre: float) -> str:
    total, lines = 0, []
    for i, bound in enumerate(BOUNDS):
        total += round(400 * math.exp(-(((i - centre) / 2.1) ** 2)))
        lines.append(f'{name}_bucket{{{labels},le="{bound}"}} {total}\n')
    return "".join(lines) + f"{name}_sum{{{labels}}} {total * 0.31:.2f}\n{name}_count{{{labels}}} {total + 3}\n"


BACKUP = (
    "# HELP backup_size_bytes Size of the newest backup of each disk.\n# TYPE backup_size_bytes gauge\n"
    'backup_size_bytes{disk="sda"} 10737418240\nbackup_size_bytes{disk="sdb"} 7516192768\n'
    'backup_size_bytes{disk="sdc"} 1288490188\n'
    "# HELP backup_files_total Files copied.\n# TYPE backup_files_total counter\nbackup_files_total 184227\n"
    "# HELP backup_last_success_timestamp_seconds When the last backup ended well.\n"
    "# TYPE backup_last_success_timestamp_seconds gauge\nbackup_last_success_timestamp_seconds 1767268740\n"
    "# HELP backup_step_duration_seconds How long each step took.\n# TYPE backup_step_duration_seconds histogram\n"
    + histogram("backup_step_duration_seconds", 'step="copy"', 5)
    + histogram("backup_step_duration_seconds", 'step="verify"', 3.5)
    + "# HELP backup_storage_seconds Calls of the storage service.\n# TYPE backup_storage_seconds summary\n"
    'backup_storage_seconds{quantile="0.5"} 0.031\nbackup_storage_seconds{quantile="0.9"} 0.11\n'
    'backup_storage_seconds{quantile="0.99"} 0.42\n'
    "backup_storage_seconds_sum 412.25\nbackup_storage_seconds_count 9310\n"
)


def send(gateway: Pushgateway, path: str, body: str) -> None:
    """Push as an application does, whether it is accepted or not."""
    request = urllib.request.Request(f"{gateway.url}/metrics/job/{path}", body.encode(), method="PUT")
    with suppress(urllib.error.HTTPError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway(enable_admin_api=True) as gateway:
        gateway.clock.freeze(NOON - 3600)
        gateway.stop()
        gateway.start()
        for job, instance in [("deploy", "web-1"), ("deploy", "web-2"), ("etl", "worker-7"), ("reindex", "search-1")]:
            gateway.clock.advance(600)
            body = f"# TYPE {job}_runs_total counter\n{job}_runs_total 12\n{job}_duration_seconds 84.2\n"
            send(gateway, f"{job}/instance/{instance}", body)
        gateway.clock.advance(1100)
        send(gateway, "backup/instance/db1.example.com", BACKUP)
        gateway.clock.advance(60)
        # The same family with another type: refused, and the group shows why.
        send(gateway, "etl/instance/worker-8", "# TYPE etl_runs_total gauge\netl_runs_total 13\n")
        send(gateway, "etl", "etl_rows_total")
        gateway.clock.advance(12)
        gateway.scrape()
        gateway.assert_rejected()
        yield gateway


@pytest.mark.parametrize(
    ("name", "view", "theme", "width", "opened"),
    [
        ("page-light", "metrics", "light", 1120, True),
        ("page-dark", "metrics", "dark", 1120, True),
        ("page-groups", "metrics", "light", 1120, False),
        ("page-requests", "requests", "light", 1120, False),
        ("page-status", "status", "dark", 1120, False),
        ("page-phone", "metrics", "dark", 390, True),
    ],
)
def test_picture(
    gateway: Pushgateway,
    open_page: Open,
    tmp_path: Path,
    name: str,
    view: str,
    theme: str,
    width: int,
    opened: bool,
) -> None:
    folder = Path(os.environ.get("PUSHGATEWAY_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page = open_page(
        f"{gateway.url}/#{view}",
        color_scheme=theme,
        viewport={"width": width, "height": 780},
        reduced_motion="reduce",
        timezone_id="UTC",
    )
    if opened:
        page.locator(".group-head .toggle").first.click()
        page.wait_for_selector(".bars")
        page.evaluate("document.activeElement.blur()")
        page.mouse.move(0, 0)
    picture = folder / f"{name}.png"
    page.screenshot(path=picture)
    assert 5_000 < picture.stat().st_size < 200_000
