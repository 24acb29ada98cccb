"""Metrics that a gateway keeps over a restart, and when they are in the file."""

from __future__ import annotations

import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_pushgateway import threads
from pytest_pushgateway.exposition.protobuf import reader as protobuf
from pytest_pushgateway.gateway.persistence.persistence import Persistence, PersistenceError
from tests.gateway.held import NOW, key
from tests.gateway.kept import Kept, Log, ask, files_in
from tests.gateway.rivals import some_protobuf, some_text
from tests.systems import needs_fork

EVERYTHING = b"""# HELP g A gauge with \\\\ and \\n in its help.
# TYPE g gauge
g{x="\\\\ \\" \\n  ."} NaN
g{x=""} +Inf
# TYPE c counter
c 1e+06
# TYPE s summary
s{quantile="0.5"} NaN
s{quantile="0.9"} 7
s_sum 3.25
s_count 4
# TYPE h histogram
h_bucket{le="0.1"} 1
h_bucket{le="+Inf"} 3
h_sum NaN
h_count 3
# TYPE f histogram
f_bucket{le="0.1"} 1.5
f_count 2.5
# TYPE gh gaugehistogram
gh_bucket{le="1"} 1
gh_sum -0
u 12
"""


def said(gateway: Kept) -> str:
    """Return all that stands, in a form in which NaN equals NaN and a type its number."""
    return re.sub(r"<MetricType\.\w+: (\d)>", r"\1", repr(gateway.store.groups()))


def test_everything_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put(EVERYTHING, job="j", x=b"\xff/")
        gateway.clock.now += 10
        gateway.put(EVERYTHING, job="j", instance="")
        gateway.post("g 1\n", job="k")
        gateway.clock.now += 10
        gateway.post("u 13\nu 14 15\n", job="k")
        groups = gateway.store.groups()
        before_restart = said(gateway)
    with Kept(path) as again:
        assert [group.key for group in again.store.groups()] == [group.key for group in groups]
        for before, after in zip(groups, again.store.groups(), strict=True):
            assert after.push_time == before.push_time
            assert after.push_failure_time == before.push_failure_time
        assert said(again) == before_restart
        assert groups[2].push_failure_time == NOW + 20
        # Restored metrics are judged as if they had been pushed.
        assert again.store.poisoned() is not None
        assert again.log.lines == []


