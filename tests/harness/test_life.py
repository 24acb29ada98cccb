"""Starting, stopping, restarting, crashing; forks and the end of the process."""

from __future__ import annotations

import gc
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway import MakePushgateway, Pushgateway, Settings, threads
from pytest_pushgateway.harness.behind.local import started
from pytest_pushgateway.harness.pushgateway import make
from tests.systems import needs_fork, open_descriptors

from .application import send


def test_context_manager_without_pytest() -> None:
    with Pushgateway() as gateway:
        assert repr(gateway) == f"<Pushgateway {gateway.url}: no groups, no pushes>"
        assert gateway.url == f"http://127.0.0.1:{gateway.port}"
        assert gateway.address == f"127.0.0.1:{gateway.port}"
        send(gateway)
        assert repr(gateway) == f"<Pushgateway {gateway.url}: one group, one push>"
        gateway.assert_exposed("backup_bytes", 7)

    assert repr(gateway) == "<Pushgateway stopped>"
    assert not gateway.running
    gateway.assert_exposed("backup_bytes", 7)


def test_context_manager_entered_again_keeps_new_file() -> None:
    gateway = Pushgateway()
    with gateway:
        gateway.restart()
        first = gateway.persistence_file
    with gateway:
        gateway.restart()
        send(gateway)
        gateway.crash()
        gateway.assert_exposed("backup_bytes", 7)
        assert gateway.persistence_file != first


def test_nothing_is_left_after_a_stop() -> None:
    gc.collect()  # what earlier tests left to the collector must not go in between
    before = set(threads.alive())
    descriptors = open_descriptors()
    with Pushgateway() as gateway:
        send(gateway)
        gateway.restart()
        directory = Path(gateway.persistence_file).parent
        assert directory.is_dir()

    assert set(threads.alive()) - before == set()
    assert open_descriptors() == descriptors
    assert not directory.exists()


