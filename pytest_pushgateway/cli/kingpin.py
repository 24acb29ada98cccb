"""The command line of every command: flags and operands by kingpin's grammar, which is the original's.

``--flag value`` or ``--flag=value``, booleans ``--flag`` and ``--no-flag`` without a value, nothing repeated unless it
may be, ``@file`` for arguments from a file, a line each, comments and blank lines left out, ``--`` before operands that
begin with a dash. Every error is one line. ``serve`` has kingpin's words, as differential tests compare them;
the other commands in plain ones.

This module starts with every command, also in editors and hooks: it imports nothing at its top.
"""

from __future__ import annotations

from pytest_pushgateway._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

KINGPIN = {
    "unknown": "unknown long flag '{flag}'",
    "unknown short": "unknown short flag '{flag}'",
    "no value": "expected argument for flag '{flag}'",
    "value": "unexpected {value}",
    "twice": "flag '{name}' cannot be repeated",
    "operand": "unexpected {value}",
    "no operand": "required argument '{name}' not provided",
}
PLAIN = {
    "unknown": "unknown flag {flag}",
    "unknown short": "unknown flag {flag}",
    "no value": "{flag} needs a value",
    "value": "{flag} takes no value",
    "twice": "{flag} cannot be repeated",
    "operand": "expected one {name}",
    "no operand": "no {name} given",
}


AT_ONCE = ("version", "help-long", "help-man", "completion-script-bash", "completion-script-zsh")
"""Flags that are answered as soon as they are met, whatever follows."""
_INDENT = 31
"""Columns before the help of a flag."""
_NARROWEST, _WIDEST = 70, 110
"""Columns that help uses, whatever the terminal has."""
_FILES = 100
"""Most arguments files; kingpin reads a file that contains itself until memory ends."""


