"""The least that a push over HTTP can cost here: our server with an application that does nothing, and bare sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_pushgateway.gateway.http.host import Answer, Incoming
from pytest_pushgateway.gateway.http.listeners import open_listeners
from pytest_pushgateway.gateway.http.server import Server

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def nothing(incoming: Incoming) -> Answer:
    """An empty application, which reads the body."""
    incoming.body.read()
    return Answer(200)


@contextmanager
def empty_application() -> Iterator[int]:
    """Serve it with our server; gives the port."""
    server = Server(nothing, open_listeners([("127.0.0.1", 0)]), announces_waits=True)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@contextmanager
def bare_sockets() -> Iterator[int]:
    """Answer, in one thread, whatever comes in whole packets; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def serve() -> None:
        while True:
            client, _ = listener.accept()
            if stopping.is_set():
                client.close()
                return
            with client:
                while data := client.recv(65536):
                    head, _, body = data.partition(b"\r\n\r\n")
                    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                    while len(body) < length:
                        body += client.recv(65536)
                    client.sendall(ANSWER)
                    if b"Connection: close" in head:
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()
