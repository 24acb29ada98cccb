"""A browser for the page's tests, and a stage that plays the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.ui import browser as programs
from tests.ui.stage import Stage

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with programs.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def axe() -> str:
    return programs.axe_source()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a fresh browser profile: no cookies, no storage, no cache.

    Whatever the test, the page must write no error to the console (a refusal by the Content-Security-Policy is one)
    and must ask no other host.
    """
    contexts: list[Any] = []
    complaints: list[str] = []
    own: set[str] = set()
    asked: set[str] = set()

    def host(url: str) -> str:
        return urlsplit(url).netloc.rpartition("@")[2]

    def complain(message: Any) -> None:
        # Chromium logs failed requests by itself: an outage is part of some tests.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def open_page(url: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"a dialog of the browser: {dialog.message}"))
        page.on("request", lambda request: asked.add(host(request.url)))
        own.add(host(url))
        page.goto(url)
        page.wait_for_selector("#view > div")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert asked <= own


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage
