"""Plans of faults: waits and how they end, cut answers, resets, refused connections."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Callable
from functools import partial

import pytest

from pytest_pushgateway.gateway.hooks import Plan
from pytest_pushgateway.gateway.http.host import Answer, Application, Incoming
from pytest_pushgateway.gateway.http.listeners import Binding, listen
from tests import wire
from tests.server.conftest import Running, echo

Serve = Callable[..., Running]

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def planned(*plans: Plan) -> Application:
    """An application that carries out the plans one after the other, one a request."""
    left = list(plans)

    def app(incoming: Incoming) -> Answer:
        plan = left.pop(0)
        incoming.peer.wait(plan)
        return echo(incoming)._replace(plan=plan)

    return app


def test_wait_takes_its_time_and_no_longer(serve: Serve) -> None:
    running = serve(planned(Plan("delay", wait=0.01), Plan("none")))
    assert wire.request(running.port, "GET", "/").status == 200
    assert wire.request(running.port, "GET", "/").status == 200


class Owner:
    """Whoever makes plans."""


def test_hang_is_released_by_its_owner_only(serve: Serve) -> None:
    mine, other = Owner(), Owner()
    running = serve(planned(Plan("hang", wait=math.inf, owner=mine), Plan("hang", wait=math.inf, owner=other)))
    answers: list[int] = []
    threads = []

    def waiting(count: int) -> bool:
        return len(running.server._waits) == count

    for count in (1, 2):
        threads.append(threading.Thread(target=lambda: answers.append(wire.request(running.port, "GET", "/").status)))
        threads[-1].start()
        wire.wait_until(partial(waiting, count))
    running.server.release(mine)
    wire.wait_until(lambda: answers)
    assert len(running.server._waits) == 1
    running.server.release()
    for thread in threads:
        thread.join()
    assert answers == [200, 200]


def test_new_generation_ends_waits_of_previous_one(serve: Serve) -> None:
    hang = Plan("hang", wait=math.inf)
    running = serve(planned(hang, hang))
    old = socket.create_connection(("127.0.0.1", running.port), timeout=10)
    old.sendall(GET)
    wire.wait_until(lambda: len(running.server._waits) == 1)
    running.server.begin_generation(lambda: 1)
    assert old.recv(100) == b""
    new = socket.create_connection(("127.0.0.1", running.port), timeout=10)
    new.sendall(GET)
    wire.wait_until(lambda: len(running.server._waits) == 1)
    running.server.release()
    assert new.recv(12) == b"HTTP/1.1 200"
    old.close()
    new.close()


@pytest.mark.parametrize("count", [0, 1, 9, 17, 30])
def test_truncated_answer(serve: Serve, count: int) -> None:
    running = serve(planned(Plan("truncate", cut_after=count)))
    answer = wire.talk(running.port, GET)
    assert answer.end == "eof"
    assert answer.raw == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"[:count]


def test_disconnect_is_a_reset(serve: Serve) -> None:
    running = serve(planned(Plan("disconnect", disconnect=True)))
    assert wire.talk(running.port, GET) == wire.Answer(b"", "reset")


def test_paused_server_refuses_and_keeps_its_port(serve: Serve) -> None:
    running = serve()
    binding = Binding.of(running.listeners[0])
    kept = socket.create_connection(("127.0.0.1", running.port), timeout=10)
    wire.wait_until(running.server.connections)
    running.server.pause()
    held = binding.bind()
    assert kept.recv(1) == b""
    kept.close()
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", running.port), timeout=10)
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", running.port))
    listen(held)
    running.server.resume([held])
    assert wire.request(running.port, "GET", "/").status == 200
