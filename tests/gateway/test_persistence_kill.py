"""A killed process loses nothing that it has acknowledged."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.kept import Kept

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("PERSISTENCE_KILLS", "5"))

# Pushes as fast as it can and prints each number once the push is acknowledged.
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.gateway.kept import Kept
gateway = Kept(Path(sys.argv[1]), synchronous=sys.argv[3])
number = 0
while True:
    number += 1
    gateway.put(f"a {number}\\nb{number % 7} {number}\\n", job=f"j{number % 5}")
    print(number, flush=True)
"""


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_acknowledged_pushes_survive_a_kill(tmp_path: Path, synchronous: str) -> None:
    path = tmp_path / "metrics"
    dice = random.Random(1)
    root = str(Path(__file__).parents[2])
    for _ in range(KILLS):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path), root, synchronous], stdout=subprocess.PIPE)
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(dice.randint(1, 300))]
        child.kill()
        said += child.stdout.readlines()
        child.stdout.close()
        child.wait()
        last = int(said[-1])
        with Kept(path) as again:
            values = {int(value) for _, family in again.store.families_named(b"a") for _, value in family.series}  # type: ignore[arg-type]
            # The push after the last acknowledged one may have got as far as the file, too.
            assert max(values) in (last, last + 1)
            assert len(again.store.groups()) == min(5, max(values))
            again.store.wipe()
