"""The command line: finds the command and imports that one alone.

A module for each command, kingpin.py for their flags. What a command does is in the other rooms.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from pytest_pushgateway._version import __version__

COMMANDS = {
    "serve": "run the gateway by itself, with the original's flags",
    "check-config": "check that Prometheus configurations keep pushed labels",
    "check-metrics": "lint metrics in the text format, as promtool does",
    "explain": "show what Prometheus would store of a push",
}

_SCRIPTS = ("--completion-script-bash", "--completion-script-fish", "--completion-script-zsh")

CUT_OFF = 128 + 13
"""The exit status where the output's reader went away, as a shell gives it for a program that SIGPIPE ended."""

_OBJECTS = 50_000
"""New objects after which Python looks for cycles."""

USAGE = "usage: pytest-pushgateway <command> [<flags>]\n\nCommands:\n" + "".join(
    f"  {name:<14} {text}\n" for name, text in COMMANDS.items()
)
USAGE += """
Flags:
  -h, --help      Show this text.
  -V, --version   Show application version.
      --completion-script-bash
      --completion-script-fish
      --completion-script-zsh
                  Show a script that completes commands and flags.

See 'pytest-pushgateway <command> --help'.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status, 2 for a command that there is not."""
    if arguments is None:
        _replace_closed_streams()
        _write_everything()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _run(given)
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as problem:
        if not _is_cut_off(problem):
            raise
        _write_no_more()
        return CUT_OFF
    return status


def _run(given: list[str]) -> int:
    command = given[0] if given else ""
    if command in COMMANDS:
        with _rare_collections():
            status: int = _imported(f"pytest_pushgateway.cli.{command.replace('-', '_')}").main(given[1:])
            return status
    if command in ("-h", "--help", "help"):
        sys.stdout.write(USAGE)
        return 0
    if command == "--completion-bash":
        sys.stdout.write("".join(f"{word}\n" for word in _candidates(given[1:])))
        return 0
    if command in _SCRIPTS:
        from pytest_pushgateway.cli.completion import script

        sys.stdout.write(script(command.rpartition("-")[2]))
        return 0
    if command in ("-V", "--version"):
        sys.stdout.write(f"pytest-pushgateway {__version__}\n")
        return 0
    problem = _unknown(command) if command else "no command given"
    sys.stderr.write(f"pytest-pushgateway: error: {problem}, try --help\n")
    return 2


def _write_everything() -> None:
    """Write UTF-8, as programs of Go do wherever they run: no locale and no code page of Windows stops a message.

    A name with bytes that are not UTF-8 is written as it was given.
    """
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            if "PYTHONIOENCODING" in os.environ:
                stream.reconfigure(errors="backslashreplace")
            else:
                stream.reconfigure(encoding="utf-8", errors=errors)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cycles after more objects than by default.

    A large push makes hundreds of thousands of objects, none of them part of a cycle; to look for cycles each 700 or
    2,000 objects, as by default, costs it a tenth of its time. PyPy collects in another way.
    """
    if not hasattr(gc, "get_threshold"):
        yield
        return
    threshold = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)


def _candidates(words: list[str]) -> list[str]:
    """Return what the last of the words so far may become."""
    if len(words) < 2:
        return [*COMMANDS, "--help", "--version"]
    if words[0] not in COMMANDS:
        return []
    from pytest_pushgateway.cli.completion import candidates

    command = importlib.import_module(f"pytest_pushgateway.cli.{words[0].replace('-', '_')}").COMMAND
    return candidates([(flag.name, None if flag.is_boolean else flag.choices) for flag in command.flags], words[1:])


def _unknown(command: str) -> str:
    from difflib import get_close_matches

    alike = get_close_matches(command, COMMANDS, n=1)
    meant = f" (did you mean {alike[0]}?)" if alike else ""
    return f"unknown command {command!r}{meant}"


def _imported(name: str) -> ModuleType:
    # Modules are tens of thousands of objects and no garbage; to look for some takes a twentieth of a start.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        if collecting:
            gc.enable()


def _replace_closed_streams() -> None:
    """Read nothing from standard streams that are closed, and write nothing to them, as programs of Go do everywhere.

    No file and no connection gets its descriptor then.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(nothing, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _write_no_more() -> None:
    """Write to nothing what is left in the buffers: the interpreter would report at its end that it cannot."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(nothing, stream.fileno())
    os.close(nothing)


def _is_cut_off(problem: OSError) -> bool:
    """Return whether the reader of the output has seen enough, as ``head`` has."""
    if sys.platform != "win32" or isinstance(problem, BrokenPipeError) or sys.stdout is None:
        return isinstance(problem, BrokenPipeError)
    try:
        # Windows reports EINVAL for a closed pipe, and for much else. What is left to write shows which it was.
        sys.stdout.flush()
    except OSError:
        return True
    return False
