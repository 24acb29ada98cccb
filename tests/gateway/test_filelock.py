"""The lock on the persistence file, by each of the ways that a system may have."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_pushgateway.gateway.persistence import filelock
from pytest_pushgateway.gateway.persistence.filelock import FileLock, InUse

ELSEWHERE = """
import sys
from pathlib import Path
from pytest_pushgateway.gateway.persistence import filelock

if sys.argv[2] == "flock":
    filelock._OFD_SETLK = None
try:
    filelock.FileLock(Path(sys.argv[1])).release()
    print("free")
except filelock.InUse:
    print("in use")
"""


def elsewhere(path: Path, way: str) -> str:
    """Return what another process finds."""
    command = [sys.executable, "-c", ELSEWHERE, str(path), way]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


@pytest.fixture(params=["own", "flock"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The lock of this system, and that of macOS."""
    if request.param == "flock":
        pytest.importorskip("fcntl", reason="locks a file beside, as Unix does")
        monkeypatch.setattr(filelock, "_OFD_SETLK", None)
    return str(request.param)


def test_second_lock_is_refused_here_and_elsewhere(tmp_path: Path, way: str) -> None:
    path = tmp_path / "kept"
    lock = FileLock(path)
    with pytest.raises(InUse):
        FileLock(path)
    assert elsewhere(path, way) == "in use"
    lock.release()
    assert elsewhere(path, way) == "free"
    FileLock(path).release()


def test_lock_outlives_other_descriptors_of_the_file(tmp_path: Path, way: str) -> None:
    path = tmp_path / "kept"
    lock = FileLock(path)
    path.read_bytes()
    os.close(os.open(path, os.O_RDWR))
    with pytest.raises(InUse):
        FileLock(path)
    assert elsewhere(path, way) == "in use"
    lock.release()


def test_refused_lock_leaves_no_descriptor_and_no_claim(tmp_path: Path, way: str) -> None:
    path, other = tmp_path / "kept", tmp_path / "other"
    lock = FileLock(path)
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    for _ in range(3):
        with pytest.raises(InUse):
            FileLock(path)
    assert os.open(os.devnull, os.O_RDONLY) == number
    os.close(number)
    second = FileLock(other)
    lock.release()
    lock.release()
    second.release()
    FileLock(path).release()


def test_windows_locks_a_byte_far_behind_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, int]] = []

    def locking(descriptor: int, mode: int, count: int) -> None:
        asked.append((os.lseek(descriptor, 0, os.SEEK_CUR), mode, count))

    monkeypatch.setattr(filelock, "_OFD_SETLK", None)
    monkeypatch.setattr(filelock, "_fcntl", None)
    monkeypatch.setattr(filelock, "_msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    path = tmp_path / "kept"
    lock = FileLock(path)
    with pytest.raises(InUse):
        FileLock(path)
    assert asked == [((1 << 43) + (1 << 31) - (1 << 16), 2, 1)]
    lock.release()
    FileLock(path).release()
    assert len(asked) == 2


def test_locks_of_macos_are_not_taken_for_those_of_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python names them since 3.11, and their structure is another one: a lock as on Linux would be refused."""
    fcntl = pytest.importorskip("fcntl", reason="locks a file as Unix does")
    spec = importlib.util.find_spec(filelock.__name__)
    assert spec is not None
    assert spec.loader is not None
    there = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        patch.setattr(fcntl, "F_OFD_SETLK", 90, raising=False)
        spec.loader.exec_module(there)
    lock = there.FileLock(tmp_path / "kept")
    with pytest.raises(there.InUse):
        there.FileLock(tmp_path / "kept")
    assert elsewhere(tmp_path / "kept", "flock") == "in use"
    lock.release()