def test_starting_and_stopping_twice_is_once(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    port = gateway.port

    assert gateway.start() is gateway
    gateway.stop()
    gateway.stop()
    gateway.start()

    assert gateway.port == port
    assert send(gateway) == 200


def test_stop_without_file_loses_metrics(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    send(gateway)
    gateway.stop()
    gateway.assert_exposed("backup_bytes", 7)

    gateway.start()

    gateway.assert_not_exposed()
    gateway.assert_pushed("backup_bytes", 7)
    with pytest.raises(AssertionError, match="was stored, then lost when the gateway stopped or crashed"):
        gateway.assert_exposed("backup_bytes", 7)


@pytest.mark.parametrize("again", ["restart", "crash"])
def test_restart_and_crash_keep_port_and_metrics(pushgateway: Pushgateway, again: str) -> None:
    send(pushgateway)
    port, push_time = pushgateway.port, pushgateway.groups[0].push_time

    getattr(pushgateway, again)()

    assert pushgateway.port == port
    assert pushgateway.value("backup_bytes", job="backup") == 7
    assert pushgateway.groups[0].push_time == push_time
    send(pushgateway, "backup_files 3\n", method="POST")
    getattr(pushgateway, again)()
    pushgateway.assert_exposed("backup_files", 3)
    assert len(pushgateway.pushes) == 2


def test_crash_loses_changes_within_interval(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway(persistence_interval=3600)
    assert gateway.persistence_file.endswith("pushgateway.sqlite")
    gateway.restart()
    send(gateway)

    gateway.crash()
    gateway.assert_not_exposed()
    send(gateway)
    gateway.restart()
    gateway.assert_exposed("backup_bytes", 7)


def test_own_persistence_file(make_pushgateway: MakePushgateway, tmp_path: Path) -> None:
    path = tmp_path / "metrics.sqlite"
    first = make_pushgateway(persistence_file=path)
    send(first)
    first.stop()

    second = make_pushgateway(persistence_file=str(path))

    assert second.persistence_file == str(path)
    second.assert_exposed("backup_bytes", 7)


def test_relative_file_survives_change_of_directory(
    make_pushgateway: MakePushgateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    gateway = make_pushgateway(persistence_file="metrics.sqlite")
    gateway.push("a 1\n", job="j")
    monkeypatch.chdir("elsewhere")
    gateway.push("b 1\n", job="k")

    gateway.restart()

    assert [group.grouping_key["job"] for group in gateway.groups] == ["j", "k"]
    assert gateway.persistence_file == str(tmp_path / "metrics.sqlite")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_no_file_is_made_until_it_is_needed(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    send(gateway)
    path = Path(gateway.persistence_file)

    assert path.is_file()
    assert gateway.persistence_file == str(path)


@pytest.mark.filterwarnings("ignore::pytest_pushgateway.UnusedFaultWarning")
@pytest.mark.parametrize("again", ["start", "restart", "crash"])
def test_gateway_starts_again_after_quit(make_pushgateway: MakePushgateway, again: str) -> None:
    gateway = make_pushgateway(enable_lifecycle=True)
    gateway.faults.error(503, paths="/metrics/*")
    assert send(gateway, "", "/-/quit") == 200

    assert not gateway.running
    assert repr(gateway) == "<Pushgateway stopped>"
    with pytest.raises(ConnectionRefusedError, match="it is stopped"):
        gateway.scrape()
    gateway.stop()
    getattr(gateway, again)()
    assert send(gateway) == 200
    gateway.restart()
    gateway.assert_exposed("backup_bytes", 7)


def test_stopped_gateway_restarts(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    gateway.restart()
    send(gateway)
    gateway.stop()

    gateway.restart()

    gateway.assert_exposed("backup_bytes", 7)


def test_reset_empties_everything_and_counts_again(pushgateway: Pushgateway) -> None:
    send(pushgateway)
    pushgateway.restart()
    pushgateway.reset()

    assert (pushgateway.groups, pushgateway.requests) == ([], [])
    assert pushgateway.push("a 1\n", job="b").number == 1
    pushgateway.restart()
    assert [group.grouping_key for group in pushgateway.groups] == [{"job": "b"}]


@pytest.mark.parametrize("end", [Pushgateway.stop, lambda gateway: send(gateway, "", "/-/quit")], ids=["stop", "quit"])
def test_reset_while_stopped_also_empties_file(
    make_pushgateway: MakePushgateway, end: Callable[[Pushgateway], object]
) -> None:
    gateway = make_pushgateway(enable_lifecycle=True)
    send(gateway)
    gateway.restart()
    end(gateway)
    gateway.reset()

    assert gateway.start().groups == []
    send(gateway, "backup_files 1\n")
    gateway.crash()
    assert [sample.name for sample in gateway.samples] == ["backup_files"]


def test_before_its_first_start_there_is_nothing_to_read() -> None:
    gateway = Pushgateway(port=9091)

    assert (gateway.port, gateway.url) == (9091, "http://127.0.0.1:9091")
    assert gateway.pushes == []
    with pytest.raises(RuntimeError, match=r"the gateway was never started: call start\(\)"):
        gateway.groups  # noqa: B018
    gateway.stop()
    gateway.reset()


def test_taken_port_is_named(pushgateway: Pushgateway) -> None:
    with pytest.raises(OSError, match=f"listen tcp 127.0.0.1:{pushgateway.port}: bind: address already in use"):
        Pushgateway(port=pushgateway.port).start()


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:{}"), ("::1", "http://[::1]:{}"), ("127.0.0.2", "http://127.0.0.2:{}")],
)
def test_url_can_be_connected_to(host: str, url: str) -> None:
    try:
        gateway = Pushgateway(host=host).start()
    except OSError as error:
        pytest.skip(f"{host} cannot be listened on here: {error}")
    try:
        assert gateway.url == url.format(gateway.port)
        assert send(gateway) == 200
    finally:
        gateway._gateway.end()


def test_unknown_option_gets_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"Pushgateway\(\): unknown option 'prot'; did you mean 'port'\?"):
        Pushgateway(prot=1)


def test_ca_file(certificate: tuple[str, str]) -> None:
    assert Pushgateway(tls=certificate).ca_file == certificate[0]
    assert Pushgateway(tls=(*certificate, "ca.pem")).ca_file == "ca.pem"
    assert Pushgateway().ca_file is None


def push_from_child(address: str) -> None:
    from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

    registry = CollectorRegistry()
    Gauge("backup_bytes", "Size", registry=registry).set(7)
    push_to_gateway(address, job="child", registry=registry)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_children_may_push(pushgateway: Pushgateway, method: str) -> None:
    context: Any = multiprocessing.get_context(method)  # typeshed gives Process to the three, not to what they share
    child = context.Process(target=push_from_child, args=(pushgateway.address,))
    child.start()
    child.join(60)

    assert child.exitcode == 0
    pushgateway.assert_pushed("backup_bytes", 7, job="child")


def test_gateway_itself_is_not_for_other_processes(pushgateway: Pushgateway) -> None:
    child = multiprocessing.get_context("spawn").Process(target=push_from_child, args=(pushgateway,))
    with pytest.raises(TypeError, match=r"a Pushgateway cannot be pickled or copied; give another process its url"):
        child.start()


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_forked_child_closes_sockets_so_that_the_parent_can_stop(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    send(gateway)
    gateway.restart()
    hold_reader, hold_writer = os.pipe()
    told_reader, told_writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(hold_writer)
            told = f"{gateway.running} {bool(started())} {gateway.scrape().status}\n"
            for refused in (lambda: gateway.push("child 1\n", job="child"), lambda: gateway.value("backup_bytes")):
                try:
                    refused()
                except Exception as error:
                    told += f"{type(error).__name__}: {error}\n"
            gateway.stop()
            gateway._gateway.end()
            os.write(told_writer, told.encode())
            os.read(hold_reader, 1)
        finally:
            os._exit(0)
    os.close(told_writer)
    assert os.read(told_reader, 1000).decode().splitlines() == [
        "False False 200",
        "PushgatewayError: the gateway took the push as the application's, for this process was forked from the one "
        "that it runs in and has no journal of it: push with an HTTP client here",
        "RuntimeError: the gateway runs in the process that this one was forked from: only there is it read",
    ]
    gateway.assert_pushed("child", 1)

    gateway.assert_exposed("backup_bytes", 7)
    with gateway.faults.refuse(), pytest.raises(ConnectionRefusedError):
        send(gateway)
    gateway.stop()
    with pytest.raises(ConnectionRefusedError):
        send(gateway)
    gateway.restart()
    gateway.assert_exposed("backup_bytes", 7)
    os.close(hold_writer)
    os.waitpid(child, 0)
    os.close(hold_reader)
    os.close(told_reader)


def test_leftover_gateway_ends_with_its_process(tmp_path: Path) -> None:
    script = (
        "from pytest_pushgateway import Pushgateway\n"
        "gateway = Pushgateway().start()\n"
        "gateway.faults.hang()\n"
        "print(gateway.persistence_file)\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )

    assert done.stderr == ""
    assert not Path(done.stdout.strip()).parent.exists()


UNITTEST = """
import unittest
from pytest_pushgateway import Pushgateway

class TestBackup(unittest.TestCase):
    def setUp(self):
        self.gateway = Pushgateway().start()
        self.addCleanup(self.gateway.stop)

    def test_gateway_survives(self):
        self.gateway.push("backup_bytes 7\\n", job="backup")
        self.gateway.crash()
        with self.assertRaisesRegex(AssertionError, "value is 7, expected 8"):
            self.gateway.assert_exposed("backup_bytes", 8)

unittest.main()
"""


def test_from_unittest_nothing_is_left_of_a_stopped_gateway(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", UNITTEST],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )

    assert (done.returncode, "Ran 1 test" in done.stderr) == (0, True), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_gateway_collected_late_spares_directory_of_another(tmp_path: Path) -> None:
    """pytest gives the numbers of its temporary directories again."""

    def directory() -> Path:
        (tmp_path / "pushgateway0").mkdir()
        return tmp_path / "pushgateway0"

    first, second = make(Settings(), directory), make(Settings(), directory)
    with first:
        first.restart()
    with second:
        second.restart()
        reference = weakref.ref(first)
        del first
        gc.collect()
        assert reference() is None
        send(second)
        second.restart()
        second.assert_exposed("backup_bytes", 7)
    assert list(tmp_path.iterdir()) == []


def test_end_waits_for_quit_under_way(tmp_path: Path) -> None:
    gateway = make(Settings(enable_lifecycle=True), lambda: tmp_path).start()
    gateway.restart()
    with socket.create_connection((gateway.host, gateway.port)) as half:
        half.sendall(b"PUT /metrics/job/j HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na ")
        send(gateway)
        assert send(gateway, "", "/-/quit") == 200
        gateway._gateway.end()

    assert [thread.name for thread in threads.alive() if thread.name == "pushgateway-quit"] == []
    assert not tmp_path.exists()


def test_many_threads_may_push(pushgateway: Pushgateway) -> None:
    threads = [
        threading.Thread(target=send, args=(pushgateway, f"backup_bytes {number}\n", f"/metrics/job/{number}"))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(push.job for push in pushgateway.pushes) == sorted(map(str, range(20)))
    assert len(pushgateway.groups) == 20
