"""Shared by the tests of other people's clients: both programs pushed to alike, and compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests import peers
from tests.conformance import normalise
from tests.conformance.programs import Pair, Pairs, Program, until
from tests.conformance.records import looks
from tests.conformance.runner import ask, send

CLIENTS = Path(__file__).parent / "clients"
PROM_CLIENT = "prom-client@15.1.3"


class NotHere(Exception):
    """A client is not installed; ``str()`` names the missing part."""


def need_program(name: str) -> str:
    """Return the path of a program."""
    path = shutil.which(name)
    if path is None:
        peers.missing(f"{name} is not installed")
    return path


def install_prom_client(directory: Path) -> Path:
    """Install prom-client of Node below a directory, unless it is there, and return its ``node_modules``.

    Raises NotHere.
    """
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            raise NotHere(f"{name} is not installed")
    modules = directory / PROM_CLIENT.replace("@", "-") / "node_modules"
    if not (modules / "prom-client" / "package.json").is_file():
        with tempfile.TemporaryDirectory(prefix="npm-") as fresh:
            said = output("npm", "install", "--prefix", fresh, "--no-audit", "--no-fund", "--silent", PROM_CLIENT)
            if not said.endswith("status 0"):
                raise NotHere(f"npm could not install {PROM_CLIENT}: {said}")
            shutil.copytree(Path(fresh) / "node_modules", modules, dirs_exist_ok=True)
    return modules


def output(*command: str | Path, **environment: str) -> str:
    """Run a client and return its output; the status is part of it."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return f"{done.stdout}{done.stderr}status {done.returncode}"


def both(pairs: Pairs, client: Callable[[Program], object], flags: str = "default") -> str:
    """Let ``client`` push to both programs; compare its output and what they show afterwards.

    Return its output for ours.
    """
    pair = pairs.standing(flags)
    said = [_said(client, program) for program in pair]
    assert said[1] == said[0]
    assert_same_state(pair)
    return said[1]


def _said(client: Callable[[Program], object], program: Program) -> str:
    program.served = True
    said = client(program)
    answers = [str(answer) for answer in said] if isinstance(said, list) else [str(said)]
    # Which of two metrics that clash is blamed is random in the original; the records look at the words.
    blamed = [re.sub(r'collected metric "\w+" \{.*?\}\}( is not a \w+)?', "collected metric {...}", a) for a in answers]
    text = "\n".join(normalise.error(answer.encode()).decode() for answer in blamed)
    return normalise.DATE.sub("<date>", text.replace(f"127.0.0.1:{program.port}", "<address>"))


def assert_same_state(pair: Pair) -> None:
    """Compare scrapes and the API's groups."""
    for look in looks(headers=pair.flags.headers):
        until(lambda look=look: send(look, pair.original) == send(look, pair.ours), 0.5)  # type: ignore[misc]
        outcome = ask(look, pair)
        assert outcome.equal, str(outcome)
