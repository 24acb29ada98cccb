"""Persistence files that cannot be read or written: nothing is overwritten, nothing acknowledged is forgotten."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pytest_pushgateway.gateway.persistence.persistence import PersistenceError
from tests.exposition.oracle import running_pushgateway
from tests.gateway.kept import Kept, ask, files_in

A = '# TYPE a untyped\na{instance="",job="j"} 1\n'


def aside(path: Path) -> list[Path]:
    return sorted(each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}.corrupt-"))


def filled(path: Path) -> bytes:
    with Kept(path) as gateway:
        gateway.put("".join(f"m{number} 1\n" for number in range(200)), job="j")
    return path.read_bytes()


def expect_set_aside(path: Path, reason: str, content: bytes) -> None:
    """A gateway that is started on the file starts empty and logs why; the file is moved aside, as it was."""
    with Kept(path) as gateway:
        assert gateway.store.groups() == []
        (moved,) = [each for each in aside(path) if not each.name.endswith(("-wal", "-shm"))]
        assert moved.read_bytes() == content
        ((level, message, fields),) = gateway.log.lines
        assert (level, message) == ("error", "could not load persisted metrics")
        assert reason in fields["err"]
        assert fields["moved_to"] == str(moved)
        gateway.put("a 1\n", job="j")
    with Kept(path) as again:
        assert again.exposed() == A


def test_empty_file_is_initialised(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    path.touch()
    with Kept(path) as gateway:
        assert gateway.log.lines == []
        gateway.put("a 1\n", job="j")
    with Kept(path) as again:
        assert again.exposed() == A
    assert aside(path) == []


@pytest.mark.parametrize("content", [b"x", b"not a database\n" * 1000, b"SQLite format 3"])
def test_something_else_is_moved_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "metrics"
    path.write_bytes(content)
    expect_set_aside(path, "not a database", content)


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_log_is_moved_with_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "metrics"
    path.write_bytes(b"nonsense")
    Path(f"{path}{suffix}").write_bytes(b"log")
    with Kept(path):
        moved = aside(path)
        assert [each.read_bytes() for each in moved] == [b"nonsense", b"log"]
        assert moved[1].name == f"{moved[0].name}{suffix}"


def test_files_moved_aside_in_the_same_second_do_not_replace_each_other(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    for number in range(3):
        path.write_bytes(b"nonsense %d" % number)
        Kept(path).stop()
        path.unlink()
    assert {each.read_bytes() for each in aside(path)} == {b"nonsense 0", b"nonsense 1", b"nonsense 2"}


def test_truncated_database_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    content = filled(path)[:-4096]
    path.write_bytes(content)
    expect_set_aside(path, "damaged", content)


def killed(path: Path) -> None:
    """Leave what a kill leaves: the group ``old`` in the file, and the group ``latest`` in its log only."""
    with Kept(path) as gateway:
        gateway.put("a 1\n", job="old")
    gateway = Kept(path)
    gateway.put("".join(f"m{number} 1\n" for number in range(200)), job="latest")
    left = [(each, each.read_bytes()) for each in (path, Path(f"{path}-wal"))]
    gateway.stop()
    for each, content in left:
        each.write_bytes(content)


@pytest.mark.parametrize(
    ("lose", "reason"),
    [
        (Path.unlink, "its write-ahead log is missing"),
        (lambda log: os.truncate(log, 0), "its write-ahead log is empty"),
        (lambda log: os.truncate(log, 31), "its write-ahead log is empty"),
    ],
    ids=["removed", "emptied", "cut"],
)
def test_log_lost_between_two_runs_is_reported(tmp_path: Path, lose: Callable[[Path], object], reason: str) -> None:
    path = tmp_path / "metrics"
    killed(path)
    lose(Path(f"{path}-wal"))
    with Kept(path) as gateway:
        ((level, message, fields),) = gateway.log.lines
        assert (level, message) == ("error", "could not load the latest persisted metrics")
        assert fields["err"] == f"{reason}; what was pushed since it was last folded into the file may be lost"
        assert len(gateway.store.groups()) == 1
    # It is reported once.
    with Kept(path) as gateway:
        assert (len(gateway.store.groups()), gateway.log.lines) == (1, [])


def test_first_page_alone_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    content = path.read_bytes()
    gateway.stop()
    for size in (108, 4096, len(content)):
        path.write_bytes(content[:size])
        with Kept(path) as again:
            assert again.log.messages == [("error", "could not load the latest persisted metrics")]
            assert again.store.groups() == []


@pytest.mark.parametrize(
    ("lose", "reason"),
    [
        (lambda path: os.truncate(path, 0), "empty, with a write-ahead log"),
        (Path.unlink, "missing, its write-ahead log is there"),
    ],
    ids=["emptied", "removed"],
)
def test_log_without_its_file_is_moved_aside(tmp_path: Path, lose: Callable[[Path], object], reason: str) -> None:
    path = tmp_path / "metrics"
    killed(path)
    lose(path)
    log = Path(f"{path}-wal").read_bytes()
    with Kept(path) as gateway:
        assert gateway.log.lines[0][2]["err"] == reason
        assert aside(path)[-1].read_bytes() == log
        gateway.put("a 1\n", job="j")
    with Kept(path) as again:
        assert (again.exposed(), again.log.lines) == (A, [])


def test_file_of_earlier_version_needs_no_log(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    filled(path)
    with closing(sqlite3.connect(path)) as connection:  # which left its header so at a clean end
        connection.execute("PRAGMA user_version = 3")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("SELECT generation FROM state").fetchall()
    with Kept(path) as gateway:
        assert gateway.log.lines == []
        assert gateway.exposed().count("\n") == 400


@pytest.mark.parametrize("name", ["mem", "maps", "comm"])
def test_file_of_the_kernel_is_refused(name: str) -> None:
    path = Path("/proc/self", name)
    if not path.exists():
        pytest.skip("Linux has such files")
    with pytest.raises(PersistenceError, match=rf"^{path} cannot be read.*: \w.*$"):
        Kept(path)


def test_damaged_page_is_found_at_start(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    content = bytearray(filled(path))
    content[4096 * 7 : 4096 * 8] = b"\xa5" * 4096
    path.write_bytes(content)
    expect_set_aside(path, "damaged", bytes(content))


def test_database_without_its_tables_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("a 1\n", job="j")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE families")
    expect_set_aside(path, "damaged", path.read_bytes())


def test_foreign_database_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    expect_set_aside(path, "another application", path.read_bytes())


def test_database_of_newer_version_is_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(PersistenceError, match="written by a newer version"):
        Kept(path)
    assert path.read_bytes() == before


@pytest.mark.conformance
def test_file_of_original_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with running_pushgateway(f"--persistence.file={path}") as oracle:
        oracle.push(b"a 1\n")
    expect_set_aside(path, "the original Pushgateway (gob)", path.read_bytes())


def test_directory_is_rejected_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(PersistenceError, match=f"^{tmp_path} cannot be read: Is a directory$"):
        Kept(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes a named pipe, as POSIX does")
def test_non_file_is_rejected_in_one_line_and_kept(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Both ends, and something to read: who opens it nevertheless must not wait for ever.
    ends = os.open(pipe, os.O_RDWR)
    try:
        os.write(ends, b"x" * 4096)
        with pytest.raises(PersistenceError, match=f"^{pipe} is not a regular file$"):
            Kept(pipe)
    finally:
        os.close(ends)
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_link_is_followed(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to("target")
    with Kept(link) as gateway:
        gateway.put("a 1\n", job="j")
        assert gateway.log.lines == []
    with Kept(link) as again:
        assert again.exposed() == A
    target.write_bytes(b"nonsense")
    expect_set_aside(target, "not a database", b"nonsense")
    with Kept(link) as again:
        assert again.exposed() == A
    assert link.is_symlink()


def test_name_special_to_sqlite_is_a_plain_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Kept(Path(":memory:")) as gateway:
        gateway.put("a 1\n", job="j")
        assert gateway.log.lines == []
    with Kept(tmp_path / ":memory:") as again:
        assert again.exposed() == A


def test_gateway_works_without_directory_of_file(tmp_path: Path) -> None:
    path = tmp_path / "later" / "metrics"
    gateway = Kept(path)
    assert gateway.log.messages == [("error", "error persisting metrics")]
    assert gateway.put("a 1\n", job="j").accepted
    assert gateway.put("b 1\n", job="k").accepted
    assert len(gateway.log.lines) == 1
    assert gateway.persistence.failing
    path.parent.mkdir()
    gateway.delete(job="k")
    assert gateway.log.messages[1:] == [("info", "persisting metrics works again")]
    assert gateway.persistence.failing is None
    gateway.persistence.crash()
    with Kept(path) as again:
        assert again.exposed() == A


@pytest.mark.parametrize("length", [251, 255, 256, 5000])
def test_gateway_works_with_too_long_a_file_name(tmp_path: Path, length: int) -> None:
    """The log has a longer one: ``-wal`` is added."""
    gateway = Kept(tmp_path / ("x" * length))
    assert gateway.log.messages == [("error", "error persisting metrics")]
    assert gateway.put("a 1\n", job="j").accepted
    gateway.stop()


def test_gateway_works_with_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    gateway = Kept(tmp_path / "link")
    assert gateway.log.messages == [("error", "error persisting metrics")]
    (tmp_path / "link").unlink()
    assert gateway.put("a 1\n", job="j").accepted
    assert gateway.persistence.failing is None
    gateway.stop()


def test_full_disk_forgets_nothing_and_is_logged_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    limit = gateway.persistence._database._connection  # type: ignore[union-attr]
    limit.execute("PRAGMA max_page_count = 8")
    big = "".join(f'big{{x="{number:0200}"}} 1\n' for number in range(1000))
    assert gateway.put(big, job="k").accepted
    assert gateway.put("c 1\n", job="l").accepted
    assert gateway.log.messages == [("error", "error persisting metrics")]
    assert gateway.log.lines[0][2]["err"] == "database or disk is full"
    assert len(gateway.store.groups()) == 3
    assert gateway.persistence.failing == "database or disk is full"

    limit.execute("PRAGMA max_page_count = 100000")
    gateway.put("a 1\n", job="j")
    assert gateway.log.messages[1:] == [("info", "persisting metrics works again")]
    gateway.persistence.crash()
    with Kept(path) as again:
        assert len(again.store.groups()) == 3
        assert len(again.store.families_named(b"big")[0][1].series) == 1000


def test_last_good_state_stays_on_disk_while_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    gateway.persistence._database._connection.execute("PRAGMA max_page_count = 8")  # type: ignore[union-attr]
    gateway.put("".join(f'big{{x="{number:0200}"}} 1\n' for number in range(1000)), job="j")
    gateway.store.reset()
    gateway.put("".join(f'big{{x="{number:0200}"}} 1\n' for number in range(1000)), job="j")
    gateway.persistence.close()
    assert gateway.log.messages[-1] == ("error", "metrics not persisted are lost")
    with Kept(path) as again:
        assert again.store.families_named(b"big") == []


def test_vanished_file_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    for each in tmp_path.iterdir():
        each.unlink()
    gateway.put("b 1\n", job="k")
    gateway.persistence.crash()
    with Kept(path) as again:
        assert [name for name in again.store.names() if len(name) == 1] == [b"a", b"b"]


def test_file_appearing_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path, other = tmp_path / "metrics", tmp_path / "other"
    with Kept(other) as gateway:
        gateway.put("z 1\n", job="j")
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    other.replace(path)
    gateway.put("b 1\n", job="k")
    assert ("error", "another persistence file appeared") in gateway.log.messages
    gateway.persistence.crash()
    (moved,) = aside(path)
    assert (b"z",) in ask(moved, "SELECT name FROM families")
    with Kept(path) as again:
        assert [name for name in again.store.names() if len(name) == 1] == [b"a", b"b"]


def test_damage_found_while_running_is_cured_from_memory(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    filled(path)
    gateway = Kept(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    # What SQLite has in its cache it does not read again.
    gateway.persistence._database._connection.execute("PRAGMA shrink_memory")  # type: ignore[union-attr]
    gateway.put("a 1\n", job="j")
    assert gateway.log.messages[0] == ("warn", "persistence file changed, writing it again")
    assert "damaged" in gateway.log.lines[1][2]["err"]
    assert len([each for each in aside(path) if not each.name.endswith("-wal")]) == 1
    gateway.persistence.crash()
    with Kept(path) as again:
        assert again.exposed() == A


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A directory of a user whom permissions bind, as they do not bind root; the test runs as that user."""
    if not hasattr(os, "geteuid"):
        pytest.skip("changes the permissions that files have on POSIX")
    with tempfile.TemporaryDirectory(prefix="unprivileged-") as name:
        directory = Path(name)
        if os.geteuid() != 0:
            yield directory
        else:
            os.chown(directory, 65534, 65534)
            os.seteuid(65534)
            try:
                yield directory
            finally:
                os.seteuid(0)
        directory.chmod(0o700)


