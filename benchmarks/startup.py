"""What the plugin costs a run of pytest: its import, and the first use of the fixture, in processes of their own."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Result, below

# As for an installed wheel: pytest rewrites the assertions of all modules of a plugin's distribution.
REWRITTEN = 'import pytest\npytest.register_assert_rewrite("pytest_pushgateway")\n'
FIRST_USE = """
import time

def test_first(request):
    start = time.perf_counter()
    gateway = request.getfixturevalue("pushgateway")
    gateway.push("a 1\\n", job="b")
    print("first use:", (time.perf_counter() - start) * 1000)
"""


def _run(arguments: list[str], folder: Path, *, cached: bool) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.getcwd()])}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / ("cache" if cached else "none"))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if not cached:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    result = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=folder, check=True
    )
    return result.stdout + result.stderr


def import_of_the_unused_plugin() -> Iterator[Result]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(31):
            told = _run(
                ["-X", "importtime", "-c", "import pytest, pytest_pushgateway.plugin"], Path(folder), cached=True
            )
            # The package and the settings are below the plugin, and so in its sum.
            total = re.search(r"\|\s*(\d+) \| pytest_pushgateway\.plugin\n", told)
            assert total is not None
            found.append(int(total[1]) / 1000)
    yield below("import of the unused plugin", statistics.median(found[1:]), 3)


def first_use_of_the_fixture() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rewritten.py").write_text(REWRITTEN)
        (folder / "test_first.py").write_text(FIRST_USE)
        plugins = ["-p", "rewritten"]
        if "pytest_pushgateway" not in _run(["-m", "pytest", "--version", "--version"], folder, cached=True):
            plugins += ["-p", "pytest_pushgateway.plugin"]
        command = ["-m", "pytest", "-qs", "-c", os.devnull, "--rootdir", name, *plugins, "test_first.py"]
        for cached, limit, count in ((True, 60, 30), (False, 200, 10)):
            found = []
            for _ in range(count + 1):
                told = re.search(r"first use: ([\d.]+)", _run(command, folder, cached=cached))
                assert told is not None
                found.append(float(told[1]))
            how = "cached" if cached else "not cached"
            yield below(f"first use of the fixture, bytecode {how}", statistics.median(found[1:]), limit)
