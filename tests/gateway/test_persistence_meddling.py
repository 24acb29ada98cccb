"""Changes of the file by something else, while the gateway runs, are noticed before the next answer and made good."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests.gateway.kept import Kept, ask, files_in
from tests.gateway.tapped import after_a_kill, tapped

CHANGED = ("warn", "persistence file changed, writing it again")

Meddle = Callable[[Path], object]


def log_of(path: Path) -> Path:
    return Path(f"{path}-wal")


def foreign(path: Path) -> Path:
    """Make another gateway's file beside."""
    other = path.with_name("other")
    with Kept(other) as gateway:
        gateway.put("foreign 1\n", job="foreign")
    return other


def overwrite(path: Path, offset: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * 64)
    later(path)


def later(path: Path) -> None:
    """Date a change of the same size a moment later: the clock of a file system may tick every 10 milliseconds only."""
    time = path.stat().st_mtime_ns + 10_000_000
    os.utime(path, ns=(time, time))


def put_in_place(path: Path) -> None:
    shutil.copyfile(foreign(path), path)
    later(path)


def put_in_place_of_the_log(path: Path) -> None:
    log_of(path).rename(path.with_name("moved"))
    shutil.copyfile(path.with_name("moved"), log_of(path))


def remove_both(path: Path) -> None:
    path.unlink()
    log_of(path).unlink()


def empty_in_place(path: Path) -> None:
    path.unlink()
    path.touch()


