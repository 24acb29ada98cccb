"""Command line flags by kingpin's grammar and in its words, as the original's.

``--flag value`` or ``--flag=value``, booleans ``--flag`` and ``--no-flag`` without a value, nothing repeated unless it
may be, ``@file`` for arguments from a file, a line each. Every error is one line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any


class UsageError(Exception):
    """Arguments that cannot be understood; ``str()`` is kingpin's text."""


class _ValueProblem(UsageError):
    """A flag that is known with a value that will not do."""


@dataclass(frozen=True)
class Flag:
    """One flag: its name, help, default as text (None for a boolean), and what turns its text into a value."""

    name: str
    help: str
    default: str | None = None
    parse: Callable[[str], Any] = str
    repeatable: bool = False

    @property
    def is_boolean(self) -> bool:
        """Whether it takes no value."""
        return self.default is None


def parse(flags: Sequence[Flag], arguments: Sequence[str]) -> dict[str, Any]:
    """Return each flag's value by name; repeatable ones as lists.

    ``help`` or ``version`` is a key where that was asked for. As kingpin: ``version`` is answered as soon as it is met,
    ``help`` once all arguments are known for flags, whatever their values. Raises UsageError.
    """
    by_name = {flag.name: flag for flag in flags}
    given: dict[str, Any] = {}
    problems: list[_ValueProblem] = []
    waiting = list(reversed(_expand(arguments)))
    while waiting:
        argument = waiting.pop()
        if argument == "--" and waiting:
            raise UsageError(f"unexpected {waiting.pop()}")
        if not argument.startswith("-"):
            raise UsageError(f"unexpected {argument}")
        if not argument.startswith("--"):
            _short(argument, given)
        elif argument != "--":
            name, equals, text = argument[2:].partition("=")
            asked = name.removeprefix("no-")
            if asked == "version":
                return {"version": True}
            if asked in ("help", "help-long", "help-man"):
                given["help"] = True
                if equals:
                    raise UsageError(f"unexpected {text}")
                continue
            try:
                _long(name, equals, text, by_name, given, waiting)
            except _ValueProblem as problem:
                problems.append(problem)
    if problems and not given.get("help"):
        raise problems[0]
    for flag in flags:
        if flag.name not in given:
            value = False if flag.default is None else flag.parse(flag.default)
            given[flag.name] = [value] if flag.repeatable else value
    return given


def _expand(arguments: Sequence[str]) -> list[str]:
    expanded: list[str] = []
    for argument in arguments:
        if not argument.startswith("@") or argument == "@":
            expanded.append(argument)
            continue
        try:
            with open(argument[1:], encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except OSError as problem:
            reason = (problem.strerror or "").lower()
            text = f'failed to open arguments file "{argument[1:]}": open {argument[1:]}: {reason}'
            raise UsageError(text) from None
        expanded += [line for line in lines if not line.startswith("#")]
    return expanded


def _short(argument: str, given: dict[str, Any]) -> None:
    for letter in argument[1:] or [""]:
        if letter != "h":
            raise UsageError(f"unknown short flag '-{letter}'")
    given["help"] = True


def _long(
    name: str, equals: str, value: str, by_name: dict[str, Flag], given: dict[str, Any], waiting: list[str]
) -> None:
    flag = by_name.get(name)
    negated = by_name.get(name.removeprefix("no-")) if name.startswith("no-") else None
    if flag is None and (negated is None or not negated.is_boolean):
        raise UsageError(f"unknown long flag '--{name}'")
    flag = flag or negated
    assert flag is not None
    if flag.name in given and not flag.repeatable:
        raise _ValueProblem(f"flag '{flag.name}' cannot be repeated")
    if flag.is_boolean:
        given[flag.name] = flag is not negated
        if equals:
            raise UsageError(f"unexpected {value}")
        return
    if not equals:
        if not waiting or waiting[-1].startswith("-"):
            raise UsageError(f"expected argument for flag '--{flag.name}'")
        value = waiting.pop()
    try:
        parsed = flag.parse(value)
    except ValueError as problem:
        raise _ValueProblem(str(problem)) from None
    if flag.repeatable:
        given.setdefault(flag.name, []).append(parsed)
    else:
        given[flag.name] = parsed


def usage(program: str, purpose: str, flags: Sequence[Flag]) -> str:
    """Return the text of ``--help``."""
    rows = [("-h, --help", "Show this text.")]
    for flag in flags:
        text = f"    --{flag.name}" if not flag.is_boolean else f"    --[no-]{flag.name}"
        if flag.default is not None:
            text += f'="{flag.default}"' if not flag.default or flag.parse is str else f"={flag.default}"
        rows.append((text + (" ..." if flag.repeatable else ""), flag.help))
    rows.append(("    --version", "Show application version."))
    lines = [f"usage: {program} [<flags>]", "", purpose, "", "Flags:"]
    for left, right in rows:
        wrapped = wrap(right, 49, break_on_hyphens=False)
        if len(left) > 28:
            lines.append(f"  {left}")
            left = ""
        lines.append(f"  {left:<29}{wrapped[0]}".rstrip())
        lines += [" " * 31 + line for line in wrapped[1:]]
    return "\n".join(lines) + "\n"
