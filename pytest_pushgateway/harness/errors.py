"""The exceptions of the harness, besides AssertionError."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_pushgateway.harness.journal.requests import Push


class NotExposed(AssertionError, LookupError):
    """A group or a metric family that a test asked for is not there; the message lists those that are."""


class PushgatewayError(Exception):
    """The base of the errors that a `Pushgateway` raises."""


class PushRejected(PushgatewayError):
    """The test's own push was answered with an error.

    Attributes:
        push (Push): the push, as the journal has it.
        status (int): the status of the answer.

    """

    def __init__(self, text: str, push: Push) -> None:
        super().__init__(text)
        self.push = push
        self.status: int = push.status