def move_directory(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.mkdir()


MEDDLERS: dict[str, Meddle] = {
    "file removed": lambda path: path.unlink(),
    "file and log removed": remove_both,
    "file renamed": lambda path: path.rename(path.with_name("renamed")),
    "file emptied": lambda path: os.truncate(path, 0),
    "file cut": lambda path: os.truncate(path, 4096),
    "file grown": lambda path: os.truncate(path, 1 << 20),
    "file replaced": lambda path: foreign(path).replace(path),
    "file replaced by an empty one": empty_in_place,
    "file overwritten": put_in_place,
    "file spoilt": overwrite,
    "page of the file spoilt": lambda path: overwrite(path, 5000),
    "log removed": lambda path: log_of(path).unlink(),
    "log renamed": lambda path: log_of(path).rename(path.with_name("renamed")),
    "log emptied": lambda path: os.truncate(log_of(path), 0),
    "log cut": lambda path: os.truncate(log_of(path), 9000),
    "log spoilt": lambda path: overwrite(log_of(path)),
    "end of the log spoilt": lambda path: overwrite(log_of(path), 9000),
    "log replaced": put_in_place_of_the_log,
    "directory moved": move_directory,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "directory"
    directory.mkdir()
    return directory / "metrics"


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
@pytest.mark.parametrize("meddle", MEDDLERS.values(), ids=MEDDLERS)
def test_everything_is_written_again_before_the_next_answer(path: Path, meddle: Meddle, synchronous: str) -> None:
    gateway = Kept(path, synchronous=synchronous)
    gateway.put("".join(f"m{number} 1\n" for number in range(50)), job="j")
    gateway.put("b 1\n", job="k")
    meddle(path)
    gateway.put("c 1\n", job="l")
    assert gateway.log.messages[0] == CHANGED
    assert gateway.persistence.failing is None
    with after_a_kill(path) as again:
        assert again.exposed() == gateway.exposed()
    # It is noticed once.
    lines = len(gateway.log.lines)
    gateway.put("d 1\n", job="m")
    gateway.stop()
    assert len(gateway.log.lines) == lines
    with Kept(path) as again:
        assert again.exposed() == gateway.exposed()


@pytest.mark.parametrize("meddle", MEDDLERS.values(), ids=MEDDLERS)
def test_stop_also_notices_meddling(path: Path, meddle: Meddle) -> None:
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    meddle(path)
    gateway.stop()
    with Kept(path) as again:
        assert again.exposed() == gateway.exposed()


@pytest.mark.parametrize("meddle", MEDDLERS.values(), ids=MEDDLERS)
@pytest.mark.parametrize(
    "request_", [lambda g: g.delete(job="nothing"), lambda g: g.store.wipe()], ids=["delete", "wipe"]
)
def test_any_answer_notices_meddling(path: Path, meddle: Meddle, request_: Callable[[Kept], object]) -> None:
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    meddle(path)
    request_(gateway)
    assert gateway.log.messages[0] == CHANGED
    with after_a_kill(path) as again:
        assert again.exposed() == gateway.exposed()
    gateway.stop()


@pytest.mark.parametrize("meddle", ["file replaced", "file overwritten"])
def test_foreign_file_is_moved_aside(path: Path, meddle: str) -> None:
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    MEDDLERS[meddle](path)
    gateway.put("b 1\n", job="k")
    (aside,) = path.parent.glob("metrics.corrupt-*Z")
    assert (b"foreign",) in ask(aside, "SELECT name FROM families")
    gateway.stop()


@pytest.mark.parametrize("meddle", ["log removed", "log emptied", "log spoilt", "file removed", "file emptied"])
def test_own_file_leaves_nothing_beside(path: Path, meddle: str) -> None:
    with Kept(path) as gateway:
        gateway.put("a 1\n", job="j")
        MEDDLERS[meddle](path)
        gateway.put("b 1\n", job="k")
    assert files_in(path.parent) == [path.name]


def test_moved_directory_fails_until_it_is_back(path: Path) -> None:
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    path.parent.rename(path.parent.with_name("moved"))
    gateway.put("b 1\n", job="k")
    assert gateway.persistence.failing is not None
    assert ("error", "error persisting metrics") in gateway.log.messages
    path.parent.with_name("moved").rename(path.parent)
    gateway.put("c 1\n", job="l")
    assert gateway.persistence.failing is None
    with after_a_kill(path) as again:
        assert again.exposed() == gateway.exposed()
    gateway.stop()


@pytest.mark.parametrize("before", ["file", "link"])
def test_link_that_is_led_elsewhere_is_followed(path: Path, before: str) -> None:
    one, other = path.with_name("one"), path.with_name("other")
    if before == "link":
        path.symlink_to("one")
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    if before == "file":
        path.rename(one)
    else:
        path.unlink()
    path.symlink_to("other")
    gateway.put("b 1\n", job="k")
    gateway.put("c 1\n", job="l")
    assert gateway.log.messages == [CHANGED]
    with after_a_kill(other) as again:
        assert again.exposed() == gateway.exposed()
    gateway.stop()
    assert path.is_symlink()
    assert one.exists()


def test_reading_the_file_is_not_meddling(path: Path) -> None:
    with Kept(path) as gateway:
        gateway.put("a 1\n", job="j")
        path.read_bytes()
        log_of(path).read_bytes()
        path.chmod(0o640)
        gateway.put("b 1\n", job="k")
        assert gateway.log.lines == []


@pytest.mark.slow
@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_sqlite_itself_does_not_meddle(path: Path, synchronous: str) -> None:
    """Its log is folded into the file, begun again, and cut after a large transaction."""
    with Kept(path, synchronous=synchronous) as gateway:
        sizes = []
        for turn, series in enumerate([2000, 100, 90_000, 100, 2000, 2000, 100, 100, 2000, 2000, 10, 2000]):
            gateway.put("".join(f'm{{x="{number:0100}"}} {turn}\n' for number in range(series)), job="j")
            if turn % 4 == 3:
                gateway.delete(job="j")
            sizes.append(log_of(path).stat().st_size)
        assert sizes != sorted(sizes)
        assert gateway.log.lines == []


def test_file_system_that_sets_times_late_is_found_out(path: Path) -> None:
    """Some network file systems do: were each such change believed, every push would write everything."""
    with Kept(path) as gateway:
        for number in range(6):
            gateway.put(f"a {number}\n", job="j")
            os.utime(path, (number, number))
            with after_a_kill(path) as again:
                assert again.exposed() == gateway.exposed()
        assert gateway.log.messages.count(CHANGED) == 2
        # What is more than a time is noticed nevertheless.
        os.truncate(log_of(path), 0)
        gateway.put("b 1\n", job="k")
        assert gateway.log.messages.count(CHANGED) == 3


class AtCall:
    """Meddles with the file at the call of SQLite that has a number, counted from when it is armed."""

    def __init__(self, number: int, meddle: Callable[[], object]) -> None:
        self.left = number
        self.meddle = meddle
        self.armed = False

    def __call__(self, when: str, statement: str) -> None:
        if self.armed:
            if self.left == 0:
                self.meddle()
            self.left -= 1


@pytest.mark.slow
@pytest.mark.parametrize("required", [False, True], ids=["", "required"])
@pytest.mark.parametrize(
    "meddle",
    ["file removed", "file renamed", "file emptied", "file cut", "file replaced", "log removed", "log emptied"],
)
def test_meddling_is_noticed_while_writing(tmp_path: Path, meddle: str, required: bool) -> None:
    """Under load a fair part of the time is spent there."""
    for number in count():
        path = tmp_path / str(number) / "metrics"
        path.parent.mkdir()
        meddler = AtCall(number, partial(MEDDLERS[meddle], path))
        with tapped(meddler):
            gateway = Kept(path, synchronous="NORMAL" if meddle.startswith("log") else "OFF", required=required)
        gateway.put("".join(f"m{each} 1\n" for each in range(50)), job="j")
        meddler.armed = True
        verdict = gateway.put(f'b{{x="{0:01000}"}} 1\n', job="k")
        meddler.armed = False
        assert verdict.accepted or required
        with after_a_kill(path) as again:
            assert again.exposed() == gateway.exposed()
        gateway.put("c 1\n", job="l")
        gateway.stop()
        with Kept(path) as again:
            assert again.exposed() == gateway.exposed()
        if meddler.left >= 0:
            break