@pytest.mark.parametrize("modes", [(0o400, 0o700), (0o600, 0o500), (0o400, 0o500)], ids=["file", "directory", "both"])
def test_read_only_file_is_read_and_replaced_when_possible(unprivileged: Path, modes: tuple[int, int]) -> None:
    path = unprivileged / "metrics"
    with Kept(path) as gateway:
        gateway.put("a 1\n", job="j")
        gateway.put("b 1\n", job="k")
    content = path.read_bytes()
    path.chmod(modes[0])
    unprivileged.chmod(modes[1])

    gateway = Kept(path)
    assert len(gateway.store.groups()) == 2
    gateway.delete(job="k")
    gateway.put("c 1\n", job="l")
    assert gateway.log.messages == [("error", "error persisting metrics")]
    assert gateway.persistence.failing
    assert path.read_bytes() == content

    unprivileged.chmod(0o700)
    path.chmod(0o600)
    gateway.put("d 1\n", job="m")
    assert gateway.log.messages[1:] == [("info", "persisting metrics works again")]
    gateway.persistence.crash()
    with Kept(path) as again:
        assert sorted(name for name in again.store.names() if len(name) == 1) == [b"a", b"c", b"d"]
    assert aside(path) == []


def test_log_of_killed_read_only_file_is_also_read(unprivileged: Path) -> None:
    path = unprivileged / "metrics"
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    left = {name: (unprivileged / name).read_bytes() for name in files_in(unprivileged)}
    gateway.stop()
    for name, content in left.items():
        (unprivileged / name).write_bytes(content)
        (unprivileged / name).chmod(0o400)
    assert len(left) == 3  # with its log, and the note of where that ends
    unprivileged.chmod(0o500)
    with Kept(path) as again:
        assert len(again.store.groups()) == 1
    found = [(unprivileged / name).read_bytes() for name in files_in(unprivileged)]
    assert sorted(found) == sorted(left.values())


