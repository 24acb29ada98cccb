"""promtool's verdict on the parts of a configuration that are not judged here."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.prometheus.parts import LATER
from pytest_pushgateway.prometheus.problems import Problem, in_order
from pytest_pushgateway.prometheus.values import reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from pytest_pushgateway.prometheus.configuration import Configuration
    from pytest_pushgateway.prometheus.parts import Part

_CHECKING = re.compile(r"Checking (?P<file>.+)")
_RULE = re.compile(r"(?P<file>.+?): (?P<line>\d+):(?P<column>\d+): (?P<message>group .*)")
_PLACE = re.compile(r"(?:line )?(?P<line>\d+)(?::(?P<column>\d+))?: ")
_VERSION = re.compile(r"promtool, version (\d+\.\d+)")
_LATER = re.compile(r"field \S+ not found in type |unknown function with name ")
"""Complaints of an older promtool about newer fields."""
_REGION = "requires a region"
"""An error after promtool has asked the metadata server of a cloud, which has nothing to do with the file."""
_UNSET = "unset nameValidationScheme"
"""Said of every rule file by promtool 3.7 and later with ``--lint=none``, some releases long."""
_SECONDS = 60.0


class PromtoolFailed(Exception):
    """promtool could not be run; the text is the reason."""


def ask_promtool(config: Configuration, promtool: str, *, files: bool) -> None:
    """Ask promtool about what was not judged; add its findings to the problems, and take away what it has judged.

    It is asked about a plain file, and about each part of another form and each rule file that has something without a
    verdict, unless they have errors: promtool stops at the first. A promtool that is older than the version asked for
    finds problems, but its approval does not count.

    Args:
        config: the configuration, changed in place.
        promtool: the path of the program.
        files: whether promtool looks at other files; false is its ``--syntax-only``.

    Raises:
        PromtoolFailed: promtool cannot be run, or takes more than a minute.

    """
    of_parts = [one for part in config.parts for one in part.unjudged]
    plain = [one for one in config.unjudged if not _is_in(one, of_parts)]
    wrong = {os.path.normpath(one.file) for one in config.errors}
    wanted = not config.form and bool(plain) and config.document.top is not None and os.path.isfile(config.path)
    wanted = wanted and os.path.normpath(config.path) not in wrong
    parts = [part for part in config.parts if part.text]
    if not wanted and not parts:
        return
    found = _VERSION.search(_run([promtool, "--version"]))
    if found is None:
        raise PromtoolFailed(f"{promtool} does not say which version of promtool it is")
    judged: list[dict[str, Any]] = []
    problems: list[Problem] = []
    if wanted:
        problems, names = _ask_about_file(config, promtool, files=files, wrong=wrong)
        judged = [one for one in plain if os.path.normpath(one["file"]) in names and one["section"] != LATER]
    unsure: list[dict[str, Any]] = []
    for part, lines in zip(parts, _ask_about_parts(parts, promtool), strict=True):
        told = [line for line in lines if not _is_elsewhere(line)]
        problems += [_part_problem(line, part) for line in told]
        whole = not lines or (part.rules and len(told) == len(lines))  # it stops at a configuration's first error
        (judged if whole else unsure).extend(part.unjudged)
    config.problems = in_order([*config.problems, *problems])
    if reaches(found[1], config.version):
        config.unjudged = [one for one in config.unjudged if not _is_in(one, judged) or _is_in(one, unsure)]


def _is_in(one: dict[str, Any], entries: list[dict[str, Any]]) -> bool:
    return any(one is other for other in entries)


def _ask_about_file(
    config: Configuration, promtool: str, *, files: bool, wrong: set[str]
) -> tuple[list[Problem], set[str]]:
    syntax_only = [] if files else ["--syntax-only"]
    output = _run([promtool, "check", "config", "--lint=none", *syntax_only, config.path])
    problems, judged = _read(output, config)
    return [one for one in problems if os.path.normpath(one.file) not in wrong], judged - wrong


def _ask_about_parts(parts: Sequence[Part], promtool: str) -> list[list[str]]:
    """Return promtool's words on each part, without the name of the file."""
    lines: list[list[str]] = [[] for _ in parts]
    with tempfile.TemporaryDirectory(prefix="pytest-pushgateway-promtool-") as directory:
        names = [f"{'rules' if part.rules else 'configuration'}-{number}.yml" for number, part in enumerate(parts)]
        for name, part in zip(names, parts, strict=True):
            Path(directory, name).write_text(part.text, encoding="utf-8")
        for kind, command in (
            (True, ["rules", "--lint=none"]),
            (False, ["config", "--lint=none", "--syntax-only"]),
        ):
            own = [name for name, part in zip(names, parts, strict=True) if part.rules is kind]
            output = _run([promtool, "check", *command, *own], directory) if own else ""
            file, failed = "", False
            for line in output.splitlines():
                text = line.strip()
                if checking := _CHECKING.fullmatch(text):
                    file, failed = checking["file"], False
                    continue
                if text.startswith("FAILED:"):
                    failed = True
                    text = text.removeprefix("FAILED:").strip().removeprefix(f"parsing YAML file {file}: ")
                text = text.removeprefix(f"{file}: ")
                if failed and text and file in names and not text.endswith("unmarshal errors:"):
                    lines[names.index(file)].append(text)
    return lines


def _is_elsewhere(line: str) -> bool:
    """Return whether a line is about the machine or promtool itself, or about what this promtool does not know yet."""
    return _REGION in line or _UNSET in line or _LATER.search(line) is not None


def _part_problem(line: str, part: Part) -> Problem:
    """Return promtool's line at its place in the file, or at that of the first thing in the part without a verdict."""
    found = _PLACE.match(line)
    if found:
        at, name = part.place(int(found["line"]), int(found["column"]) if found["column"] else None)
    else:
        rules = [one for one in part.unjudged if one["section"] == "templates of rules" and ": template: " in line]
        first = (rules or part.unjudged)[0]
        at, name = Position(first["line"], first["column"]), part.place(1)[1]
        name = re.sub(r", line \d+\Z", "", name) if name else name
    message = line[found.end() :] if found else line
    problem = Problem(message, file=part.file, position=at, promtool=message)
    problem.object = name
    return problem


def _run(command: list[str], directory: str | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=directory,
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
        if _is_elsewhere(text):
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
