"""Running promtool and ``check-config`` on the same configuration, and comparing their findings."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from pytest_pushgateway import PrometheusConfig, load

CONFIGS = Path(__file__).parent / "configs"


class Case(NamedTuple):
    """One configuration with the files beside it."""

    name: str
    text: str
    files: dict[str, str]


def read_cases(path: Path) -> list[Case]:
    """Read a file of many configurations.

    ``=== name`` begins a whole configuration, ``=== job: name`` the inside of a scrape job, ``=== rule: name`` the
    inside of a relabel rule, ``=== global: name`` that of the global section. ``=== file: path`` adds a file to the
    case before. ``\\t``, ``\\r`` and ``\\x00`` in a text that begins with a line ``@escapes`` are what they say.
    """
    cases: list[Case] = []
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, body = block.partition("\n")
        kind, colon, name = title.partition(": ")
        if body.startswith("@escapes\n"):
            body = (
                body[9:].replace("\\t", "\t").replace("\\r", "\r").replace("\\x00", "\0").replace("\\ufeff", "\ufeff")
            )
        if colon and kind == "file":
            cases[-1].files[name] = body
            continue
        if colon and kind == "job":
            body = f"scrape_configs:\n- job_name: a\n{_indent(body, 2)}"
        elif colon and kind == "rule":
            body = f"scrape_configs:\n- job_name: a\n  relabel_configs:\n  -\n{_indent(body, 4)}"
        elif colon and kind == "global":
            body = f"global:\n{_indent(body, 2)}scrape_configs:\n- job_name: a\n"
        else:
            name = title
        cases.append(Case(f"{path.stem}: {name}", body, {}))
    return cases


def _indent(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}" if line.strip() else line for line in text.splitlines(keepends=True))


def all_cases() -> list[Case]:
    return [case for path in sorted(CONFIGS.glob("*.txt")) for case in read_cases(path)]


def promtool(binary: Path, path: Path, *arguments: str) -> list[str]:
    """Return what ``promtool check config`` finds wrong, line by line; nothing for a good configuration."""
    done = subprocess.run(
        [str(binary), "check", "config", *arguments, path.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return []
    if "panic: runtime error" in done.stderr:
        return ["panic"]
    return failure_lines(done.stderr, path.name)


def failure_lines(output: str, name: str) -> list[str]:
    """Return promtool's findings about the configuration ``name``, line by line."""
    found = re.search(r"^  FAILED: (.*?)\n+\Z", output, re.MULTILINE | re.DOTALL)
    assert found, output
    message = found[1].removeprefix(f"parsing YAML file {name}: ")
    if "yaml: unmarshal errors:\n" in message:
        return re.split(r"\n  (?=line \d+: )", message.split("yaml: unmarshal errors:\n", 1)[1].removeprefix("  "))
    return [message]


def write(case: Case, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    path = folder / "prometheus.yml"
    path.write_text(case.text, encoding="utf-8", newline="")
    return path


_HEADER = re.compile(r'(?<=^setting header )"[^"]*"(?= is not allowed$)')
"""Of several, promtool names the first that it meets in a map of Go, which is another in each run."""


def disagreement(theirs: list[str], config: PrometheusConfig) -> str:
    """Say where promtool and we differ; ``""`` where we give the same verdict and have all of promtool's words."""
    ours = [problem for problem in config.problems if problem.severity == "error"]
    if bool(theirs) != bool(ours):
        return f"promtool says {theirs or 'valid'}, we say {[str(one) for one in ours] or 'valid'}"
    if theirs == ["panic"]:
        return ""
    if any(one.rule == "form" for one in ours) and all(line.startswith("yaml: ") for line in theirs):
        return ""  # it is not YAML because it is a template, of which ours says how to render it
    said = {_HEADER.sub("", one.promtool or "") for one in ours}
    missing = [line for line in theirs if _HEADER.sub("", line) not in said]
    if missing:
        return f"promtool says {missing}, we say {sorted(one.promtool for one in ours if one.promtool)}"
    for one in ours:
        line = re.match(r"line (\d+): (.*)", one.promtool or "", re.DOTALL)
        of_another = re.match(r"field (\S+) exists (?:since|until) ", one.message)  # more telling than promtool
        words = f"field {of_another[1]} not found in type " if of_another else one.message
        if line and one.rule == "config" and (int(line[1]) != one.line or not line[2].startswith(words)):
            return f"{one} is not at the place of {one.promtool!r}"
    return ""


def load_in(folder: Path, *, version: str, files: bool = True) -> PrometheusConfig:
    """Read ``prometheus.yml`` as promtool was asked to: by its bare name, from its folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return load("prometheus.yml", version=version, lint="none", files=files)
    finally:
        os.chdir(before)
