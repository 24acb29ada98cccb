"""`connect`: the `Pushgateway` of a gateway in another process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_pushgateway.genuine import genuine
from pytest_pushgateway.harness.pushgateway import face_of
from pytest_pushgateway.testapi.remote.gateway import RemoteGateway
from pytest_pushgateway.testapi.remote.link import Link, read_url

if TYPE_CHECKING:
    from pytest_pushgateway.harness.pushgateway import Pushgateway


def connect(url: str) -> Pushgateway:
    """Return the `Pushgateway` of a gateway in another process.

    Everything that a test can do with one in this process it can do with this one, except for functions: a predicate
    for ``when=``, or one that gives answers. At the end of a ``with`` statement its faults end and its clock runs; the
    gateway itself runs on.

    Args:
        url: that of its test API, such as ``http://gateway:9092``: the address that
            ``serve --test.listen-address`` was given. It may hold user and password, and ``?timeout=5s``: the time
            that the API may take to answer, 1 second by default.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is not such a URL.
        ConnectionError: no test API of this version is there.

    """
    return face_of(_remote(url, managed=False, lint=False))


def connect_managed(url: str, *, lint: bool) -> Pushgateway:
    """Return the `Pushgateway` that fixtures give to tests.

    Args:
        url: that of its test API.
        lint: whether to warn about problems in pushed metrics.

    Raises:
        ConnectionError: no test API of this version is there.

    """
    return face_of(_remote(url, managed=True, lint=lint))


def _remote(url: str, *, managed: bool, lint: bool) -> RemoteGateway:
    import socket

    session = f"{socket.gethostname()}.{os.getpid()}.{genuine.urandom(3).hex()}"
    return RemoteGateway(Link(read_url(url), session), managed=managed, lint=lint)
