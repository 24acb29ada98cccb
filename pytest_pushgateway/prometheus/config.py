"""A Prometheus configuration: read, judged as ``promtool check config`` does, and typed.

:func:`load` never raises for what a file holds: whatever is wrong with it is in :attr:`PrometheusConfig.problems`.
"""

from __future__ import annotations

import os
from functools import partial

from pytest_pushgateway.golang.utf8 import bytes_of
from pytest_pushgateway.golang.yaml_v2 import MappingNode, ScalarNode, SyntaxProblem, compose, compose_all
from pytest_pushgateway.later import later
from pytest_pushgateway.programs import BinaryNotFound
from pytest_pushgateway.prometheus.configuration import Configuration
from pytest_pushgateway.prometheus.decode.decoder import VERSIONS, Decoder
from pytest_pushgateway.prometheus.decode.referenced_files import FileChecks, glob, read, why
from pytest_pushgateway.prometheus.decode.sections import decode_document
from pytest_pushgateway.prometheus.lint import check
from pytest_pushgateway.prometheus.lint.detection import gateway_jobs
from pytest_pushgateway.prometheus.parts import Part
from pytest_pushgateway.prometheus.problems import LINT_RULES, RULE_NAMES, Problem, in_order
from pytest_pushgateway.prometheus.values import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from os import PathLike
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.programs import Program
    from pytest_pushgateway.prometheus.forms import dialects, judge, recognise, unread
    from pytest_pushgateway.prometheus.forms.pieces import FormReading, Piece
    from pytest_pushgateway.prometheus.model import ScrapeJob
    from pytest_pushgateway.prometheus.rules import rule_checks
    from pytest_pushgateway.prometheus.rules.rule_assertions import RuleTest
    from pytest_pushgateway.prometheus.scrape.result import ScrapeResult
else:
    # Imported for files that are not a configuration themselves, have problems, or name rule files.
    dialects = later("pytest_pushgateway.prometheus.forms.dialects")
    judge = later("pytest_pushgateway.prometheus.forms.judge")
    rule_checks = later("pytest_pushgateway.prometheus.rules.rule_checks")
    recognise = later("pytest_pushgateway.prometheus.forms.recognise")
    unread = later("pytest_pushgateway.prometheus.forms.unread")

LINT_SETS = ("none", "default", "strict")


class PrometheusConfig(Configuration):
    """A configuration that was read, valid or not. Made by `load`.

    Attributes:
        problems (list[Problem]): every finding, in the order of the files.
        unjudged (list): the sections and objects that were read but not judged, each with ``section``, ``file``,
            ``line`` and ``column``.
        others (list): the objects in the file that configure nothing of Prometheus's, likewise.
        form (str): the form of the file, such as ``"a rule file"``; empty for a configuration.
        parts (list): the parts of the file with something that was not judged, to ask promtool about; this may change
            with any version.
        path (str): the path that it was read from, or that names the text.
        text (bytes): the configuration itself.
        texts (dict[str, bytes]): the bytes of every file that was read, by its path.
        version (str): the version of Prometheus whose rules apply.
        document: the configuration as it was decoded; this may change with any version.
        promtool: the path of promtool for `rules`; None to look at PROMTOOL_BINARY and PATH. The fixture sets it.
        when_missing: called with the reason if `rules` finds no promtool, before it raises. The fixture skips the test.
    """

    def __init__(self, path: str, text: bytes, version: str) -> None:
        super().__init__(path, text, version)
        self.when_missing: Callable[[str], object] | None = None
        self.promtool: str | Program | None = None

    def gateway_jobs(self, *gateways: object) -> list[ScrapeJob]:
        """Return the jobs that scrape a Pushgateway.

        Args:
            gateways: objects with an ``address`` (a ``Pushgateway``), addresses, job names or regular expressions, as
                for ``--gateway``.

        Returns:
            The jobs that scrape one of them. Without arguments, or if there are none (a gateway in a test does not have
            the address that the configuration names), the jobs that look like a gateway's.

        """
        return gateway_jobs(self, gateways)

    def scrape(
        self,
        gateway: Any,
        job: str | None = None,
        *,
        targets: Iterable[Mapping[str, str] | str] | None = None,
        now: float | None = None,
        timeout: float | None = None,
    ) -> ScrapeResult:
        """Scrape ``gateway`` (a ``Pushgateway``) as Prometheus would.

        Every target of the job is scraped once. A scrape that fails raises nothing: its result has the error.

        Args:
            gateway: has ``host`` and ``port``.
            job: a job's name; without it the configuration must have exactly one job for this gateway.
            targets: replaces service discovery: addresses, or label sets with ``__address__`` and ``__meta_*``.
            now: the Unix time of the scrape, in seconds.
            timeout: seconds to wait instead of the job's ``scrape_timeout``.

        Returns:
            What Prometheus would store.

        Raises:
            LookupError: the job does not exist or has no known targets.
            Unsimulated: the simulation does not cover something that the job needs.

        """
        __tracebackhide__ = True
        from pytest_pushgateway.prometheus.scrape.simulate import scrape

        return scrape(self, gateway, job, targets=targets, now=now, timeout=timeout)

    def rules(
        self,
        gateway: Any,
        *,
        job: str | None = None,
        targets: Iterable[Mapping[str, str] | str] | None = None,
        rule_files: Sequence[str | PathLike[str]] | None = None,
        promtool: str | PathLike[str] | Program | None = None,
    ) -> RuleTest:
        """Return the configuration's rules, to be tested against what ``gateway`` has exposed in this test.

        Args:
            gateway: has ``timeline()``, a list of `ScrapeText`; the last one's time is the present.
            job: the scrape job; without it all that scrape the gateway.
            targets: replaces service discovery, as in `scrape`.
            rule_files: rule files instead of those of the configuration.
            promtool: where promtool is; by default PROMTOOL_BINARY or PATH.

        Returns:
            The test.

        Raises:
            BinaryNotFound: there is no promtool.
            LookupError: no job scrapes the gateway.

        """
        __tracebackhide__ = True
        from pytest_pushgateway.prometheus.rules.rule_assertions import rules

        program = promtool if promtool is not None else self.promtool
        try:
            return rules(self, gateway, job=job, targets=targets, rule_files=rule_files, promtool=program)
        except BinaryNotFound as reason:
            if self.when_missing is not None:
                self.when_missing(str(reason))
            raise


