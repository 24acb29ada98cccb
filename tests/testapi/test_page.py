"""The snippets of the page on the test API print what it shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ..project import snippets
from ..project.test_docs import run
from .served import Served

PAGE = Path(__file__).parents[2] / "docs" / "test-api.md"
NOTE = "tests/testapi/test_page.py does it"


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="there is no curl, or no bash")
def test_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    blocks = [block for block in snippets.blocks(PAGE) if block.not_run == NOTE]

    with Served() as served:

        def here(text: str) -> str:
            return text.replace("http://127.0.0.1:9092", served.control).replace(":9091", f":{served.port}")

        for block in blocks:
            if block.file_name:
                (tmp_path / block.file_name).write_text(here(block.text).replace(served.control, served.url), "utf-8")
                continue
            for command in snippets.commands(block):
                printed = run(here(command.typed), tmp_path).stdout
                assert not command.output or snippets.matches(command.output, printed.splitlines()), printed

    assert len(blocks) >= 6
