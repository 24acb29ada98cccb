"""Every snippet of the documentation runs, and prints what the page shows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from . import snippets

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "_build" not in page.parts and page.parent.name != "lint"
)
LANGUAGES = {"python", "ini", "toml", "yaml", "console", "bash"}


def environment_of_a_reader() -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["NO_COLOR"] = "1"
    environment["COLUMNS"] = "80"
    return environment


def run(command: list[str] | str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=isinstance(command, str),
        executable="/bin/bash" if isinstance(command, str) else None,
        cwd=folder,
        env=environment_of_a_reader(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )


def run_until_printed(command: snippets.Command, folder: Path) -> str:
    """Run a command that goes on until Ctrl-C, which it gets when it has printed what is expected."""
    process = subprocess.Popen(
        ["/bin/bash", "-c", f"exec {command.typed}"],
        cwd=folder,
        env=environment_of_a_reader(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    limit = threading.Timer(120, process.kill)
    limit.start()
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if snippets.matches(command.output, lines):
                break
        process.send_signal(signal.SIGINT)
        process.communicate()
    finally:
        limit.cancel()
    assert process.returncode == 0, lines
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: Path, tmp_path: Path) -> None:
    found = snippets.blocks(page)
    unknown = [block for block in found if block.language not in LANGUAGES | snippets.OUTSIDE]
    assert unknown == [], "blocks in a language that no test knows"
    passing: list[str] = []
    for block in found:
        if block.not_run or block.language in snippets.OUTSIDE:
            continue
        if block.language == "console":
            assert snippets.commands(block) or block.note, f"{page.name}:{block.line}: nothing to type, and no note why"
            for command in snippets.commands(block):
                printed = run_until_printed(command, tmp_path) if block.runs_on else run(command.typed, tmp_path).stdout
                where = f"{page.name}:{block.line}: $ {command.typed}\n{printed}"
                assert not command.output or snippets.matches(command.output, printed.splitlines()), where
        elif block.file_name:
            path = tmp_path / block.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            if path.name.startswith("test_") and path.suffix == ".py" and not block.fails:
                passing.append(block.file_name)
        else:
            assert block.language == "python", f"{page.name}:{block.line}: no file's name, and no note why"
            result = run([sys.executable, "-W", "error", "-c", block.text], tmp_path)
            assert result.returncode == 0, f"{page.name}:{block.line}\n{result.stdout}"
    if passing:
        result = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *passing], tmp_path)
        assert result.returncode == 0, result.stdout


@pytest.mark.slow
def test_page_without_tests_is_not_reported_as_tested(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\n# test_x.py\ndef test_x():\n    assert 0\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="1 failed"):
        test_page(page, tmp_path)


def test_file_without_name_is_not_reported_as_tested(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```yaml\nscrape_configs: []\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.md:1: no file's name"):
        test_page(page, tmp_path)


@pytest.mark.parametrize(
    ("expected", "actual", "agree"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "..."], ["a", "b", "c"], True),
        (["a ... c"], ["a b c"], True),
        (["a", "...", "d"], ["a", "b"], False),
        (["a"], ["a", "b"], False),
    ],
)
def test_output_is_compared_line_by_line(expected: list[str], actual: list[str], agree: bool) -> None:
    assert snippets.matches(expected, actual) is agree
