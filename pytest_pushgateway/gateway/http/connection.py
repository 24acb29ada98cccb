"""One client connection: reads requests, hands them to the application, writes answers as Go's server writes them."""

from __future__ import annotations

import _socket as socket  # what nobody replaces
import errno
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, count

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.http.body import Body
from pytest_pushgateway.gateway.http.head import (
    STATUS_LINES,
    Head,
    Refusal,
    find_head,
    parse_head,
    parse_request_line,
    status_line,
)
from pytest_pushgateway.gateway.http.host import Abandoned, Answer, Incoming
from pytest_pushgateway.gateway.http.input import BodyError, Input
from pytest_pushgateway.gateway.http.readiness import (
    AT_ONCE,
    QUIETLY,
    RECEIVED_AT_ONCE,
    Lookout,
    has_unread,
    identity,
    receive,
    send,
    send_gathered,
    together,
)
from pytest_pushgateway.golang.url import join_host_port
from pytest_pushgateway.later import later
from pytest_pushgateway.monotonic import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from pytest_pushgateway.gateway.hooks import Plan
    from pytest_pushgateway.gateway.http import chunked as chunked_coding
    from pytest_pushgateway.gateway.http.host import Host, Turn
    from pytest_pushgateway.gateway.http.tls import Stream
else:
    chunked_coding = later("pytest_pushgateway.gateway.http.chunked")

_KNOWN_LENGTH = 2048
"""Bytes that Go buffers: a longer answer is chunked, a shorter one gets a Content-Length."""
_DRAIN = 256 << 10
"""Bytes that Go reads of a body that its handler left, to keep the connection."""
_LINGER = 0.5
"""Seconds a refused client has to read its answer while it still sends."""
_LINE = 4096
"""Bytes of a request line that are kept for the journal when its request is refused."""
_moments = count()
_SHORT = frozenset({200, 202})
"""The statuses of answers without a body."""
_SENT_AT_ONCE = AT_ONCE | QUIETLY
_TOO_SLOW = Refusal(STATUS_LINES[408], "408 Request Timeout: the request took too long")
_TOO_MANY = Refusal(STATUS_LINES[503], "503 Service Unavailable: too many connections")
_FAILED = Answer(500, [("Connection", "close")])
_UNEXPECTED = Answer(417, [("Connection", "close")])
_GONE = frozenset(
    {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF, errno.ENOTSOCK, errno.ESHUTDOWN, errno.ECONNABORTED}
    # macOS reports this for bytes that are sent while the client's reset arrives.
    | {errno.EPROTOTYPE}
)