def load(
    path: str | PathLike[str] | None = None,
    *,
    text: str | bytes | None = None,
    version: str = LATEST,
    files: bool = True,
    lint: str = "default",
    ignore: Iterable[str] = (),
    gateway: Any = (),
    rules: Iterable[str | PathLike[str]] = (),
    metrics: str | bytes | None = None,
) -> PrometheusConfig:
    """Read a configuration from a file or a text.

    Args:
        path: the file; with ``text`` it only names the text and anchors relative paths.
        text: the configuration itself.
        version: the Prometheus version whose rules apply.
        files: whether to look at other files; false is promtool's ``--syntax-only``.
        lint: ``"none"``, ``"default"`` or ``"strict"``.
        ignore: rules not to report.
        gateway: one or more gateways, as for `PrometheusConfig.gateway_jobs`.
        rules: rule files for the rules about alerts.
        metrics: the metrics that the gateway exposes, for the rules that need them.

    Returns:
        The configuration, even if it is invalid; ``problems`` has the findings.

    Raises:
        ValueError: the version, the set or a rule is unknown.
        TypeError: neither ``path`` nor ``text`` is given.

    """
    if version not in VERSIONS:
        raise ValueError(f"unknown Prometheus version {version!r}; known are {', '.join(VERSIONS)}")
    if lint not in LINT_SETS:
        raise ValueError(f"unknown lint set {lint!r}; there are {', '.join(LINT_SETS)}")
    ignored = set(ignore)
    for rule in sorted(ignored - LINT_RULES):
        raise ValueError(f"unknown lint rule {rule!r}; they are called {RULE_NAMES}")
    if path is None and text is None:
        raise TypeError("load() needs a path or a text")
    name = os.fspath(path) if path is not None else ""
    if text is None:
        try:
            content = read(name)
        except OSError as error:
            config = PrometheusConfig(name, b"", version)
            config.problems.append(Problem(why(error, name), file=name, rule="files", promtool=why(error, name)))
            return config
    else:
        content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    config = PrometheusConfig(name, content, version)
    settings = _Settings(files, lint, gateway, list(rules), metrics)
    reading = _read(config, settings)
    if reading is not None:
        _judge_rules(config, settings.rule_paths(), objects=True)
        judge.judge(config, reading, partial(_judge_piece, settings), lint=lint != "none")
    if ignored:
        config.problems = [one for one in config.problems if one.rule not in ignored]
        for one in config.problems:
            if one.hint_rule in ignored:
                one.hint = one.hint_rule = None
    config.problems = in_order(config.problems)
    return config