def test_inaccessible_file_is_rejected_in_one_line(unprivileged: Path) -> None:
    path = unprivileged / "metrics"
    filled(path)
    path.chmod(0)
    with pytest.raises(PersistenceError, match=f"^{path} cannot be read: Permission denied$"):
        Kept(path)
    path.chmod(0o400)
    content = bytearray(path.read_bytes())
    content[4096 * 7 : 4096 * 8] = b"\xa5" * 4096
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o400)
    unprivileged.chmod(0o500)
    with pytest.raises(PersistenceError, match=r"^.*metrics cannot be opened: .*; nor read: damaged: .*$"):
        Kept(path)


def test_partly_rewritten_file_is_rewritten_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.put("a 1\n", job="j")
    gateway.put("".join(f'big{{x="{number:0200}"}} 1\n' for number in range(1000)), job="k")
    for each in tmp_path.iterdir():
        each.unlink()
    with limited_file_size(50_000):
        gateway.put("c 1\n", job="l")
    assert gateway.log.messages[-1] == ("error", "error persisting metrics")
    gateway.put("d 1\n", job="m")
    gateway.persistence.crash()
    with Kept(path) as again:
        assert len(again.store.groups()) == 4


@contextmanager
def limited_file_size(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``limit`` bytes: what a full disk is to SQLite."""
    resource = pytest.importorskip("resource", reason="limits the size of files, as POSIX does")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
