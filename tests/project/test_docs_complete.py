"""The documentation names everything that is public, is current where it is generated, and links to what is there."""

from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import pytest_pushgateway
from pytest_pushgateway import (
    Clock,
    Delete,
    Family,
    Fault,
    Faults,
    Group,
    LintProblem,
    PrometheusConfig,
    PrometheusServer,
    Push,
    Pushgateway,
    Request,
    RuleTest,
    Scrape,
    ScrapeResult,
    load,
)
from pytest_pushgateway.settings import OPTIONS

from . import snippets

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [page for page in DOCS.rglob("*.md") if "_build" not in page.parts]
REPOSITORY_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]

CLASSES = [Pushgateway, Request, Push, Delete, Group, Family, Scrape, Faults, Fault, Clock, LintProblem]
PROMETHEUS_CLASSES = [PrometheusConfig, ScrapeResult, RuleTest, PrometheusServer]


def members(documented: object) -> list[str]:
    return [name for name in dir(documented) if not name.startswith("_")]


def named(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def explained(*pages: str) -> str:
    return "\n".join((DOCS / page).read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("name", pytest_pushgateway.__all__)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    assert named(name, explained("api.md"))


@pytest.mark.parametrize("documented", CLASSES, ids=lambda one: one.__name__)
def test_every_member_of_test_objects_is_explained(documented: type) -> None:
    text = explained("gateway.md", "fixtures.md")
    assert [name for name in members(documented) if not named(name, text)] == []


@pytest.mark.parametrize("documented", PROMETHEUS_CLASSES, ids=lambda one: one.__name__)
def test_every_member_of_prometheuss_side_has_a_docstring(documented: type) -> None:
    assert named(documented.__name__, explained("api.md"))
    assert [name for name in members(documented) if not getattr(documented, name).__doc__] == []


@functools.cache
def run_by_the_tests() -> str:
    """Return all code of the documentation that the tests run."""
    found = [block for page in [ROOT / "README.md", *PAGES] for block in snippets.blocks(page)]
    return "\n".join(block.text for block in found if not block.not_run and block.language in ("python", "ini"))


@pytest.mark.parametrize("documented", CLASSES, ids=lambda one: one.__name__)
def test_every_member_of_test_objects_has_an_example(documented: type) -> None:
    assert [name for name in members(documented) if not named(name, run_by_the_tests())] == []


def test_every_warning_and_option_has_an_example() -> None:
    warnings = {name for name in pytest_pushgateway.__all__ if name.endswith("Warning")} - {"PushgatewayWarning"}
    options = [name for name in OPTIONS if not name.startswith("max_") and not name.endswith("_timeout")]
    assert len(warnings) == 6
    missing = [name for name in [*warnings, *options] if not named(name, run_by_the_tests())]
    assert [name for name in missing if not named(f"pushgateway_{name}", run_by_the_tests())] == []


def test_extra_members_of_a_configuration_are_explained() -> None:
    explained_beside_them = {"promtool", "when_missing"}
    beyond = set(members(load(text="{}"))) - set(members(PrometheusConfig)) - explained_beside_them
    assert {name for name in beyond if not named(name, PrometheusConfig.__doc__ or "")} == set()


def test_extra_members_of_an_object_are_explained() -> None:
    text = explained("gateway.md", "fixtures.md")
    with Pushgateway() as gateway:
        fault = gateway.faults.error(503, when=lambda request: False)
        held = [gateway, gateway.clock, gateway.faults, fault, gateway.push("a 1\n", job="j"), gateway.scrape()]
        fault.hits = 1
        assert {name for one in held for name in members(one) if not named(name, text)} == set()


def test_every_fixture_is_explained() -> None:
    plugin = (ROOT / "pytest_pushgateway" / "plugin" / "fixtures.py").read_text(encoding="utf-8")
    fixtures = re.findall(r"^@pytest\.fixture.*?\ndef (\w+)\(", plugin, re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^## (\w+)$", explained("fixtures.md"), re.MULTILINE)
    assert len(fixtures) == 7
    assert set(fixtures) <= set(headings)


def test_every_warning_is_explained() -> None:
    text = explained("warnings.md")
    assert [name for name in pytest_pushgateway.__all__ if name.endswith("Warning") and not named(name, text)] == []


def generator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_of_options_is_current() -> None:
    page = (DOCS / "options.md").read_text(encoding="utf-8")
    assert generator("options_table").with_table(page) == page, "run python docs/options_table.py"


def test_reference_in_markdown_is_current() -> None:
    written = generator("api_page").page((DOCS / "api_site.md").read_text(encoding="utf-8"))
    assert explained("api.md") == written, "run python docs/api_page.py"


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    listed = {"index"}
    for above, chapters in generator("conf").CHAPTERS.items():
        folder = (DOCS / above).parent
        for name in " ".join(chapters.values()).split():
            listed |= {str(page.relative_to(DOCS).with_suffix("")) for page in folder.glob(f"{name}.md")}

    assert {str(page.relative_to(DOCS).with_suffix("")) for page in PAGES} - {"api_site"} == listed


def links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not link.startswith(("https://", "http://", "mailto:"))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*REPOSITORY_PAGES, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_existing_targets(page: Path) -> None:
    broken = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_quickstart_takes_fifteen_lines() -> None:
    """The code under test and its test, with the lines that name the files and the empty ones."""
    code = [block for block in snippets.blocks(DOCS / "quickstart.md") if block.language == "python"]
    ends = next(number for number, block in enumerate(code) if block.fails)
    assert [block.file_name for block in code[:ends]] == ["backup.py", "test_backup.py"]
    assert sum(len(block.text.splitlines()) for block in code[:ends]) <= 15


def test_pre_commit_hook_is_the_described_release() -> None:
    assert f"\n    rev: v{pytest_pushgateway.__version__}\n" in explained("command-line.md")


def test_repository_has_one_address() -> None:
    """A fork has to change it in as many places as this finds; a typing error would lead to somebody else."""
    written = "".join(page.read_text(encoding="utf-8") for page in [*REPOSITORY_PAGES, *PAGES, ROOT / "pyproject.toml"])
    assert set(re.findall(r"https://github\.com/[\w-]+/pytest-pushgateway\b", written)) == {
        "https://github.com/pytest-pushgateway/pytest-pushgateway"
    }


def test_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# The page's title\n\n[a](other.md) [b](#the-pages-title) [c](#elsewhere)\n", encoding="utf-8")
    assert links(page) == ["other.md", "#the-pages-title", "#elsewhere"]
    assert anchors(page) == {"the-pages-title"}