class UsageError(Exception):
    """Arguments that cannot be understood; ``str()`` is the reason, ``hint`` a suggestion."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint: str = hint


class _ValueProblem(UsageError):
    """A flag that is known with a value that will not do."""


class Flag:
    """One flag.

    Args:
        name: its name without dashes.
        help: its line in ``--help``.
        default: its default as text; None for a boolean.
        parse: turns its text into a value; raises ValueError.
        repeatable: whether it may be given more than once: its value is a list then.
        metavar: what ``--help`` shows in place of the default.
        choices: the values it takes, if those are known.

    """

    def __init__(
        self,
        name: str,
        help: str,
        default: str | None = None,
        parse: Callable[[str], Any] = str,
        repeatable: bool = False,
        metavar: str = "",
        choices: Sequence[str] = (),
    ) -> None:
        self.name: str = name
        self.help: str = help
        self.default: str | None = default
        self.parse: Callable[[str], Any] = _one_of(name, choices) if choices and parse is str else parse
        self.repeatable: bool = repeatable
        self.metavar: str = metavar
        self.choices: Sequence[str] = choices

    @property
    def shown(self) -> str:
        """The flag as ``--help`` shows it."""
        negatable = self.is_boolean and not self.name.startswith("no-")
        text = f"--[no-]{self.name}" if negatable else f"--{self.name}"
        if self.metavar:
            text += f"={self.metavar}"
        elif self.default is not None:
            text += f'="{self.default}"' if not self.default or self.parse is str else f"={self.default}"
        return text + (" ..." if self.repeatable else "")

    @property
    def is_boolean(self) -> bool:
        """Whether it takes no value."""
        return self.default is None

    @property
    def absent(self) -> Any:
        """Its value if it is not given."""
        if self.default is None:
            return False
        value = self.parse(self.default) if self.default else ""
        return ([value] if self.default else []) if self.repeatable else value


def _one_of(flag: str, choices: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"--{flag} must be one of {', '.join(choices)}, not {text!r}")
        return text

    return parse


class Command:
    """One command and how its command line is read.

    Args:
        program: its name in usage and errors.
        purpose: what it does, for ``--help``.
        flags: its flags, without those for help and version.
        operand: what its operands are, such as ``file``; empty if it takes none.
        least: how many of them it needs.
        most: how many it takes; None for any number.
        synopsis: how its operands are shown after the word usage, if not by their name alone.
        epilog: the last lines of ``--help``.
        version: what ``--version`` prints; the package's own if empty.
        words: the texts of its errors.
        status: its exit status for arguments that cannot be understood.

    """

    def __init__(
        self,
        program: str,
        purpose: str,
        flags: Sequence[Flag],
        *,
        operand: str = "",
        least: int = 0,
        most: int | None = 0,
        synopsis: str = "",
        epilog: str = "",
        version: Callable[[], str] | None = None,
        words: Mapping[str, str] = PLAIN,
        status: int = 2,
    ) -> None:
        self.program: str = program
        self.purpose: str = purpose
        self.flags: Sequence[Flag] = flags
        self.operand: str = operand
        self.least: int = least
        self.most: int | None = most
        self.synopsis: str = synopsis
        self.epilog: str = epilog
        self.version: Callable[[], str] = version or _version
        self.words: Mapping[str, str] = words
        self.status: int = status

    def read(self, arguments: Sequence[str]) -> dict[str, Any] | int:
        """Return each flag's value by name and the operands under ``""``, or the exit status of a finished command.

        It is finished if help or version were asked for and are printed, or if an error is.
        """
        import sys

        try:
            options = self.parse(arguments)
        except UsageError as problem:
            return self.fail(problem)
        for asked in ("help", *AT_ONCE):
            if options.get(asked):
                sys.stdout.write(self._answer(asked))
                return 0
        return options

    def _answer(self, asked: str) -> str:
        if asked == "version":
            return self.version()
        if asked in ("help", "help-long"):
            return self.usage()
        if asked == "help-man":
            from pytest_pushgateway.cli.manual import page

            rows = [("-h, --help", "Show this text."), *((flag.shown, flag.help) for flag in self.flags)]
            rows.append(("-V, --version", "Show application version."))
            return page(self.program, self.shown_operands, self.purpose, rows, self.epilog)
        from pytest_pushgateway.cli.completion import script

        return script(asked.rpartition("-")[2])

    def fail(self, problem: Exception) -> int:
        """Print why the arguments will not do, and what may have been meant; return the exit status."""
        import sys

        hint = getattr(problem, "hint", "")
        ending = f"; did you mean {hint!r}?" if hint else ", try --help"
        sys.stderr.write(f"{self.program}: error: {problem}{ending}\n")
        return self.status

    def parse(self, arguments: Sequence[str]) -> dict[str, Any]:
        """Return each flag's value by name, repeatable ones as lists, and the list of operands under ``""``.

        ``help``, or one of `AT_ONCE`, is a key where that was asked for. As kingpin: ``version`` and its like are
        answered as soon as they are met, ``help`` once all arguments are known for flags, whatever their values.

        Raises:
            UsageError: the arguments cannot be understood.

        """
        given: dict[str, Any] = {"": []}
        problems: list[_ValueProblem] = []
        words = _Words(arguments, dash="-" if self.operand else "")
        while kind := words.peek()[0]:
            text = words.take()
            if kind == "word":
                self._take(text, given)
            elif kind == "short":
                if self._short(text, given):
                    return {"version": True}
            else:
                name, equals, value = text.partition("=")
                asked = name.removeprefix("no-")
                if asked in AT_ONCE:
                    return {asked: True}
                if asked == "help":
                    given["help"] = True
                    if equals:
                        raise self._error("value", name, value)
                    continue
                try:
                    self._long(name, equals, value, given, words)
                except _ValueProblem as problem:
                    problems.append(problem)
        if not given.get("help"):
            if problems:
                raise problems[0]
            if len(given[""]) < self.least:
                raise UsageError(self.words["no operand"].format(name=self.operand))
        for flag in self.flags:
            given.setdefault(flag.name, flag.absent)
        return given

    def _error(self, kind: str, name: str, value: str = "") -> UsageError:
        return UsageError(self.words[kind].format(flag=f"--{name}", name=name, value=value))

    def _take(self, operand: str, given: dict[str, Any]) -> None:
        if self.most is not None and len(given[""]) >= self.most:
            raise UsageError(self.words["operand"].format(name=self.operand, value=operand))
        given[""].append(operand)

    def _short(self, letters: str, given: dict[str, Any]) -> bool:
        """Take one-letter flags; return whether the version was asked for, which the original has no letter for."""
        for letter in letters:
            if letter == "V":
                return True
            if letter != "h":
                raise UsageError(self.words["unknown short"].format(flag=f"-{letter}"))
        given["help"] = True
        return False

    def _long(self, name: str, equals: str, value: str, given: dict[str, Any], words: _Words) -> None:
        by_name = {flag.name: flag for flag in self.flags}
        flag = by_name.get(name)
        negated = by_name.get(name.removeprefix("no-")) if name.startswith("no-") else None
        if flag is None and (negated is None or not negated.is_boolean):
            raise UsageError(str(self._error("unknown", name)), "" if negated else self._nearest(name))
        flag = flag or negated
        assert flag is not None
        if flag.name in given and not flag.repeatable:
            raise _ValueProblem(str(self._error("twice", flag.name)))
        if flag.is_boolean:
            given[flag.name] = flag is not negated
            if equals:
                raise self._error("value", flag.name, value)
            return
        if not equals:
            try:
                kind = words.peek()[0]
            except UsageError:
                kind = "unreadable"
            if kind != "word":
                raise self._error("no value", flag.name)
            value = words.take()
        try:
            parsed = flag.parse(value)
        except ValueError as problem:
            raise _ValueProblem(str(problem)) from None
        if flag.repeatable:
            given.setdefault(flag.name, []).append(parsed)
        else:
            given[flag.name] = parsed

    def _nearest(self, name: str) -> str:
        from difflib import get_close_matches

        known = [flag.name for flag in self.flags] + ["help", "version"]
        known += [f"no-{flag.name}" for flag in self.flags if flag.is_boolean]
        close = get_close_matches(name, known, 1, 0.7)
        return f"--{close[0]}" if close else ""

    @property
    def shown_operands(self) -> str:
        """The usage, after the command's name."""
        operands = f"<{self.operand}>{'...' if self.most is None else ''}" if self.operand else ""
        return self.synopsis or f"[<flags>] {operands}".rstrip()

    def usage(self) -> str:
        """Return the text of ``--help``."""
        from shutil import get_terminal_size
        from textwrap import wrap

        terminal = max(_NARROWEST, min(get_terminal_size().columns, _WIDEST))
        width = terminal - _INDENT
        rows = [("-h, --help", "Show this text.")]
        rows += [(f"    {flag.shown}", flag.help) for flag in self.flags]
        rows.append(("-V, --version", "Show application version."))
        lines = [
            f"usage: {self.program} {self.shown_operands}".rstrip(),
            "",
            *wrap(self.purpose, terminal, break_on_hyphens=False),
            "",
            "Flags:",
        ]
        for left, right in rows:
            wrapped = wrap(right, width, break_on_hyphens=False)
            if len(left) > 28:
                lines.append(f"  {left}")
                left = ""
            lines.append(f"  {left:<29}{wrapped[0]}".rstrip())
            lines += [" " * 31 + line for line in wrapped[1:]]
        if self.epilog:
            lines += ["", *wrap(self.epilog, terminal, break_on_hyphens=False)]
        return "\n".join(lines) + "\n"