def test_restored_gateway_answers_and_shows_the_same(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put(EVERYTHING, job="j")
        gateway.put("# HELP g Another help.\n# TYPE g gauge\ng 1\n", job="k")
        exposed = gateway.exposed()
    with Kept(path) as again:
        assert again.exposed() == exposed
        verdict = again.put("# TYPE g counter\ng 1\n", job="l")
        assert verdict.error is not None
        assert "is not a GAUGE" in verdict.error
        assert again.put(EVERYTHING, job="j").accepted


def test_protobuf_only_fields_are_restored(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    exemplar = b"\x1a\x12" + b"\x09" + struct.pack("<d", 1.5) + b"\x12\x07\x0a\x05\x0a\x01t\x12\x00"
    native = b"\x3a\x0d" + b"\x08\x03" + b"\x28\x02" + b"\x62\x04\x08\x01\x10\x02" + b"\x6a\x01\x02"
    body = b"\x0a\x01c\x18\x00\x22" + bytes([len(exemplar)]) + exemplar
    body2 = b"\x0a\x01n\x18\x04\x22" + bytes([len(native)]) + native
    message = bytes([len(body)]) + body + bytes([len(body2)]) + body2
    group = key(job="j")
    with Kept(path) as gateway:
        gateway.store.push(group, protobuf.parse(message, dict(group)), replace=True)
        before = said(gateway)
        assert "Mixed" in before
    with Kept(path) as again:
        assert said(again) == before


@pytest.mark.parametrize("seed", range(20))
def test_random_families_come_back(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    group = key(job="j", x=b"\xfe")
    with Kept(tmp_path / "metrics") as gateway:
        gateway.post(some_text(dice, [b"a", b"h", b"s"], calm=False).replace(b" 1234", b""), check=False, job="j")
        body = some_protobuf(dice, [b"a", b"h", b"", b"\xff \n"])
        gateway.store.push(group, protobuf.parse(body, dict(group)), replace=False, check=False)
        before = said(gateway)
    with Kept(tmp_path / "metrics") as again:
        assert said(again) == before


def test_deletions_and_replacements_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("a 1\nb 1\n", job="j")
        gateway.put("a 1\n", job="k")
        gateway.put("b 2\n", job="j")
        gateway.delete(job="k")
        exposed = gateway.exposed()
    with Kept(path) as again:
        assert again.exposed() == exposed == '# TYPE b untyped\nb{instance="",job="j"} 2\n'


def test_interval_0_writes_push_before_answer(tmp_path: Path) -> None:
    gateway = Kept(tmp_path / "metrics")
    gateway.put("a 1\n", job="j")
    gateway.put("a 1 2\n", job="k")
    gateway.put("a 1\n", job="l")
    gateway.delete(job="l")
    gateway.persistence.crash()
    with Kept(tmp_path / "metrics") as again:
        assert again.exposed() == '# TYPE a untyped\na{instance="",job="j"} 1\n'
        assert [group.push_failure_time for group in again.store.groups()] == [0, NOW]


def test_crash_loses_pushes_since_last_flush(tmp_path: Path) -> None:
    gateway = Kept(tmp_path / "metrics", interval=3600)
    gateway.put("a 1\n", job="j")
    gateway.persistence.flush()
    gateway.put("a 2\n", job="j")
    gateway.persistence.crash()
    with Kept(tmp_path / "metrics", interval=3600) as again:
        assert again.exposed() == '# TYPE a untyped\na{instance="",job="j"} 1\n'
        again.put("a 3\n", job="j")
    with Kept(tmp_path / "metrics") as third:
        assert third.exposed() == '# TYPE a untyped\na{instance="",job="j"} 3\n'


def test_with_an_interval_a_thread_writes(tmp_path: Path) -> None:
    written = threading.Event()
    log = Log()

    def listen(level: str, message: str, **fields: object) -> None:
        log(level, message, **fields)
        written.set()

    persistence = Persistence.open(tmp_path / "metrics", 0.001, log=listen)
    persistence.mark(key(job="j"), {b"a": None})
    persistence.written()
    assert written.wait(10)
    persistence.close()
    assert log.persisted[0] == ("info", "metrics persisted", {"file": str(tmp_path / "metrics")})
    assert not [thread for thread in threads.alive() if thread.name == "pushgateway-persistence"]


def test_push_writes_rows_of_families_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        gateway.put("".join(f"m{number} 1\n" for number in range(100)), job="j")
    before = dict(ask(path, "SELECT name, pushed_at FROM families"))
    with Kept(path) as gateway:
        gateway.clock.now += 60
        gateway.post("m7 2\n", job="j")
    after = dict(ask(path, "SELECT name, pushed_at FROM families"))
    assert {name for name, at in after.items() if at != before[name]} == {b"m7", b"push_time_seconds"}


def test_file_can_be_read_with_other_tools(tmp_path: Path) -> None:
    with Kept(tmp_path / "metrics") as gateway:
        gateway.put('# TYPE a gauge\na{x="1"} 1\na{x="2"} 2\n', job="j")
    query = "SELECT \"group\", type, series FROM families WHERE name = CAST('a' AS BLOB)"
    assert ask(tmp_path / "metrics", query) == [
        (b'{job="j"}', 1, b'a{instance="",job="j",x="1"} 1\na{instance="",job="j",x="2"} 2')
    ]
    assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o600


def test_reset_writes_a_number_and_removes_old_rows_later(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.put("".join(f"m{number} 1\n" for number in range(100)), job="j")
    gateway.store.reset()
    gateway.put("a 1\n", job="k")
    gateway.persistence.crash()
    old = "SELECT count(*) FROM families WHERE generation = 0"
    assert 0 < ask(path, old)[0][0] < 100
    with Kept(path) as again:
        assert again.exposed() == '# TYPE a untyped\na{instance="",job="k"} 1\n'
    assert ask(path, old) == [(0,)]


def test_later_flushes_purge_the_rows_of_a_reset(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.put("".join(f"m{number} 1\n" for number in range(20)), job="j")
    gateway.store.reset()
    gateway.put("a 1\n", job="k")
    gateway.put("a 2\n", job="k")
    gateway.persistence.crash()
    assert ask(path, "SELECT DISTINCT generation FROM families") == [(1,)]


def test_wipe_is_persisted(tmp_path: Path) -> None:
    gateway = Kept(tmp_path / "metrics")
    gateway.put("a 1\n", job="j")
    gateway.store.wipe()
    gateway.persistence.crash()
    with Kept(tmp_path / "metrics") as again:
        assert again.store.groups() == []


def test_second_gateway_on_one_file_refuses_to_start(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path) as gateway:
        with pytest.raises(PersistenceError, match=f"^{path} is in use by another gateway$"):
            Kept(path)
        assert gateway.put("a 1\n", job="j").accepted
    with Kept(path) as again:
        assert again.exposed() == '# TYPE a untyped\na{instance="",job="j"} 1\n'


OTHER = """
import sys
from pathlib import Path
from pytest_pushgateway.gateway.persistence.persistence import Persistence
Persistence.open(Path(sys.argv[1]), 0, log=print).close()
"""


def started_elsewhere(path: Path) -> str:
    """Start a gateway on the file in another process; return the last line that the process prints."""
    finished = subprocess.run([sys.executable, "-c", OTHER, path], capture_output=True, text=True, timeout=30)
    return (finished.stdout + finished.stderr).rstrip().rpartition("\n")[2]


@pytest.mark.parametrize("touch", ["a second gateway", "a reader"])
def test_file_of_another_process_is_refused_whatever_happened_to_it(tmp_path: Path, touch: str) -> None:
    """POSIX locks, which are SQLite's, go when the process closes any descriptor of the file."""
    path = tmp_path / "metrics"
    with Kept(path):
        if touch == "a reader":
            path.read_bytes()
        else:
            with pytest.raises(PersistenceError):
                Kept(path)
        assert started_elsewhere(path).endswith(f"PersistenceError: {path} is in use by another gateway")
    assert started_elsewhere(path) == ""


def test_damaged_file_in_use_is_not_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with Kept(path):
        with path.open("r+b") as file:
            file.write(b"damaged")
        with pytest.raises(PersistenceError, match="in use by another gateway"):
            Kept(path)
        assert [each.name for each in tmp_path.iterdir() if "corrupt" in each.name] == []


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_surviving_child_does_not_keep_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    child_side, our_side = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        our_side.close()
        child_side.send(b"alive")
        child_side.recv(1)
        os._exit(0)
    child_side.close()
    try:
        with our_side:
            assert our_side.recv(5) == b"alive"
            assert started_elsewhere(path).endswith("is in use by another gateway")
            gateway.stop()
            assert started_elsewhere(path) == ""
    finally:
        os.waitpid(pid, 0)


def test_pushes_of_many_threads_are_all_kept(tmp_path: Path) -> None:
    gateway = Kept(tmp_path / "metrics")

    def push(number: int) -> None:
        for turn in range(20):
            gateway.put(f"a {turn}\n", job=f"j{number}")

    threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gateway.persistence.crash()
    with Kept(tmp_path / "metrics") as again:
        assert [len(group.families) for group in again.store.groups()] == [3] * 8
        assert {value for _, family in again.store.families_named(b"a") for _, value in family.series} == {b"19"}


def test_nothing_is_written_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    gateway = Kept(path)
    gateway.stop()
    path.unlink()
    gateway.put("a 1\n", job="j")
    assert files_in(tmp_path) == []
