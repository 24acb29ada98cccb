"""The application: a request in, an answer out."""

from __future__ import annotations

from pytest_pushgateway import threads
from pytest_pushgateway.gateway.app.handling import Handling
from pytest_pushgateway.gateway.app.parts import AppParts
from pytest_pushgateway.gateway.hooks import RawRequest, Record
from pytest_pushgateway.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.gateway.app import missed_routes
    from pytest_pushgateway.gateway.http.head import Refusal
    from pytest_pushgateway.gateway.http.host import Answer, Incoming, Peer
else:
    missed_routes = later("pytest_pushgateway.gateway.app.missed_routes")


class App(AppParts):
    """A gateway's application, made of its parts: it admits requests and has them handled."""

    __slots__ = ()

    def __call__(self, incoming: Incoming) -> Answer:
        """Serve one request.

        Raises:
            Abandoned: the request gets no answer.

        """
        head = incoming.head
        handling = Handling(self, incoming)
        # As Go: OPTIONS * is answered before anybody asks who it is.
        if self.access is None or head.target == "*":
            return handling.run(None)
        threads.about_to_wait()  # a hash of a password takes a while
        refusal, configured = self.access.admit(head)
        answer = handling.run(refusal)
        # A header of the answer replaces the configured one.
        own = {name for name, _ in answer.headers}
        return answer._replace(headers=[*answer.headers, *(pair for pair in configured if pair[0] not in own)])

    def hear_of_refused(self, line: str, refusal: Refusal, peer: Peer) -> None:
        """Tell the observer of a push or deletion whose head was refused, so that it never came here."""
        missed = missed_routes.refused_head(line, refusal.status)
        if missed is None or peer.generation != self.store.generation:
            return
        method, target, hint = missed
        request = RawRequest(
            method=method,
            target=target,
            raw_headers=[],
            body=b"",
            remote_address=peer.remote_address,
            generation=peer.generation,
            received_at=self.clock(),
            kind="other",
            key=None,
        )
        self.log_missed(request, refusal.status, "", hint)
        if self.observer is not None:
            self.observer(Record(request, refusal.status, refusal.text, None, None, 0.0, missed=hint))
