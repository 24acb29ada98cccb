"""The code of the documentation, page by page, so that tests can run it.

On a page, a fenced ``python``, ``ini``, ``toml`` or ``yaml`` block whose first line is a comment that names a file
(``# test_backup.py``) is that file, in a folder that belongs to the page. ``console`` blocks are typed in that folder:
a line after ``$ `` is a command, what follows up to the next command is its output, in which a line ``...`` stands
for any lines. Behind ``<!-- runs on -->`` stands one command that does not end by itself: it is interrupted when it
has printed what the block shows. A block is not run when the line before it is a comment ``<!-- not run: REASON -->``;
a test file whose tests must fail stands behind ``<!-- fails -->`` and the console block that shows it failing runs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(
    r"^(?P<note><!--[^\n]*-->\n+)?(?P<indent> *)```(?P<language>[a-z]+)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
FILE_NAME = re.compile(r"^# (?P<name>[\w./-]+\.(?:py|ini|toml|yml|yaml|cfg|sh))$")
OUTSIDE = {"text", "json", "html", "dockerfile", "diff", "promql"}


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    text: str
    note: str
    line: int

    @property
    def not_run(self) -> str:
        found = re.fullmatch(r"<!-- not run: (.+?) -->", self.note)
        return found.group(1) if found else ""

    @property
    def fails(self) -> bool:
        return self.note == "<!-- fails -->"

    @property
    def runs_on(self) -> bool:
        return self.note == "<!-- runs on -->"

    @property
    def file_name(self) -> str:
        found = FILE_NAME.match(self.text.partition("\n")[0])
        return found.group("name") if found else ""


@dataclass(frozen=True)
class Command:
    """What a console block types, and the output that it shows."""

    typed: str
    output: list[str] = field(default_factory=list)


def blocks(page: Path) -> list[Block]:
    source = page.read_text(encoding="utf-8")
    return [
        Block(
            found["language"],
            "\n".join(line.removeprefix(found["indent"]) for line in found["text"].splitlines()) + "\n",
            (found["note"] or "").strip(),
            source.count("\n", 0, found.start("language")) + 1,
        )
        for found in FENCE.finditer(source)
    ]


def commands(block: Block) -> list[Command]:
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line.removeprefix("$ ")))
        elif found and found[-1].typed.endswith("\\") and not found[-1].output:
            found[-1] = Command(f"{found[-1].typed}\n{line}")
        elif found:
            found[-1].output.append(line)
    return found


def matches(expected: list[str], actual: list[str]) -> bool:
    """Return whether the lines agree, where ``...`` alone stands for any lines and inside a line for any text."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += r"[^\n]*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ \t]*\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in actual)) is not None