class _Settings:
    """The arguments of :func:`load` that every piece of a file needs."""

    def __init__(
        self, files: bool, lint: str, gateway: Any, rules: list[str | PathLike[str]], metrics: str | bytes | None
    ) -> None:
        self.files = files
        self.lint = lint
        self.gateways = [gateway] if isinstance(gateway, str) or hasattr(gateway, "address") else list(gateway)
        self.rules = rules
        self.metrics = bytes_of(metrics) if isinstance(metrics, str) else metrics

    def rule_paths(self) -> Iterator[str]:
        """Return the paths of the rule files."""
        for pattern in self.rules:
            yield from glob(os.fspath(pattern))


def _read(config: PrometheusConfig, settings: _Settings) -> FormReading | None:
    """Judge a file that is a configuration itself; return what another form has in it."""
    text = config.text
    decoder = Decoder(config.path, config.version)
    config.unjudged = decoder.unjudged
    config.problems = decoder.problems
    try:
        root = compose(text)
        if not _is_plain(root):
            reading = recognise.recognise(root, text)
            if reading is not None:
                return reading
        _decode(config, decoder, root, files=settings.files)
        if b"\n---" in text:
            _note_later(config)
    except SyntaxProblem as error:
        decoder.problems.append(
            Problem(str(error), file=config.path, position=error.position, rule="yaml", promtool=error.promtool)
        )
    except RecursionError:
        decoder.problems.append(Problem("the configuration is nested too deeply", file=config.path, rule="yaml"))
    if decoder.problems:
        unread.explain(config)
        dialects.forgive(config, "")
    _judge_rules(config, settings.rule_paths(), objects=True)
    _lint(config, settings)
    return None


def _note_later(config: PrometheusConfig) -> None:
    """Note documents after the first; what is wrong with their YAML is nothing to Prometheus."""
    try:
        documents = compose_all(config.text)
    except SyntaxProblem:
        return
    for section, at in recognise.later_documents(documents):
        config.unjudged.append({"section": section, "file": config.path, "line": at.line, "column": at.column})


def _is_plain(root: Node | None) -> bool:
    """Return, at little cost, whether a document is a configuration and nothing else."""
    if not isinstance(root, MappingNode):
        return False
    known = {key.value for key, _ in root.value if key.__class__ is ScalarNode}
    return "scrape_configs" in known and not known & {"kind", "receivers"}


def _judge_piece(settings: _Settings, part: PrometheusConfig, piece: Piece) -> None:
    """Judge one piece of a file as a configuration. The files that it names are elsewhere."""
    decoder = Decoder(part.path, part.version)
    part.unjudged = decoder.unjudged
    part.problems = decoder.problems
    try:
        _decode(part, decoder, piece.root, files=False)
    except SyntaxProblem as error:
        decoder.problems.append(Problem(str(error), file=part.path, position=error.position, rule="yaml"))
    for job, monitor in zip(part.jobs, piece.monitors, strict=False):
        job.monitor = monitor
    _lint(part, settings)


def _decode(config: PrometheusConfig, decoder: Decoder, root: Node | None, *, files: bool) -> None:
    decoder.take(config.text)
    config.document = decode_document(decoder, root)
    checks = FileChecks(decoder, config.document, os.path.dirname(config.path), files=files)
    checks.run()
    config.texts.update(checks.texts)
    decoder.problems += checks.problems
    _judge_rules(config, checks.rule_files)


def _judge_rules(config: PrometheusConfig, paths: Iterable[str], *, objects: bool = False) -> None:
    """Judge rule files, each once; ``objects`` means that they may be PrometheusRules."""
    for path in paths:
        if path in config.texts:
            continue
        problems, unjudged, text, documents = rule_checks.check_rule_file(path, config.version, objects=objects)
        config.texts[path] = text
        config.problems += problems
        config.unjudged += unjudged
        if objects and unjudged and not problems:
            # Rule files that the configuration names are judged with it.
            config.parts += [_rules_part(path, name, root, unjudged) for name, root in documents]


def _rules_part(path: str, name: str, root: Node, unjudged: list[dict[str, Any]]) -> Part:
    return Part(root, rules=True, file=path, unjudged=unjudged, place=lambda own: (own, name or None))


def _lint(config: PrometheusConfig, settings: _Settings) -> None:
    if settings.lint != "none" and config.document.jobs:
        config.problems += check(config, settings.lint, settings.gateways, settings.rules, settings.metrics)
