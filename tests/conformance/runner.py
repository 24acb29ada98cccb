"""Plays a record to both programs and finds where their answers part."""

from __future__ import annotations

import contextlib
import difflib
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass

from tests.conformance import normalise, wire
from tests.conformance.programs import DoesNotStart, Pair, Pairs, Program, until
from tests.conformance.records import Action, CopyFile, Record, Request, Step

REPEATS = 40
"""How often the original is asked again before an answer that differs counts: where its answer depends on the order
of a Go map, or a deletion is still in its queue, one of these shows it."""


_QUITS = 5
"""How often a record that ends the programs is played again where the original ended before its answer left."""


@dataclass(frozen=True)
class Outcome:
    """The answers of both programs to one step."""

    step: Step
    original: str
    ours: str
    variants: int = 1
    """The number of different answers that the original gave to the same request."""

    @property
    def equal(self) -> bool:
        return self.original == self.ours

    def __str__(self) -> str:
        difference = difflib.unified_diff(
            self.original.splitlines(), self.ours.splitlines(), "original", "ours", lineterm="", n=2
        )
        shown = "\n".join(line if len(line) < 400 else line[:400] + "..." for line in difference)
        note = f"(one of {self.variants} answers of the original)\n" if self.variants > 1 else ""
        return f"{self.step}\n{note}{shown}"


def play(record: Record, pairs: Pairs) -> list[Outcome]:
    """Play ``record`` up to the first difference: what follows it would compare different states."""
    try:
        outcomes = _play(record, pairs)
        for _ in range(_QUITS):
            if Action.ENDED not in record.steps or "without an answer" not in outcomes[-1].original:
                break
            outcomes = _play(record, pairs)
        return outcomes
    except DoesNotStart as error:
        return [Outcome(record.steps[0], "", str(error))]


def _play(record: Record, pairs: Pairs) -> list[Outcome]:
    with _pair(record, pairs) as pair:
        outcomes: list[Outcome] = []
        for step in record.all_steps:
            outcomes.append(ask(step, pair) if isinstance(step, Request) else _act(step, pair))
            if not outcomes[-1].equal:
                return outcomes
        if record.logs:
            outcomes.append(_compare_logs(pair))
        return outcomes


@contextlib.contextmanager
def _pair(record: Record, pairs: Pairs) -> Iterator[Pair]:
    if not record.fresh and all(isinstance(step, Request) for step in record.steps):
        yield pairs.standing(record.flags)
        return
    pair = pairs.new(record.flags)
    try:
        for program in pair:
            program.start()
        yield pair
    finally:
        pair.close()


def send(step: Request, program: Program) -> str:
    """Send a request to one program and render what comes back."""
    program.served = True
    answers = wire.exchange(
        program.address, step.data, step.method, expected=step.answers, half_close=step.half_close, plain=step.plain
    )
    shown = [normalise.describe(answer, page=step.page, keep=step.keep) for answer in answers]
    return "\n".join(shown).replace(f"127.0.0.1:{program.port}", "<address>")


def ask(step: Request, pair: Pair) -> Outcome:
    """Send a request to both programs.

    The original is asked again where that changes nothing in its state: reading never does, and a push that was
    refused is refused again.
    """
    original = send(step, pair.original)
    ours = send(step, pair.ours)
    variants = {original}
    if step.method == "GET" or _refused(original):
        for _ in range(REPEATS):
            if ours in variants:
                break
            variants.add(send(step, pair.original))
    return Outcome(step, ours if ours in variants else original, ours, len(variants))


def _refused(answer: str) -> bool:
    return answer.startswith("HTTP/1.1 400 ")


def _act(action: Action | CopyFile, pair: Pair) -> Outcome:
    return Outcome(action, _do(action, pair.original), _do(action, pair.ours))


def _do(action: Action | CopyFile, program: Program) -> str:
    if isinstance(action, CopyFile):
        shutil.copy(program.directory / action.source, program.directory / action.target)
        return "copied"
    if action is Action.AWAIT_FILE:
        file = program.directory / "pushgateway.data"
        return f"file there: {until(lambda: file.exists() and file.stat().st_size > 0)}"
    if action is Action.ENDED:
        return f"exit status {program.wait()}"
    how = {Action.RESTART: signal.SIGTERM, Action.INTERRUPT: signal.SIGINT, Action.KILL: signal.SIGKILL}[action]
    status = program.stop(how)
    program.start()
    return f"exit status {status}"


def _compare_logs(pair: Pair) -> Outcome:
    shown = []
    for program in pair:
        program.stop()
        shown.append("\n".join(normalise.log_lines(program.log, str(program.directory))))
    return Outcome(Action.RESTART, shown[0], shown[1])
