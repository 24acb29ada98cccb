"""promtool's verdict on the parts of a configuration that are not judged here."""

from __future__ import annotations

import os
import re
import subprocess

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.prometheus.problems import Problem, in_order
from pytest_pushgateway.prometheus.values import reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.prometheus.configuration import Configuration

_CHECKING = re.compile(r"Checking (?P<file>.+)")
_RULE = re.compile(r"(?P<file>.+?): (?P<line>\d+):(?P<column>\d+): (?P<message>group .*)")
_VERSION = re.compile(r"promtool, version (\d+\.\d+)")
_LATER = re.compile(r"field \S+ not found in type |unknown function with name ")
"""Complaints of an older promtool about newer fields."""
_REGION = "requires a region"
"""Said after promtool has asked the metadata server of a cloud, which tells nothing about the file."""
_SECONDS = 60.0


class PromtoolFailed(Exception):
    """promtool could not be run; the text says why."""


def ask_promtool(config: Configuration, promtool: str, *, files: bool) -> None:
    """Ask promtool about what was not judged; add its findings to the problems, and take away what it has judged.

    It is only asked about a plain file without errors: promtool stops at the first. Of rule files with errors it has
    nothing to add. A promtool that is older than the version asked for finds problems, but its approval does not count.

    Args:
        config: the configuration, changed in place.
        promtool: the path of the program.
        files: whether promtool looks at other files; false is its ``--syntax-only``.

    Raises:
        PromtoolFailed: promtool cannot be run, or takes more than a minute.

    """
    if not config.unjudged or config.document.top is None or not os.path.isfile(config.path):
        return
    wrong = {os.path.normpath(one.file) for one in config.errors}
    if os.path.normpath(config.path) in wrong:
        return
    found = _VERSION.search(_run([promtool, "--version"]))
    if found is None:
        raise PromtoolFailed(f"{promtool} does not say which version of promtool it is")
    syntax_only = [] if files else ["--syntax-only"]
    output = _run([promtool, "check", "config", "--lint=none", *syntax_only, config.path])
    problems, judged = _read(output, config)
    problems = [one for one in problems if os.path.normpath(one.file) not in wrong]
    judged -= wrong
    config.problems = in_order([*config.problems, *problems])
    if reaches(found[1], config.version):
        config.unjudged = [one for one in config.unjudged if os.path.normpath(one["file"]) not in judged]


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true"},
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        raise PromtoolFailed(f"{command[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise PromtoolFailed(f"{command[0]} has not answered within {_SECONDS:.0f} seconds") from None
    return done.stdout.decode(errors="replace")


def _read(output: str, config: Configuration) -> tuple[list[Problem], set[str]]:
    """Return what promtool reports as failed, and the files that it has judged as a whole."""
    problems: list[Problem] = []
    judged: set[str] = set()
    file, failed = "", False
    for line in output.splitlines():
        text = line.strip()
        checking = _CHECKING.fullmatch(text)
        if checking:
            file, failed = checking["file"], False
            judged.add(os.path.normpath(file))
            continue
        if text.startswith("FAILED:"):
            failed = True
            text = text.removeprefix("FAILED:").strip().removeprefix(f"parsing YAML file {config.path}: ")
            if file == config.path:
                judged.discard(os.path.normpath(file))  # promtool stops at the first error of a configuration
        if not failed or not text or text.endswith("unmarshal errors:"):
            continue
        if _REGION in text or _LATER.search(text):
            judged.discard(os.path.normpath(file))
        else:
            problems.append(_problem(text, file, config))
    return problems, judged


def _problem(text: str, file: str, config: Configuration) -> Problem:
    """Return promtool's line as a problem at its place, or at that of the first part of the file without a verdict."""
    found = _RULE.fullmatch(text)
    if found:
        at = Position(int(found["line"]), int(found["column"]))
        return Problem(found["message"], file=found["file"], position=at, promtool=text)
    own = [one for one in config.unjudged if os.path.normpath(one["file"]) == os.path.normpath(file)]
    templates = [one for one in own if one["section"] == "templates of rules" and ": template: " in text]
    first: dict[str, Any] = (templates or own or config.unjudged)[0]
    return Problem(
        text.removeprefix(f"{file}: "),
        file=first["file"],
        position=Position(first["line"], first["column"]),
        promtool=text,
    )
