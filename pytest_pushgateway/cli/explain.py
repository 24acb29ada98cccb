"""``explain``: what Prometheus would store of a push, rule by rule."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.config import PrometheusConfig
    from pytest_pushgateway.prometheus.model import ScrapeJob

PROGRAM = "pytest-pushgateway explain"


class _Unusable(Exception):
    """Something that was named cannot be used; the text is the line to print."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the other commands do."""

    color: bool
    """Python 3.14's own, which heeds FORCE_COLOR where there is no terminal, and PYTHON_COLORS before NO_COLOR."""

    def error(self, message: str) -> NoReturn:
        raise _Unusable(f"{message}, try --help")


def main(arguments: Sequence[str]) -> int:
    """Run the command: 0, 1 where Prometheus would store nothing of it, 2 for unusable arguments."""
    try:
        return _explain(_parser().parse_args(arguments))
    except SystemExit:  # --help has been printed
        return 0
    except _Unusable as problem:
        sys.stderr.write(f"{PROGRAM}: error: {problem}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Say, series by series, what a scrape job makes of what a gateway exposes: "
        "what comes in, what each relabel rule does, and what Prometheus stores.",
    )
    parser.color = False
    parser.add_argument("file", metavar="FILE", help="a Prometheus configuration")
    parser.add_argument("--job", metavar="JOB", help="the scrape job; may be left out if only one scrapes a gateway")
    parser.add_argument(
        "--metrics",
        metavar="FILE|URL",
        help="what is exposed, in the text format; - reads standard input; without it an example of two pushes",
    )
    parser.add_argument(
        "--target",
        metavar="HOST:PORT",
        action="append",
        help="a target that service discovery would find; repeatable",
    )
    parser.add_argument("--prometheus-version", metavar="VERSION", default="3.5", help="2.42, 2.53 or 3.5 (default)")
    return parser


def _explain(options: argparse.Namespace) -> int:
    from pytest_pushgateway.prometheus.config import load
    from pytest_pushgateway.prometheus.scrape.explain import EXAMPLE, explain
    from pytest_pushgateway.prometheus.scrape.ingest import Unsimulated

    try:
        config = load(options.file, version=options.prometheus_version, lint="none")
    except ValueError as problem:
        raise _Unusable(str(problem)) from None
    if config.errors:
        sys.stderr.write("".join(f"{problem}\n" for problem in config.errors))
        return 1
    job = _job(config, options.job)
    body = EXAMPLE.encode() if options.metrics is None else _read(options.metrics, job)
    try:
        text, up = explain(job, body, targets=options.target)
    except (LookupError, Unsimulated) as problem:
        raise _Unusable(str(problem)) from None
    if options.metrics is None:
        text = f"No --metrics given: this explains an example of two pushes.\n{text}"
    sys.stdout.write(text)
    return 0 if up else 1


def _job(config: PrometheusConfig, name: str | None) -> ScrapeJob:
    try:
        if name is not None:
            return config.job(name)
        gateways = config.gateway_jobs()
    except LookupError as problem:
        raise _Unusable(str(problem)) from None
    candidates = gateways or config.jobs
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(repr(job.job_name) for job in candidates) or "none"
    which = "those that scrape a gateway" if gateways else "none looks like a gateway's; there are"
    raise _Unusable(f"say which job is meant, --job JOB; {which}: {names}")


def _read(source: str, job: ScrapeJob) -> bytes:
    if source.startswith(("http://", "https://")):
        from pytest_pushgateway.prometheus.scrape.fetch import Client, FetchError, NoClient
        from pytest_pushgateway.prometheus.scrape.simulate import accept_header

        try:
            client = Client(job.http, directory=os.path.dirname(job.file or ""), headers={"Accept": accept_header(job)})
            return client.get(source, timeout=job.scrape_timeout).body
        except (FetchError, NoClient) as problem:
            raise _Unusable(str(problem)) from None
    from pytest_pushgateway.cli.sources import Unreadable, read_metrics

    try:
        return read_metrics(source)
    except Unreadable as problem:
        raise _Unusable(str(problem)) from None