def _version() -> str:
    return f"pytest-pushgateway {__version__}\n"


class _Words:
    """The arguments one by one, with those of ``@file`` in its place; behind ``--`` all are operands or values."""

    def __init__(self, arguments: Sequence[str], *, dash: str) -> None:
        self._left: list[str] = list(reversed(arguments))
        self._dash = dash
        """The meaning of a single dash."""
        self._words_alone = False
        self._files = 0

    def peek(self) -> tuple[str, str]:
        """Return the kind of the next argument, ``long``, ``short`` or ``word``, and its text; "" and "" at the end.

        Raises:
            UsageError: an arguments file cannot be read.

        """
        while self._left:
            argument = self._left[-1]
            if self._words_alone:
                return "word", argument
            if argument.startswith("--") and argument != "--":
                return "long", argument[2:]
            if argument == "-":
                return "word", self._dash
            if argument.startswith("-") and argument != "--":
                return "short", argument[1:]
            if argument != "--" and not argument.startswith("@"):
                return "word", argument
            self._left.pop()
            if argument == "--":
                self._words_alone = True
            else:
                self._left += reversed(self._expanded(argument[1:]))
        return "", ""

    def take(self) -> str:
        """Return the text of the next argument, and go on."""
        text = self.peek()[1]
        self._left.pop()
        return text

    def _expanded(self, path: str) -> list[str]:
        self._files += 1
        if not path:
            raise UsageError("expected @ file to expand arguments from")
        if self._files > _FILES:
            raise UsageError(f'arguments file "{path}" contains itself')
        try:
            with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                lines = file.read().split("\n")
        except OSError as problem:
            reason = (problem.strerror or "").lower()
            raise UsageError(f'failed to open arguments file "{path}": open {path}: {reason}') from None
        lines = [line.removesuffix("\r") for line in lines]
        return [line for line in lines if line.strip() and not line.startswith("#")]
