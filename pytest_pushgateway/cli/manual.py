"""The manual page of a command, for ``--help-man``: troff, as kingpin's."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_pushgateway._version import __version__


def page(program: str, synopsis: str, purpose: str, flags: Iterable[tuple[str, str]], epilog: str) -> str:
    """Return the page of a command: its name, what follows it, what it does, its flags with their help, more lines."""
    lines = [f'.TH {program.replace(" ", "-")} 1 "" "pytest-pushgateway {__version__}" ""', '.SH "NAME"', program]
    lines += ['.SH "SYNOPSIS"', ".TP", f"\\fB{_text(f'{program} {synopsis}'.rstrip())}\\fR"]
    lines += ['.SH "DESCRIPTION"', *map(_text, purpose.splitlines()), '.SH "OPTIONS"']
    for flag, text in flags:
        lines += [".TP", f"\\fB{_text(flag)}\\fR", _text(text)]
    lines += map(_text, epilog.splitlines())
    return "\n".join(lines) + "\n"


def _text(line: str) -> str:
    """Return a line that troff takes for text: neither backslashes nor a control character at its start."""
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line[:1] in (".", "'") else line
