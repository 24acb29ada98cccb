"""Comments in a configuration that are meant for the linter.

``# pushgateway: ignore PG006`` silences rules on its own line, on the line below if it stands alone, and for the whole
job if it stands right above or on the job's first line; ``# pushgateway: ignore`` silences all. ``# pushgateway:
gateway`` and ``# pushgateway: not-a-gateway``, anywhere in a job or right above it, settle what the job is.
"""

from __future__ import annotations

import re
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.configuration import Configuration
    from pytest_pushgateway.prometheus.model import ScrapeJob
    from pytest_pushgateway.prometheus.problems import Problem

_COMMENT = re.compile(
    r"^(?P<before>.*?)(?<!\S)#\s*pushgateway:\s*(?P<what>ignore|not-a-gateway|gateway)(?![\w-])(?P<rules>[^#\n]*)",
    re.IGNORECASE,
)
_ANY = re.compile(rb"#\s*pushgateway:", re.IGNORECASE)
_RULE = re.compile(r"\bPG\w*", re.IGNORECASE)  # a misspelt one must not pass for none, which silences all


class Comment:
    """One comment: its line, whether it has the line for itself, its text, and the rules it names (all if none)."""

    __slots__ = ("alone", "line", "rules", "what")

    def __init__(self, line: int, alone: bool, what: str, rules: frozenset[str]) -> None:
        self.line: int = line
        self.alone: bool = alone
        self.what: str = what
        self.rules: frozenset[str] = rules


@lru_cache(maxsize=32)
def comments(text: bytes) -> tuple[Comment, ...]:
    """Return the linter's comments in a file."""
    if not _ANY.search(text):
        return ()
    found = []
    for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
        match = _COMMENT.match(line)
        if match:
            alone = match["before"].strip() in ("", "-")
            rules = frozenset(rule.upper().replace("B", "b") for rule in _RULE.findall(match["rules"]))
            found.append(Comment(number, alone, match["what"].lower(), rules))
    return tuple(found)


def _span(job: ScrapeJob) -> tuple[int, int]:
    """Return the first line and the line after the last of a job."""
    if job.node is None:
        return 0, 0
    end = job.node.end_mark
    return job.node.start_mark.line + 1, end.line + (1 if end.column else 0) + 1


def _above(lines: set[int], first: int) -> set[int]:
    """Return the lines of ``lines`` that stand right above ``first``, without a gap."""
    found = set()
    while first - 1 in lines:
        first -= 1
        found.add(first)
    return found


def verdicts(config: Configuration, job: ScrapeJob) -> str | None:
    """Return ``gateway`` or ``not-a-gateway`` where a comment marks ``job`` as one."""
    found = comments(config.text_of(job.file))
    if not found:
        return None
    first, after = _span(job)
    above = _above({one.line for one in found if one.alone}, first)
    for one in found:
        if one.what != "ignore" and (first <= one.line < after or one.line in above):
            return one.what
    return None


def ignored(config: Configuration, problem: Problem, job: ScrapeJob | None) -> bool:
    """Return whether a comment silences ``problem``."""
    found = [one for one in comments(config.text_of(problem.file)) if one.what == "ignore"]
    if not found:
        return False
    lines = {problem.line}
    alone = {one.line for one in found if one.alone}
    lines |= _above(alone, problem.line or 0)
    if job is not None and job.node is not None:
        first = job.node.start_mark.line + 1
        lines |= {first} | _above(alone, first)
    return any(one.line in lines and (not one.rules or problem.rule in one.rules) for one in found)
