"""A write-ahead log that somebody cuts, empties or spoils after a kill is missed by the next start."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_pushgateway.gateway.persistence.log_end import note_path
from tests.gateway.kept import Kept, files_in

LOSS = "could not load the latest persisted metrics"

Change = Callable[[Path], object]


def log_of(path: Path) -> Path:
    return Path(f"{path}-wal")


def leave_as_a_kill(gateway: Kept, path: Path) -> None:
    """End a gateway, and put back what was there before."""
    left = {name: path.with_name(name).read_bytes() for name in files_in(path.parent)}
    gateway.stop()
    for name, content in left.items():
        path.with_name(name).write_bytes(content)


def killed_after_changing_rows(path: Path, *, synchronous: str = "NORMAL") -> str:
    """Leave a file in which only rows that were there have changed since it was started; return what was exposed."""
    with Kept(path, synchronous=synchronous) as gateway:
        gateway.put("a 0\n", job="j")
    gateway = Kept(path, synchronous=synchronous)
    for number in range(1, 20):
        gateway.put(f"a {number}\n", job="j")
    exposed = gateway.exposed()
    leave_as_a_kill(gateway, path)
    return exposed


def cut(path: Path, part: float) -> None:
    used = max(place for place, byte in enumerate(log_of(path).read_bytes()) if byte)
    os.truncate(log_of(path), int(used * part))


def spoil(path: Path) -> None:
    with log_of(path).open("r+b") as log:
        log.seek(30_000)
        log.write(b"\xa5" * 64)


CHANGES: dict[str, tuple[Change, str]] = {
    "cut at a half": (lambda path: cut(path, 0.5), "was cut"),
    "cut by a byte": (lambda path: cut(path, 0.999), "was cut"),
    "cut in its beginning": (lambda path: os.truncate(log_of(path), 20), "is empty"),
    "emptied": (lambda path: os.truncate(log_of(path), 0), "is empty"),
    "removed": (lambda path: log_of(path).unlink(), "is missing"),
    "spoilt": (spoil, "was cut or damaged"),
}


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
@pytest.mark.parametrize(("change", "text"), CHANGES.values(), ids=CHANGES)
def test_start_says_what_may_be_lost(tmp_path: Path, change: Change, text: str, synchronous: str) -> None:
    path = tmp_path / "metrics"
    killed_after_changing_rows(path, synchronous=synchronous)
    change(path)
    with Kept(path) as again:
        ((level, message, fields),) = again.log.lines
        assert (level, message) == ("error", LOSS)
        assert str(fields["err"]).startswith(f"its write-ahead log {text}; ")
        again.put("b 1\n", job="k")
    # It is said once.
    with Kept(path) as again:
        assert again.log.lines == []


def test_log_that_is_as_it_was_left_is_read_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    exposed = killed_after_changing_rows(path)
    with Kept(path) as again:
        assert again.exposed() == exposed
        assert again.log.lines == []
    assert files_in(tmp_path) == ["metrics"]


@pytest.mark.parametrize("change", [change for change, _ in CHANGES.values()][3:5], ids=["emptied", "removed"])
def test_kill_before_the_first_answer_loses_nothing(tmp_path: Path, change: Change) -> None:
    """As in the middle of the first write: there is room for it in the file, and nothing in the log."""
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("a 1\n", job="j")
    gateway = Kept(path)
    exposed = gateway.exposed()
    leave_as_a_kill(gateway, path)
    os.truncate(path, path.stat().st_size + 40_960)
    change(path)
    with Kept(path) as again:
        assert again.exposed() == exposed
        assert again.log.lines == []


def test_log_that_was_begun_again_is_taken_though_its_note_is_older(tmp_path: Path) -> None:
    """A kill may come between the first write to it and the note of that."""
    path = tmp_path / "metrics"
    gateway = Kept(path)
    runs: set[bytes] = set()
    for turn in range(100):
        note = Path(note_path(path)).read_bytes()
        gateway.put("".join(f'a{{x="{number:0100}"}} {turn}\n' for number in range(2000)), job="j")
        runs.add(log_of(path).read_bytes()[16:24])
        if len(runs) == 2:
            break
    assert len(runs) == 2
    exposed = gateway.exposed()
    leave_as_a_kill(gateway, path)
    Path(note_path(path)).write_bytes(note)
    with Kept(path) as again:
        assert again.exposed() == exposed
        assert again.log.lines == []


@pytest.mark.parametrize("content", [b"", b"\0" * 44, bytes(range(44)), b"x" * 5000], ids=["empty", "0", "odd", "long"])
def test_broken_note_loses_and_tells_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "metrics"
    exposed = killed_after_changing_rows(path)
    Path(note_path(path)).write_bytes(content)
    with Kept(path) as again:
        assert again.exposed() == exposed
        assert again.log.lines == []


def test_note_of_another_file_is_not_believed(tmp_path: Path) -> None:
    """As after a copy of the file was put in its place."""
    path = tmp_path / "metrics"
    killed_after_changing_rows(path)
    log_of(path).unlink()
    content = path.read_bytes()
    path.rename(tmp_path / "other")
    path.write_bytes(content)
    with Kept(path) as again:
        assert [fields["err"].partition(";")[0] for _, _, fields in again.log.lines] == [
            "its write-ahead log is missing"
        ]


@pytest.mark.slow
def test_note_follows_the_log_wherever_it_goes(tmp_path: Path) -> None:
    """Begun again, folded, cut after large writes: SQLite finds as many pages as the note says, or more."""
    path = tmp_path / "metrics"
    gateway = Kept(path, synchronous="NORMAL")
    for turn, series in enumerate([2000, 10, 60_000, 10, 2000, 2000, 10, 2000]):
        gateway.put("".join(f'm{{x="{number:0100}"}} {turn}\n' for number in range(series)), job="j")
        exposed = gateway.exposed()
        leave_as_a_kill(gateway, path)
        with Kept(path) as again:
            assert again.exposed() == exposed
            assert again.log.lines == []
        gateway = Kept(path, synchronous="NORMAL")
    gateway.stop()


def test_backup_put_in_the_place_of_a_killed_file_is_served_as_it_is(tmp_path: Path) -> None:
    """Its log stays there; SQLite would take it for that of the backup."""
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("a 1\n", job="old")
        exposed = gateway.exposed()
    backup = path.read_bytes()
    gateway = Kept(path)
    for number in range(20):
        gateway.put(f"b {number}\n", job=f"{number}")
    leave_as_a_kill(gateway, path)
    path.write_bytes(backup)
    log = log_of(path).read_bytes()
    with Kept(path) as again:
        assert again.exposed() == exposed
        ((level, message, fields),) = again.log.lines
        assert (level, message) == ("error", "persistence file has a foreign write-ahead log")
        assert Path(str(fields["moved_to"])).read_bytes() == log
