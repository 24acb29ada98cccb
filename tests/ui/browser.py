"""Debian's Chromium and axe-core, where they are to be had."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

AXE = "axe-core@4.14.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pytest-pushgateway-tests"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(reason: str) -> None:
    """Skip, or fail where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; with CI=true the page's tests are required", pytrace=False)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Any]:
    """Run Chromium without a window."""
    executable = shutil.which("chromium")
    if executable is None:
        missing("no chromium on the PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the Python package playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


def axe_source() -> str:
    """Return the text of axe-core, fetched once through npm and kept in the user's cache."""
    archive = CACHE / f"{AXE.replace('@', '-')}.tgz"
    if not archive.is_file():
        npm = shutil.which("npm")
        if npm is None:
            missing("no npm to fetch axe-core with")
        CACHE.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([str(npm), "pack", AXE], cwd=CACHE, capture_output=True, text=True, timeout=120)
        if done.returncode:
            missing(f"npm cannot fetch {AXE}: {done.stderr.strip()[-200:]}")
    with tarfile.open(archive) as content:
        script = content.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def violations(page: Any, axe: str) -> list[str]:
    """Return what axe-core finds on the page as it stands, one line a violation."""
    page.evaluate(axe)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{item['id']}: {json.dumps([node['html'] for node in item['nodes']][:3])}" for item in found]


def until(page: Any, expression: str) -> None:
    """Wait until a JavaScript expression holds in the page, for at most 10 seconds.

    Playwright's own wait_for_function() evaluates text inside the page, which the page's policy forbids.
    """
    holds = page.evaluate(
        f"""() => new Promise((done) => {{
            const limit = performance.now() + 10000;
            const check = () => {{
                if ({expression}) done(true);
                else if (performance.now() > limit) done(false);
                else requestAnimationFrame(check);
            }};
            check();
        }})"""
    )
    assert holds, f"not within 10 s: {expression}\n{page.locator('body').inner_text()}"
