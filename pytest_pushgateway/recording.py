"""Events of the gateways of this process, for a recorder of the run.

Journals are emptied between tests and hold requests only. A recorder hears of each request, fault, setting of the
clock, start and stop when it happens, in the thread that causes it.
"""

from __future__ import annotations

from collections.abc import Callable

Recorder = Callable[[object, str, object], None]
"""Called with the source (a journal, the faults, a clock or a gateway), the kind of the event, and its content."""

_recorder: Recorder | None = None


def tell(source: object, kind: str, content: object) -> None:
    """Pass an event to the recorder, if there is one.

    Args:
        source: the part of a gateway that it comes from.
        kind: ``request``, ``fault``, ``fault over``, ``clock`` or ``life``.
        content: a journalled request, a fault, the new Unix time of the clock (None: it runs again), or one word for
            the change of the gateway.

    """
    if _recorder is not None:
        _recorder(source, kind, content)


def record(recorder: Recorder | None) -> Recorder | None:
    """Make a recorder, or None, the one that hears of all events from now on; return the one before it."""
    global _recorder
    before, _recorder = _recorder, recorder
    return before