class Connection:
    """A connection. The thread that runs it serves it.

    The application gets it with each request, as a `Peer`.

    Each request belongs to the generation in which its first byte arrived, read or not. So the thread takes that byte
    from the socket, and notes the generation, while it holds the server's ``boundary``; and whoever begins a new
    generation holds it, too, while it marks the connections in whose sockets a request waits to be read.
    """

    def __init__(self, server: Host, sock: socket.socket, address: Any) -> None:
        self.server = server
        self.sock: socket.socket = sock
        self._identity = identity(sock)
        self.generation: int = server.generation
        """The generation of the request under way."""
        self._between_requests = True
        """Whether the next byte from the socket begins a request."""
        self._waiting_since: int | None = None
        """The generation of the next request if it had arrived, unread, before that generation ended."""
        self.remote_address: str = _show_address(address)
        self.closing: bool = False
        self._shut = False
        self.busy: bool = False
        """Whether a request has begun that has no answer yet."""
        self.idle_since: int = next(_moments)
        """When it was accepted, or its last answer was sent: a count, as Windows's clocks stand still for 16 ms."""
        self.answering: bool = False
        """Whether the outcome of the request is known to others and only the sending of its answer is left."""
        self.thread: threads.Thread | None = None
        """The thread that serves it, once there is one."""
        self.turn: Turn | None = None
        """What the thread that serves it may have, besides."""
        self._heard: bytearray | None = bytearray() if server.keeps_requests else None
        self._input = Input(self._receive if self._heard is None else self._hear)
        self._lookout = Lookout(sock, self._is_shut)
        self._deadline = 0.0
        """When the request under way must have come, by the monotonic clock; 0 between requests."""
        self._last_method = ""
        self._raw_head = b""
        """The head of the request under way, once it is there whole."""
        self._reset_on_close = False
        self._tls: Stream | None = None

    def shut(self) -> None:
        """End the connection from another thread; its own thread then closes the socket."""
        self.closing = self._shut = True
        if not self._has_descriptor():
            return
        with suppress(OSError):
            # Not SSLSocket.shutdown, which takes the TLS state away under the connection's own thread.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def _is_shut(self) -> bool:
        return self._shut

    def shut_after_answer(self) -> None:
        """End the connection from another thread, but let an answer leave that is as good as given."""
        self.closing = True
        if not self.answering:
            self.shut()

    def is_idle(self) -> bool:
        """Return whether no request has arrived; one that is half sent has not."""
        return not (self.busy or self.closing or has_unread(self.sock))

    def end_generation(self) -> None:
        """Leave a request that has arrived and was not read yet in the generation that ends; the boundary is held."""
        if self._tls is not None:
            self._tls.step()
        if self._between_requests and self._waiting_since is None and self._request_waits():
            self._waiting_since = self.server.generation

    def wait(self, plan: Plan) -> None:
        """Wait for the plan's time, or until it is released.

        Raises:
            Abandoned: the gateway was stopped or reset.

        """
        self.server.wait(self, plan)

    def request_bytes(self) -> bytes:
        """Return the bytes of the request as far as they have been read; none unless the server keeps them."""
        heard = self._heard or b""
        return bytes(heard[: len(heard) - len(self._input.buffer)])

    # The thread

    def run(self) -> None:
        """Serve request after request, and close."""
        self.thread = threads.current()
        if self.thread is not None:
            self.thread.postponed = []
        try:
            if self.server.tls is not None:
                threads.about_to_wait()
                self.sock.settimeout(self.server.limits.request_timeout)
            elif self.sock.gettimeout() is not None:
                # Whatever a test has made the default. Without TLS the socket itself never waits: each change of its
                # timeout, and each wait before a call of it, is a system call, in which a client in this process may
                # take the interpreter.
                self.sock.settimeout(None)
            if self.server.tls is None or self._handshake(self.server.tls):
                while self._serve_one():
                    pass
        except (Abandoned, BodyError, TimeoutError):
            pass
        except OSError as problem:
            # Under TLS, whatever a client does wrong is an OSError too.
            if problem.errno not in _GONE and not self.closing and self.server.tls is None and self._has_descriptor():
                self.server.failed(problem)
        except Exception as problem:
            if self._tls is None or not self._tls.is_broken_off(problem):
                self.server.failed(problem)
        finally:
            if self.thread is not None:
                self.thread.postponed = None
            self._close()
            self.server.forget(self)
            self._forget_request()

    def _forget_request(self) -> None:
        """Drop what was read, and all that refers to this object and is held by it.

        Cycles are rarely looked for, and the head of a single request may be a megabyte.
        """
        self._raw_head = b""
        self._input = Input(bytes)
        self._lookout = Lookout(self.sock, bool)
        self.turn = None
        if self._tls is not None:
            self._tls.forget_connection()

    def _has_descriptor(self) -> bool:
        """Return whether the socket's descriptor is its own: somebody may have closed it, and then it is another's."""
        return identity(self.sock) == self._identity

    def _close(self) -> None:
        if not self._has_descriptor():
            self.sock.detach()
            return
        try:
            if self._tls is not None and self._tls.established and not self.closing and not self._reset_on_close:
                self._tls.say_goodbye()
        finally:
            self.sock.close()

    def refuse(self) -> None:
        """Answer, without a thread, that there are too many connections, and close."""
        if self.server.tls is None:
            self.sock.setblocking(False)
            with suppress(OSError):
                # Unread bytes would make the close a reset that takes the answer from the client.
                self.sock.recv(RECEIVED_AT_ONCE)
            with suppress(OSError):
                self.sock.send(_TOO_MANY.response, QUIETLY)
        self.sock.close()

    def _handshake(self, make_context: Callable[[], ssl.SSLContext]) -> bool:
        from pytest_pushgateway.gateway.http.tls import LOOKS_PLAIN, PLAIN_ON_TLS, Stream
        from pytest_pushgateway.golang.tls import problem_text

        # Peeked: what Go recognises of a plain request by the place of the TLS record's header.
        if receive(self.sock, 5, self._is_shut, socket.MSG_PEEK) in LOOKS_PLAIN:
            self._send(PLAIN_ON_TLS)
            self._linger(plain=True)
            return False
        try:
            stream = Stream(make_context(), self.sock, self._is_shut)
            # Kept before the handshake, so that a stop reaches the socket that is in use.
            self.sock, self._tls = stream.sock, stream
            if self.closing:
                return False
            stream.shake_hands(self.server.limits.request_timeout)
        except (OSError, ValueError) as problem:
            if not self.closing:
                reason = problem_text(problem)
                self.server.log("debug", "TLS handshake error", logged_source=self.remote_address, err=reason)
            return False
        return True

    def _receive(self) -> bytes:
        left = self._deadline - monotonic() if self._deadline else self.server.limits.idle_timeout
        if left <= 0:
            raise TimeoutError
        if self._tls is not None:
            self.sock.settimeout(left)
            if self._between_requests:
                return self._tls.receive_first(RECEIVED_AT_ONCE, self.server.boundary, self._begin_request)
            return receive(self.sock, RECEIVED_AT_ONCE, self._is_shut)
        # Waits outside of the boundary, which everybody needs.
        if not self._wait_for_bytes(left):
            raise TimeoutError
        try:
            if not self._between_requests:
                return self.sock.recv(RECEIVED_AT_ONCE, AT_ONCE)
            with self.server.boundary:
                data = self.sock.recv(RECEIVED_AT_ONCE, AT_ONCE)
                self._begin_request()
            return data
        except BlockingIOError:
            # The system was mistaken: nothing has come.
            return self._receive()

    def _wait_for_bytes(self, seconds: float) -> bool:
        if self.turn is not None:
            since = monotonic()
            come = self.turn.wait_with(self.sock, seconds)
            if come is not None:
                return come
            seconds = max(0.0, seconds + since - monotonic())
        return self._lookout.wait(seconds)

    def _hear(self) -> bytes:
        data = self._receive()
        assert self._heard is not None
        self._heard += data
        return data

    def _begin_request(self) -> None:
        self._between_requests = False
        self.generation = self.server.generation if self._waiting_since is None else self._waiting_since
        self._waiting_since = None

    def _request_waits(self) -> bool:
        if self.server.tls is not None and (self._tls is None or not self._tls.established):
            # The handshake's bytes wait: a client sends no request before it has had the server's part of that.
            return False
        return has_unread(self.sock)

    def _serve_one(self) -> bool:
        """Serve one request; True if another may follow."""
        if self._heard is not None:
            self._heard = bytearray(self._input.buffer)
        try:
            head = self._read_head()
            if head is None:
                return False
        except Refusal as refusal:
            line = (self._raw_head or bytes(self._input.buffer[:_LINE])).partition(b"\n")[0]
            self.server.refused(line[:_LINE].rstrip(b"\r").decode("latin-1"), refusal, self)
            self._send(refusal.response)
            self._linger()
            return False
        except TimeoutError:
            if self._input.buffer:
                self._send(_TOO_SLOW.response)
                self._linger()
            return False
        if head.expects_else:
            self._write(head, _UNEXPECTED, drained=False)
            return False
        if not (head.brief and self.server.announces_waits):
            threads.about_to_wait()
        interim = (lambda: self._send(b"HTTP/1.1 100 Continue\r\n\r\n")) if head.expects_continue else None
        body = Body(self._input, head, self.server.limits.max_body_size, interim)
        self.busy = True
        try:
            keep = self._respond(head, body)
        except TimeoutError:
            self._send(_TOO_SLOW.response)
            self._linger()
            return False
        finally:
            self._do_postponed()
        self.busy = self.answering = False
        self.idle_since = next(_moments)
        self._last_method = head.method
        return keep and not self.closing and not self.server.stopping

    def _do_postponed(self) -> None:
        if self.thread is not None and self.thread.postponed:
            postponed, self.thread.postponed = self.thread.postponed, []
            for action in postponed:
                action()

    def _read_head(self) -> Head | None:
        limits, source = self.server.limits, self._input
        self._raw_head = b""
        if self._last_method:
            # As Go, which looks at a further request when four bytes of it are there.
            self._deadline = 0.0
            while len(source.buffer) < 4:
                if not source.fill():
                    return None
        if self._last_method == "POST" and source.buffer[:1] in (b"\r", b"\n"):
            # As Go: old clients send a CRLF after a POST's body.
            lead = len(source.buffer[:4]) - len(source.buffer[:4].lstrip(b"\r\n"))
            source.buffer = source.buffer[lead:]
            self._between_requests = not source.buffer
        if not source.buffer:
            self._deadline = 0.0
            if not source.fill():
                return None
        self._deadline = monotonic() + limits.request_timeout
        end = find_head(source.buffer)
        if end < 0:
            end = self._wait_for_head()
        raw, source.buffer = source.buffer[:end], source.buffer[end:]
        self._raw_head = bytes(raw)
        if len(raw) > limits.max_header_size + 4096:
            raise Refusal(STATUS_LINES[431])
        return parse_head(
            raw,
            max_headers=limits.max_headers,
            max_request_line=limits.max_request_line,
            lax_content_length=self.server.lax_content_length,
        )

    def _wait_for_head(self) -> int:
        """Receive the rest of a head into the buffer; return the position of its end."""
        limit, source = self.server.limits.max_header_size + 4096, self._input
        # Not a copy of all of it for each byte that a client lets drip in.
        received = bytearray(source.buffer)
        searched = 0
        while (end := find_head(received, searched)) < 0:
            if len(received) > limit:
                raise Refusal(STATUS_LINES[431])
            if not searched and (line := received.find(b"\n")) >= 0:
                # As Go, which reads line by line: a request that begins wrongly is not waited for.
                parse_request_line(received[:line].removesuffix(b"\r").decode("latin-1"))
            searched = max(0, len(received) - 2)
            more = source.receive()
            if not more:
                raise Refusal("400 Bad Request")
            received.extend(more)
        source.buffer = bytes(received)
        return end

    # The answer

    def _respond(self, head: Head, body: Body) -> bool:
        try:
            answer = self.server.app(Incoming(head, body, self))
        except (Abandoned, BodyError, OSError):
            raise
        except Exception as problem:
            self.server.failed(problem)
            answer = _FAILED
        if answer.plan is not None and answer.plan.disconnect:
            self._reset()
            return False
        drained = body.drain(_DRAIN)
        # Of a request that came right behind this one, before it was answered, bytes are here already: it shares its
        # generation. Otherwise the next one begins with the next byte, which may come before the answer is sent.
        self._between_requests = drained and not self._input.buffer
        return self._write(head, answer, drained=drained)

    def _write(self, head: Head, answer: Answer, *, drained: bool) -> bool:
        if answer.status in _SHORT and not (answer.headers or answer.blocks or answer.plan) and head.method != "HEAD":
            return self._write_short(head, answer.status, close=head.close or not drained, drained=drained)
        status, own, blocks = status_line(answer.status), sorted(answer.headers), answer.blocks
        measured = isinstance(blocks, Sequence)
        names = {name for name, _ in own}
        close = head.close or not drained
        lines = [f"HTTP/1.{0 if head.http10 else 1} {status}"]
        lines += [f"{name}: {value}" for name, value in own]
        if "Date" not in names:
            lines.append(self.server.date_line())
        total = sum(map(len, blocks)) if measured else _KNOWN_LENGTH + 1
        chunked = False
        # As Go: without a body to measure, the answer to a HEAD has no length.
        bodiless = status.startswith(("1", "204", "304")) or (head.method == "HEAD" and not total)
        if not bodiless and "Content-Length" not in names:
            if total <= _KNOWN_LENGTH and not (answer.streamed and total):
                lines.append(f"Content-Length: {total}")
            elif head.http10:
                close = True
            else:
                chunked = True
        if total and "Content-Type" not in names and total <= _KNOWN_LENGTH:
            lines.append("Content-Type: text/plain; charset=utf-8")
        if "Connection" in names:
            close = True
        elif close and not head.http10:
            lines.append("Connection: close")
        elif not close and head.http10:
            lines.append("Connection: keep-alive")
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        lines.append("\r\n")
        start = "\r\n".join(lines).encode("latin-1")
        pieces: Iterable[bytes]
        if head.method == "HEAD" or bodiless or not total:
            pieces = [start]
        elif not measured:
            pieces = chain([start], chunked_coding.in_chunks(blocks) if chunked else blocks)
        elif chunked:
            pieces = [start, b"%x\r\n" % total, *blocks, b"\r\n0\r\n\r\n"]
        else:
            pieces = [start, *blocks]
        plan = answer.plan
        if plan is not None and plan.cut_after is not None:
            self._send_all(_cut(pieces, plan.cut_after))
            self._linger()
            return False
        self._send_all(pieces)
        return self._goes_on(close=close, drained=drained)

    def _write_short(self, head: Head, status: int, *, close: bool, drained: bool) -> bool:
        """Write the answer to nearly every push and deletion, which has no body and sets no headers."""
        if head.http10:
            version, connection = "HTTP/1.0", "" if close else "Connection: keep-alive\r\n"
        else:
            version, connection = "HTTP/1.1", "Connection: close\r\n" if close else ""
        date = self.server.date_line()
        text = f"{version} {STATUS_LINES[status]}\r\n{date}\r\nContent-Length: 0\r\n{connection}\r\n"
        self._send(text.encode("latin-1"))
        return self._goes_on(close=close, drained=drained)

    def _goes_on(self, *, close: bool, drained: bool) -> bool:
        """Return whether another request may follow the answer that was sent."""
        if close and (self._input.buffer or not drained):
            self._linger()
        return not close

    def _send(self, data: bytes) -> None:
        if AT_ONCE and self.server.tls is None:
            # Nearly every answer fits into the socket's buffer: no wait, and no timeout to set for it.
            try:
                sent = self.sock.send(data, _SENT_AT_ONCE)
            except BlockingIOError:
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        threads.about_to_wait()
        self.sock.settimeout(self.server.limits.request_timeout)
        send(self.sock, data, self._is_shut, QUIETLY if self.server.tls is None else 0)

    def _send_all(self, pieces: Iterable[bytes]) -> None:
        few = isinstance(pieces, list) and len(pieces) < 5 and sum(map(len, pieces)) < RECEIVED_AT_ONCE
        if self.server.tls is not None or few or not isinstance(pieces, list):
            for some in together(pieces):
                self._send(some)
            return
        threads.about_to_wait()
        self.sock.settimeout(self.server.limits.request_timeout)
        send_gathered(self.sock, pieces, self._is_shut)

    def _linger(self, *, plain: bool = False) -> None:
        """Let the client read the answer: closing while it still sends would take the answer from it."""
        threads.about_to_wait()
        with suppress(OSError):
            if plain or self.server.tls is None:
                self.sock.shutdown(socket.SHUT_WR)
            deadline = monotonic() + _LINGER
            while (left := deadline - monotonic()) > 0:
                self.sock.settimeout(left)
                if not receive(self.sock, RECEIVED_AT_ONCE, self._is_shut):
                    break

    def _reset(self) -> None:
        """Close with a RST."""
        with suppress(OSError):  # macOS answers EINVAL if the client was quicker
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._reset_on_close = True


def _cut(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    for piece in pieces:
        if length <= 0:
            return
        yield piece[:length]
        length -= len(piece)


def _show_address(address: Any) -> str:
    if isinstance(address, tuple):
        return join_host_port(*address[:2])
    return str(address or "@")
