"""``explain``: what Prometheus would store of a push, rule by rule."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_pushgateway.cli.check_config_output import colours_wanted
from pytest_pushgateway.cli.kingpin import Command, Flag
from pytest_pushgateway.cli.sources import Unreadable, read_metrics
from pytest_pushgateway.prometheus.scrape.ingest import Unsimulated
from pytest_pushgateway.prometheus.values import LATEST

if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.prometheus.config import PrometheusConfig
    from pytest_pushgateway.prometheus.model import ScrapeJob

_LABELS = re.compile(r",(?=[a-zA-Z_][a-zA-Z0-9_]*=)", re.ASCII)


def _target(text: str) -> str | dict[str, str]:
    """Return a value of ``--target``, the labels of one with labels. Raises ValueError."""
    address, *labels = _LABELS.split(text)
    if "," in address:
        label = address.partition(",")[2]
        raise ValueError(
            f"--target: {label!r} must be LABEL=VALUE, such as {address.split(',')[0]},__meta_consul_dc=east"
        )
    if not labels:
        return text
    return {"__address__": address, **dict(label.split("=", 1) for label in labels)}


COMMAND = Command(
    "pytest-pushgateway explain",
    "Trace each series through a scrape job: how it arrives, what each relabel rule does, and what Prometheus stores. "
    "The <file> is a Prometheus configuration.",
    (
        Flag("job", "The scrape job; may be left out if only one scrapes a gateway.", "", metavar="JOB"),
        Flag(
            "metrics",
            "The exposed metrics, in the text format; - reads standard input. By default an example of two pushes.",
            "",
            metavar="FILE|URL",
        ),
        Flag(
            "target",
            "A target that service discovery would find, with its labels (__meta_...) after commas.",
            "",
            _target,
            repeatable=True,
            metavar="HOST:PORT[,LABEL=VALUE]",
        ),
        Flag("prometheus-version", "The rules of Prometheus 2.42, 2.53, 3.5 or 3.14.", LATEST, metavar=LATEST),
    ),
    operand="file",
    least=1,
    most=1,
    epilog="Exit status: 0 stored, 1 if Prometheus would store none of it, 2 unusable arguments.",
)


class _Unusable(Exception):
    """Something that was named cannot be used; the text is the line to print."""


def main(arguments: Sequence[str]) -> int:
    """Run the command: 0, 1 where Prometheus would store nothing of it, 2 for unusable arguments."""
    options = COMMAND.read(arguments)
    if isinstance(options, int):
        return options
    try:
        return _explain(options)
    except _Unusable as problem:
        sys.stderr.write(f"{COMMAND.program}: error: {problem}\n")
        return COMMAND.status


def _explain(options: dict[str, Any]) -> int:
    from pytest_pushgateway.prometheus.config import load
    from pytest_pushgateway.prometheus.scrape.explain import EXAMPLE, explain

    try:
        config = load(options[""][0], version=options["prometheus-version"], lint="none")
    except ValueError as problem:
        raise _Unusable(str(problem)) from None
    if config.errors:
        sys.stderr.write("".join(f"{problem}\n" for problem in config.errors))
        return 1
    job = _job(config, options["job"])
    body = EXAMPLE.encode() if not options["metrics"] else _read(options["metrics"], job)
    try:
        text, up = explain(job, body, targets=options["target"] or None)
    except (LookupError, Unsimulated) as problem:
        raise _Unusable(_in_flags(str(problem))) from None
    if not options["metrics"]:
        text = f"No --metrics given: this explains an example of two pushes.\n{text}"
    if sys.stdout.isatty():
        text = _on_terminal(text, shutil.get_terminal_size().columns, coloured=colours_wanted(sys.stdout))
    sys.stdout.write(text)
    return 0 if up else 1


def _in_flags(problem: str) -> str:
    """Return a problem with advice for the command line, not for a test."""
    before, found, _ = problem.partition("name them, targets=")
    return f"{before}name them: --target 'HOST:PORT,__meta_...=value'" if found else problem


_BOLD, _GREEN, _RED, _DIM = "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m"
_STYLES = (
    (re.compile(r"(?:job|target) "), _BOLD),
    (re.compile(r" +(?:would be )?stored: "), _GREEN),
    (re.compile(r" +(?:not stored: |dropped: |not scraped )|.*: drops it, "), _RED),
    (re.compile(r".*: no change(?:, .*)?$"), _DIM),
)
_STEP = re.compile(
    r"(?P<indent> +)(?P<left>(?:metric_)?relabel_configs \d+ \(.*?\):|(?:would be |not )?stored:|dropped:"
    r"|discovered|target labels|scraped|not scraped|with the target's labels) +(?P<right>.*)"
)
"""A line of two columns: a step and its result."""
_NARROWEST = 40


def _on_terminal(text: str, width: int, *, coloured: bool) -> str:
    """Return an explanation in two columns within a terminal's width: the steps and their results.

    Targets are bold, stored series green, lost ones red, and rules that change nothing dim, if it is ``coloured``.
    """
    lines = text.splitlines()
    steps = [_STEP.fullmatch(line) for line in lines]
    shown: list[str] = []
    for number, (line, step) in enumerate(zip(lines, steps, strict=True)):
        if step is None:
            rows = _wrapped(line, "", len(line) - len(line.lstrip()) + 4, width)
        else:
            rows = _wrapped(step["right"], step["indent"] + step["left"], _right_column(steps, number, width), width)
        style = next((style for pattern, style in _STYLES if pattern.match(line)), "") if coloured else ""
        shown += [f"{style}{row}\x1b[0m" if style and row else row for row in rows]
    return "\n".join(shown) + "\n"


def _right_column(steps: Sequence[re.Match[str] | None], number: int, width: int) -> int:
    """Return where the right column of the steps around one begins; long steps are left out of account."""
    first = last = number
    while first and steps[first - 1] is not None:
        first -= 1
    while last + 1 < len(steps) and steps[last + 1] is not None:
        last += 1
    widths = [step.end("left") + 2 for step in steps[first : last + 1] if step is not None]
    return max((one for one in widths if one <= width // 2), default=8)


def _wrapped(text: str, left: str, column: int, width: int) -> list[str]:
    """Return the lines of a text at a column, after ``left``, which is a line by itself if it is too long."""
    alone = bool(left) and len(left) + 2 > column
    indent = " " * column if left else ""
    found = textwrap.wrap(
        text,
        max(width, column + _NARROWEST),
        initial_indent=indent if alone else left.ljust(len(indent)),
        subsequent_indent=" " * column,
        break_on_hyphens=False,
    )
    return [left, *found] if alone else found or [left]


def _job(config: PrometheusConfig, name: str) -> ScrapeJob:
    try:
        if name:
            return config.job(name)
        gateways = config.gateway_jobs()
    except LookupError as problem:
        raise _Unusable(str(problem)) from None
    candidates = gateways or config.jobs
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(repr(job.job_name) for job in candidates) or "none"
    which = "those that scrape a gateway" if gateways else "none looks like a gateway's; there are"
    raise _Unusable(f"name the job with --job JOB; {which}: {names}")


def _read(source: str, job: ScrapeJob) -> bytes:
    if source.startswith(("http://", "https://")):
        from pytest_pushgateway.prometheus.scrape.fetch import FetchError, NoClient, ScrapeClient
        from pytest_pushgateway.prometheus.scrape.simulate import accept_header

        try:
            client = ScrapeClient(
                job.http, directory=os.path.dirname(job.file or ""), headers={"Accept": accept_header(job)}
            )
            return client.get(source, timeout=job.scrape_timeout).body
        except (FetchError, NoClient) as problem:
            raise _Unusable(str(problem)) from None

    try:
        return read_metrics(source)
    except Unreadable as problem:
        raise _Unusable(str(problem)) from None
