"""Lines of messages that list requests, and numbers of things in words."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_pushgateway.golang.utf8 import text_of
from pytest_pushgateway.harness.journal.requests import Push, Request, name_of
from pytest_pushgateway.harness.messages.history import body_hints, reason, strays
from pytest_pushgateway.harness.wording import brief, shorten

NAMES = 5
KEPT = "it keeps at most journal_limit requests and 64 MiB of bodies"


def list_dropped(dropped: int) -> list[str]:
    """Return how many requests the journal has dropped, if any."""
    return [f"The journal dropped {count(dropped, 'request')}, the oldest: {KEPT}."] if dropped else []


def list_pushes(pushes: Sequence[Push]) -> list[str]:
    """Return the last pushes, each in a line."""
    return list_requests("The pushes:", pushes, "earlier pushes")


def list_strays(requests: Sequence[Request]) -> list[str]:
    """Return the requests of the application that were not pushes and were answered with an error."""
    return list_requests("Requests that were no push:", strays(requests), "of them")


def list_unread(requests: Sequence[Request]) -> list[str]:
    """Return the pushes that could not be read, and those that reached no group."""
    unread = [push for push in requests if isinstance(push, Push) and push.rejected and not push._parsed]
    missed = [push for push in unread if push._missed]
    return [
        *list_requests("Pushes that could not be read:", [push for push in unread if not push._missed], "of them"),
        *list_requests("Pushes that reached no group:", missed, "of them"),
    ]


def empty_pushes(requests: Sequence[Request]) -> list[str]:
    """Return the accepted pushes that carried no metrics."""
    empty = [
        push
        for push in requests
        if isinstance(push, Push) and push.accepted and push.origin == "application" and not push._parsed
    ]
    lines = list_requests("Pushes that carried no metrics:", empty, "of them")
    return [*lines, "Is the metric in the registry that was pushed?"] if lines else []


def list_requests(title: str, requests: Sequence[Request], more: str) -> list[str]:
    """Return the last requests below a title, each in a line; ``more`` names those that are left out."""
    lines = [title] if requests else []
    for entry in requests[-10:]:
        why = f": {'; '.join([shorten(reason(entry)), *body_hints(entry)])}" if entry.error else carried_names(entry)
        mine = ", sent by the test itself" if entry.origin == "test" else ""
        lines.append(f"  {name_of(entry)}{mine}, {entry.outcome}{why}")
    return lines + and_more(len(requests), 10, more)


def carried_names(request: Request) -> str:
    """Return the names of the metrics that an accepted push carried, for the end of its line."""
    names = (
        [brief(text_of(name), 60) for name in request._parsed] if isinstance(request, Push) and request.accepted else []
    )
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f": {', '.join(names[:NAMES])}{more}" if names else ""


def was(count: int) -> str:
    """Return the verb for a number of things."""
    return "was" if count == 1 else "were"


def samples(count: int) -> str:
    """Return a number of samples in words, with the verb."""
    return "one sample is" if count == 1 else f"{count} samples are"


def count(number: int, noun: str) -> str:
    """Return a number of things in words: ``no push``, ``one push``, ``3 pushes``."""
    plural = noun + "es" if noun.endswith("sh") else noun + "s"
    return f"one {noun}" if number == 1 else f"{number or 'no'} {plural}"


def all_pushes(count: int) -> str:
    """Return all of some pushes in words."""
    return "the only push" if count == 1 else f"each of {count} pushes"


def and_more(count: int, shown: int, what: str) -> list[str]:
    """Return how many more there are than are shown, if any."""
    return [f"  ... and {count - shown} more {what}"] if count > shown else []
