"""The arguments of a rule, and its findings."""

from __future__ import annotations

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged
from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.prometheus.lint.detection import PERHAPS
from pytest_pushgateway.prometheus.problems import Problem
from pytest_pushgateway.prometheus.scrape.targets import job_targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.prometheus.configuration import Configuration
    from pytest_pushgateway.prometheus.lint.detection import Detected
    from pytest_pushgateway.prometheus.model import ScrapeJob
    from pytest_pushgateway.prometheus.scrape.targets import Target


class Finding:
    """A problem, the job it is about, and whether only the strict set reports it."""

    __slots__ = ("job", "problem", "strict")

    def __init__(self, problem: Problem, job: ScrapeJob | None, strict: bool) -> None:
        self.problem: Problem = problem
        self.job: ScrapeJob | None = job
        self.strict: bool = strict


class Context:
    """One run of the linter over one configuration."""

    def __init__(
        self, config: Configuration, detected: list[Detected], gateways: Iterable[object], metrics: bytes | None
    ) -> None:
        self.config = config
        self.detected = detected
        self.gateway: object | None = next((one for one in gateways if hasattr(one, "address")), None)
        """The gateway in hand, if there is one: an object with ``scrape()`` and ``settings``."""
        self._metrics = metrics
        self._targets: dict[int, list[Target]] = {}

    @property
    def gateway_jobs(self) -> list[ScrapeJob]:
        """The jobs that surely or likely scrape a gateway."""
        return [one.job for one in self.detected if one.level != PERHAPS]

    @property
    def metrics(self) -> bytes | None:
        """The text that the gateway exposes; ``None`` without a gateway."""
        if self._metrics is None and self.gateway is not None:
            text: str = self.gateway.scrape().text  # type: ignore[attr-defined]
            self._metrics = bytes_of(text)
        return self._metrics

    def targets(self, job: ScrapeJob) -> list[Target]:
        """Return the known targets of ``job`` after relabelling, those that are scraped."""
        found = self._targets.get(id(job))
        if found is None:
            try:
                found = [target for target in job_targets(job) if target.state == "active"]
            except (BadRegexp, Unjudged):
                found = []
            self._targets[id(job)] = found
        return found

    def find(
        self,
        rule: str,
        severity: str,
        message: str,
        at: Position | None,
        job: ScrapeJob | None = None,
        *,
        consequence: str | None = None,
        fix: str | None = None,
        strict: bool = False,
        file: str | None = None,
    ) -> Finding:
        """Make a finding; ``at`` is a place in the job's file."""
        place = file or (job.file if job is not None and job.file is not None else self.config.path)
        problem = Problem(
            message,
            file=place,
            position=at,
            severity=severity,
            rule=rule,
            job=job.job_name if job is not None else None,
            consequence=consequence,
            fix=fix,
        )
        return Finding(problem, job, strict)
