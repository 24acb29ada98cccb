"""A configuration as it was read: its texts, its document, its problems; what the linter and the verbs work on."""

from __future__ import annotations

from pytest_pushgateway.prometheus.decode.sections import Document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.prometheus.model import Global, ScrapeJob
    from pytest_pushgateway.prometheus.parts import Part
    from pytest_pushgateway.prometheus.problems import Problem


class Configuration:
    """The read part of a ``PrometheusConfig``, which documents the fields; it knows neither linter nor verbs."""

    def __init__(self, path: str, text: bytes, version: str) -> None:
        self.path = path
        self.text = text
        self.version = version
        self.problems: list[Problem] = []
        self.unjudged: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.form: str = ""
        self.parts: list[Part] = []
        self.document: Document = Document()
        self.texts: dict[str, bytes] = {path: text}

    @property
    def jobs(self) -> list[ScrapeJob]:
        """All scrape jobs."""
        return self.document.jobs

    @property
    def global_(self) -> Global:
        """The ``global`` section with its defaults."""
        return self.document.common

    @property
    def errors(self) -> list[Problem]:
        """Errors that Prometheus does not load; empty if ``promtool check config`` accepts it."""
        return [one for one in self.problems if one.severity == "error" and not one.rule.startswith("PG")]

    def text_of(self, file: str | None) -> bytes:
        """Return the bytes of a file.

        Args:
            file: its path; None for the configuration itself.

        Returns:
            The bytes; empty if the file was not read.

        """
        return self.texts.get(self.path if file is None else file, b"")

    def job(self, name: str) -> ScrapeJob:
        """Return a scrape job by its name.

        Args:
            name: the exact ``job_name``.

        Returns:
            The job.

        Raises:
            LookupError: there is no such job; the message lists the jobs there are.

        """
        __tracebackhide__ = True
        for one in self.jobs:
            if one.job_name == name:
                return one
        names = ", ".join(repr(one.job_name) for one in self.jobs) or "none"
        raise LookupError(f"no scrape job {name!r} in {self.path or 'the configuration'}; there are: {names}")

    def __repr__(self) -> str:
        name = self.path or "<text>"
        return f"<{type(self).__name__} {name}: {len(self.jobs)} jobs, {len(self.problems)} problems>"
