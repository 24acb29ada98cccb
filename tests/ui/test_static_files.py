"""``respond()`` serves the page, its files and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_pushgateway.gateway.app import page as ui

STATE = ui.PageState(revision="1.2", now=2.0, start_time=1.0)
FOLDER = Path(ui.__file__).parent


def get(path: str) -> tuple[int, dict[str, str], bytes]:
    answer = ui.respond(path, lambda: STATE)
    assert answer is not None
    assert len(dict(answer.headers)) == len(answer.headers)
    return answer.status, dict(answer.headers), b"".join(answer.blocks)


@pytest.mark.parametrize("path", ["/", "/status"])
def test_page_is_served_at_both_addresses(path: str) -> None:
    status, headers, body = get(path)
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "text/html; charset=utf-8", "no-cache")
    assert body.startswith(b"<!doctype html>")
    assert b"{{" not in body


@pytest.mark.parametrize("path", ["/", "/-/state", "/static/app.js"])
def test_every_answer_confines_the_page_to_this_host(path: str) -> None:
    _, headers, _ = get(path)
    assert headers["Content-Security-Policy"].split("; ")[0] == "default-src 'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_everything_the_page_names_is_served_and_kept_for_good() -> None:
    _, _, page = get("/")
    named = re.findall(r'(?:src|href)="\.(/static/[^"]+)"', page.decode())
    assert len(named) == 4
    for path in named:
        status, headers, _ = get(path)
        assert status == 200
        assert headers["Cache-Control"] == "private, max-age=31536000, immutable"


def test_every_module_that_a_module_imports_is_served() -> None:
    for script in FOLDER.glob("*.js"):
        for imported in re.findall(r'from "\./([a-z]+\.js)"', script.read_text(encoding="utf-8")):
            assert get(f"/static/{imported}")[0] == 200


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ],
)
def test_file_without_version_is_requested_each_time(name: str, content_type: str) -> None:
    status, headers, body = get(f"/static/{name}")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, content_type, "no-cache")
    assert body == (FOLDER / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nope.js",
        "__init__.py",
        "index.html",
        "../__init__.py",
        "../../settings.py",
        "..%2f..%2fsettings.py",
        "....//settings.py",
        "/etc/passwd",
        "app.js/",
        "APP.JS",
        "app.js\0.css",
        "0123456789abcdef/app.js",
        "\\..\\settings.py",
    ],
)
def test_no_path_leads_out(name: str) -> None:
    assert ui.respond(f"/static/{name}", lambda: STATE) is None


@pytest.mark.parametrize("path", ["", "/metrics", "/index.html", "/static", "/status/", "/-/healthy", "/api/v1/status"])
def test_other_paths_are_left_to_the_gateway(path: str) -> None:
    assert ui.respond(path, lambda: STATE) is None


def test_state_is_requested_only_when_needed() -> None:
    def never() -> ui.PageState:
        raise AssertionError

    assert ui.respond("/", never) is not None
    assert ui.respond("/static/app.js", never) is not None


def test_page_weighs_less_than_100_kilobytes() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.suffix not in (".py", "")) < 100_000


def test_no_module_builds_markup_from_text() -> None:
    for script in FOLDER.glob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), (
            script
        )
