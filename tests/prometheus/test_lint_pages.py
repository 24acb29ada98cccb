"""The pages of the lint rules: every wrong example is found, every right one is not, and no rule lacks a page."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_pushgateway import PrometheusConfig, Settings, load
from pytest_pushgateway.prometheus import lint
from pytest_pushgateway.prometheus.problems import LINT_RULES

DOCS = Path(__file__).parents[2] / "docs" / "lint"
PAGES = sorted(DOCS.glob("PG*.md"))
BLOCK = re.compile(
    r"^<!-- (?P<kind>[a-z ]+?)(?:: (?P<options>[^\n]*?))? -->\n```(?:yaml|text)\n(?P<text>.*?)^```$", re.M | re.S
)


def read(page: Path) -> dict[str, tuple[str, dict[str, str]]]:
    return {
        found["kind"]: (found["text"], dict(one.split("=", 1) for one in (found["options"] or "").split()))
        for found in BLOCK.finditer(page.read_text(encoding="utf-8"))
    }


def check(text: str, options: dict[str, str], *, metrics: str | None = None, rules: list[Path]) -> PrometheusConfig:
    settings: dict[str, Any] = {
        name.removeprefix("gateway."): value for name, value in options.items() if name.startswith("gateway.")
    }
    gateway = SimpleNamespace(
        address="127.0.0.1:1", scheme="http", settings=Settings(**settings), scrape=lambda: SimpleNamespace(text="")
    )
    return load(
        text=text,
        files=False,
        lint=options.get("lint", "default"),
        gateway=gateway if settings else (),
        metrics=metrics,
        rules=rules,
    )


def rules_found(config: PrometheusConfig) -> set[str]:
    return {name for problem in config.problems for name in (problem.rule, problem.hint_rule) if name}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path, tmp_path: Path) -> None:
    blocks = read(page)
    metrics = blocks["metrics"][0] if "metrics" in blocks else None
    found = {}
    for kind in ("wrong", "right"):
        if kind in blocks:
            found[kind] = check(*blocks[kind], metrics=metrics, rules=[])
        else:
            path = tmp_path / f"{kind}.yml"
            path.write_text(blocks[f"{kind} rules"][0])
            found[kind] = check(*blocks["configuration"], rules=[path])
    assert page.stem in rules_found(found["wrong"])
    assert rules_found(found["right"]) == set()


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    sources = [*Path(lint.__file__).parent.glob("*.py"), *(Path(lint.__file__).parents[1] / "decode").glob("*.py")]
    named = {name for path in sources for name in re.findall(r'"(PG\d{3}b?)"', path.read_text(encoding="utf-8"))}
    assert named == {page.stem for page in PAGES} == LINT_RULES


def test_index_names_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [page.stem for page in PAGES] == sorted(re.findall(r"\| \[(PG\d{3}b?)\]", index))
