"""Files that are not configurations: one clear line each, in bounded time and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_pushgateway import load
from tests.work import peak_of


def only(text: str | bytes, **options: object) -> str:
    config = load(text=text, path="p.yml", **options)  # type: ignore[arg-type]
    (problem,) = [one for one in config.problems if one.severity == "error"]
    return str(problem)


def test_not_yaml() -> None:
    assert only("scrape_configs: [") == "p.yml:2:1: error: yaml: did not find expected node content"


def test_not_utf8() -> None:
    assert only(b"# caf\xe9\na: b\n") == "p.yml:1:6: error: yaml: invalid trailing UTF-8 octet"


@pytest.mark.slow
def test_fifty_megabytes() -> None:
    text = b"# comment\n" * 5_000_000
    said: list[str] = []
    assert peak_of(lambda: said.append(only(text))) < 10_000_000
    assert said == ["p.yml: error: yaml: the document is larger than 8388608 bytes, more are not read"]


def test_large_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "p.yml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    (problem,) = load(path).problems
    assert "larger than 8388608 bytes" in problem.message


DEEP = {
    "[[": ("[" * 100_000, "1:501"),
    "[{": ("[{" * 50_000, "1:501"),
    "{a: ": ("{a: " * 100_000, "1:2001"),
    "{[": ("a:\n " + "{[" * 50_000, "2:501"),
    "- ": ("- " * 100_000, "1:1001"),
    "? ": ("? " * 100_000, "1:1001"),
    "? then [": ("? " * 100 + "[" * 100_000, "1:601"),
    "[ in lines": ("[\n" * 100_000, "501:1"),
    "behind letters of two bytes": ("ä: " + "[" * 2_000, "1:503"),
    "indented": ("".join(f"{' ' * i}a:\n" for i in range(900)), "501:501"),
}


@pytest.mark.parametrize(("text", "place"), DEEP.values(), ids=DEEP)
def test_deep_nesting(text: str, place: str) -> None:
    """The same words and place, whatever limit the installed PyYAML's libyaml has and however far it reads ahead."""
    assert only(text) == f"p.yml:{place}: error: yaml: more than 500 levels of nesting"


def test_deep_nesting_where_another_error_comes_first() -> None:
    """A key on a line's first column must end within 1,024 characters; newer libyaml meets its limit before that."""
    assert only("a:\n" + "{[" * 50_000) in (
        "p.yml:2:1000: error: yaml: more than 500 levels of nesting",
        "p.yml:2:1026: error: yaml: could not find expected ':'",
    )


def test_allowed_deep_nesting_adds_no_error() -> None:
    assert "field a not found" in only("a: " + "[" * 499 + "]" * 499)


@pytest.mark.slow
def test_aliases_that_explode() -> None:
    rules = "\n".join("    - {target_label: x}" for _ in range(1000))
    jobs = "\n".join(f"- {{job_name: j{number}, relabel_configs: *r}}" for number in range(2000))
    text = f"scrape_configs:\n- job_name: a\n  relabel_configs: &r\n{rules}\n{jobs}\n"
    assert "document contains excessive aliasing" in only(text)


def test_billion_laughs() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    config = load(text="\n".join(lines))
    assert len(config.problems) == 30
    text = "\n".join(lines) + "\nscrape_configs: *a29\n"
    assert "cannot unmarshal !!seq into config.ScrapeConfig" in {one.message for one in load(text=text).problems}


def test_anchor_contains_itself() -> None:
    text = "scrape_configs:\n- &a {job_name: x, <<: *a}\n"
    assert only(text) == "p.yml:2:3: error: yaml: anchor 'a' value contains itself"


def test_includes_do_not_recurse(tmp_path: Path) -> None:
    path = tmp_path / "p.yml"
    path.write_text("scrape_config_files: ['*.yml']\n")
    (problem,) = load(path).problems
    assert problem.message == "field scrape_config_files not found in type config.ScrapeConfigs"


def test_missing_file() -> None:
    (problem,) = load("/nowhere/p.yml").problems
    assert str(problem) == "/nowhere/p.yml: error: open /nowhere/p.yml: no such file or directory"


def test_directory_as_file(tmp_path: Path) -> None:
    (problem,) = load(tmp_path).problems
    assert problem.message == f"read {tmp_path}: is a directory"


def test_empty_file_is_a_configuration() -> None:
    assert load(text="").problems == []
    assert load(text="").jobs == []


def test_markdown_page_gets_one_hint() -> None:
    page = "---\ntitle : PushGateWay\nweight : 3\n---\n\n# Page\n\n```\nglobal:\n```\n```\nx\n```\n"
    config = load(text=page, path="page.md")
    assert [str(one) for one in config.problems] == [
        "page.md:1:1: note: this looks like a Markdown page, not a Prometheus configuration",
        "page.md:2:1: error: field title not found in type config.plain",
        "page.md:3:1: error: field weight not found in type config.plain",
    ]
    assert config.problems[0].hint == "put the configuration inside its fenced block into a separate file"
