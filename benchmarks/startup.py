"""The cost of the plugin to a run of pytest: its import, and the first use of the fixture, in their own processes."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Result, against, below, times
from benchmarks.servers import Server, go_command, our_command

# As for an installed wheel: pytest rewrites the assertions of all modules of a plugin's distribution.
REWRITTEN = 'import pytest\npytest.register_assert_rewrite("pytest_pushgateway")\n'
FIRST_USE = """
import time

def test_first(request):
    start, used = time.perf_counter(), time.process_time()
    gateway = request.getfixturevalue("pushgateway")
    gateway.push("a 1\\n", job="b")
    gateway.assert_exposed("a", 1)
    print("first use:", (time.perf_counter() - start) * 1000, (time.process_time() - used) * 1000)
"""
PLUGINS = ["-p", "rewritten", "-p", "pytest_pushgateway.plugin"]
INSTALLED_WITH_IT = ("pytest_pushgateway", "werkzeug", "prometheus_client", "google.protobuf", "yaml")


def _run(arguments: list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.getcwd()])}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "cache")
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    result = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=folder, check=True
    )
    return result.stdout + result.stderr


def import_of_the_unused_plugin() -> Iterator[Result]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(31):
            told = _run(["-X", "importtime", "-c", "import pytest, pytest_pushgateway.plugin"], Path(folder))
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
        command = ["-m", "pytest", "-qs", "-c", os.devnull, "--rootdir", name, *PLUGINS, "test_first.py"]
        for how, limit in (("cached", 60), ("not cached", 200)):
            found = []
            for turn in range(31):
                if how == "not cached":
                    _forget_bytecode(folder)
                told = re.search(r"first use: ([\d.]+) ([\d.]+)", _run(command, folder))
                assert told is not None
                if turn:
                    found.append((float(told[1]), float(told[2])))
            wall, processor = (statistics.median(each) for each in zip(*found, strict=True))
            note = f"processor time {processor:.1f} ms"
            yield below(f"first use of the fixture, bytecode {how}", wall, limit, note=note)


def start_of_serve() -> Iterator[Result]:
    """From the start of the process to the first answer, with bytecode cached; Python's own part in the note."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def start(command: list[str]) -> None:
            server = Server(command, environment)
            try:
                server.request("GET", "/-/ready")
            finally:
                # Its end is not measured: it would take longer than its start.
                started.append(server)

        def timed(command: list[str]) -> float:
            (taken,) = times(lambda: start(command), 1, 0)
            started.pop().stop()
            return taken

        started: list[Server] = []
        found = [(timed(our_command()), timed(go_command())) for _ in range(31)]
        bare = [times(lambda: subprocess.run([sys.executable, "-c", ""], env=environment), 1, 0)[0] for _ in range(11)]
    ours, go = (statistics.median(each) for each in zip(*found[1:], strict=True))
    note = f"an empty Python takes {statistics.median(bare):.0f}"
    yield against("start of serve to its first answer", ours, go, 5, note=note)


def _forget_bytecode(folder: Path) -> None:
    """Remove what an environment lacks before its first run: the bytecode of the package and of what it needs."""
    for package in INSTALLED_WITH_IT:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        for place in spec.submodule_search_locations or ():
            shutil.rmtree(f"{folder / 'cache'}{place}", ignore_errors=True)
