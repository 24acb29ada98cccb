"""The gateways of this process: ended at its exit, let go of in a forked child."""

from __future__ import annotations

import atexit
import os
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_pushgateway.harness.pushgateway import Pushgateway

_known: weakref.WeakSet[Pushgateway] = weakref.WeakSet()


def register(gateway: Pushgateway) -> None:
    """Remember a gateway that was started."""
    _known.add(gateway)


def remove_with(gateway: Pushgateway, directory: Path) -> Callable[[], object]:
    """Remove a directory when nobody refers to the gateway any more, and at the end of this process.

    Return what removes it now, and then no more: another gateway may be given a directory of the same name.
    """
    return weakref.finalize(gateway, _remove, directory, os.getpid())


def _remove(directory: Path, process: int) -> None:
    if os.getpid() == process:  # in a forked child it is still the parent's
        import shutil

        shutil.rmtree(directory, ignore_errors=True)


def gateways() -> list[Pushgateway]:
    """Return all gateways of this process that were ever started and are still referred to, the oldest first."""
    return sorted(_known, key=lambda gateway: gateway._keeper.serial)


@atexit.register
def _stop_all() -> None:
    for gateway in gateways():
        with suppress(Exception):
            gateway._keeper.end()


def _let_go() -> None:
    # The child has copies of the sockets: unless it closes them, clients still connect after the parent stopped.
    for gateway in gateways():
        gateway._keeper.let_go()
    _known.clear()


os.register_at_fork(after_in_child=_let_go)
