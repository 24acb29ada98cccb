"""A reset touches no client: whatever an application pushes with, it may keep its connections from test to test."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_pushgateway import MakePushgateway, Pushgateway
from tests.harness.clients import KEPT, Client, reconnecting

BOUNDARIES = 30
BACKGROUND = b"backup_bytes -1\n"


@pytest.fixture(params=["http", "https"])
def gateway(
    request: pytest.FixtureRequest, make_pushgateway: MakePushgateway, certificate: tuple[str, str]
) -> Pushgateway:
    if request.param == "http":
        return make_pushgateway()
    return make_pushgateway(tls=(*certificate, str(Path(certificate[0]).parent / "ca.pem")))


def connections(gateway: Pushgateway) -> set[str]:
    """Return the client's addresses of the connections over which this test's pushes came."""
    return {push._request.remote_address for push in gateway.pushes}


@pytest.mark.parametrize("client", KEPT.values(), ids=KEPT)
def test_kept_client_pushes_over_one_connection_in_test_after_test(gateway: Pushgateway, client: Client) -> None:
    used = set()
    with client(gateway) as push:
        for number in range(BOUNDARIES):
            gateway.reset()
            body = b"backup_bytes %d\n" % number
            assert push(body) == 200
            gateway.assert_exposed("backup_bytes", number)
            assert [push.body for push in gateway.pushes] == [body]
            used |= connections(gateway)
    assert len(used) == 1


@pytest.mark.slow
@pytest.mark.parametrize("client", KEPT.values(), ids=KEPT)
def test_reconnecting_client_pushes_in_test_after_test(gateway: Pushgateway, client: Client) -> None:
    with reconnecting(client)(gateway) as push:
        for number in range(BOUNDARIES):
            gateway.reset()
            assert push(b"backup_bytes %d\n" % number) == 200
            gateway.assert_exposed("backup_bytes", number)
            assert len(gateway.pushes) == 1


class InBackground:
    """Threads that push all the time; ``errors`` has whatever was not answered 200."""

    def __init__(self, gateway: Pushgateway, *clients: Client) -> None:
        self.errors: list[object] = []
        self.pushes = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._push, args=(client, gateway)) for client in clients]

    def _push(self, client: Client, gateway: Pushgateway) -> None:
        try:
            with client(gateway) as push:
                while not self._over.is_set():
                    status = push(BACKGROUND)
                    self.pushes += 1
                    if status != 200:
                        self.errors.append(status)
        except Exception as error:
            self.errors.append(error)

    def __enter__(self) -> InBackground:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.slow
def test_constant_pushes_survive_a_thousand_test_boundaries(
    make_pushgateway: MakePushgateway,
) -> None:
    gateway = make_pushgateway()
    kept = KEPT["http.client"]
    with ExitStack() as stack:
        background = stack.enter_context(InBackground(gateway, kept, reconnecting(kept)))
        push = stack.enter_context(kept(gateway))
        for number in range(1000):
            gateway.reset()
            body = b"backup_bytes %d\n" % number
            assert push(body) == 200
            assert [push.body for push in gateway.pushes if push.body != BACKGROUND] == [body]
    assert background.errors == []
    assert background.pushes >= 1000
