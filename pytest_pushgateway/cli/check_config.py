"""``check-config``: judge Prometheus configurations as promtool does, and report what a gateway's user would regret.

Modules are imported when they are needed: this command runs in editors and pre-commit hooks.
"""

from __future__ import annotations

import os
import re
import sys

from pytest_pushgateway.cli.check_config_output import FORMATS, printer
from pytest_pushgateway.cli.kingpin import Command, Flag
from pytest_pushgateway.cli.sources import Unreadable, read_metrics
from pytest_pushgateway.later import later
from pytest_pushgateway.prometheus.decode.referenced_files import glob
from pytest_pushgateway.prometheus.lint.detection import PERHAPS, detect, may_mention_gateway
from pytest_pushgateway.prometheus.problems import LINT_RULES, RULE_NAMES, SEVERITIES
from pytest_pushgateway.prometheus.scrape.promtext import ExpositionError, read
from pytest_pushgateway.prometheus.values import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from pytest_pushgateway.prometheus import promtool_check
    from pytest_pushgateway.prometheus.config import PrometheusConfig
    from pytest_pushgateway.prometheus.forms import recognise
else:
    promtool_check = later("pytest_pushgateway.prometheus.promtool_check")
    recognise = later("pytest_pushgateway.prometheus.forms.recognise")


def _split(text: str) -> list[str]:
    """Return the rules in the value of ``--ignore``.

    Raises:
        ValueError: a rule is unknown.

    """
    rules = [rule.strip() for rule in text.split(",")]
    for rule in rules:
        if rule not in LINT_RULES:
            raise ValueError(f"--ignore: unknown rule {rule!r}; the rules are {RULE_NAMES}")
    return rules


def _rule_files(pattern: str) -> str:
    """Return a value of ``--rules``.

    Raises:
        ValueError: no file has that name: a typing error must not pass.

    """
    try:
        found = glob(pattern)
    except ValueError as error:
        raise ValueError(f"--rules: {pattern}: {error}") from None
    if not found:
        raise ValueError(f"--rules: no file matches {pattern!r}")
    return pattern


def _program(path: str) -> str:
    """Return the value of ``--promtool``.

    Raises:
        ValueError: there is no such program: a typing error must not pass.

    """
    import shutil

    found = shutil.which(path)
    if found is None:
        raise ValueError(f"--promtool: {path} is not a program")
    return found


_UNJUDGED = "unjudged"
"""The lowest value of ``--fail-on``: parts of a file without a verdict."""

COMMAND = Command(
    "pytest-pushgateway check-config",
    "Check Prometheus configurations as 'promtool check config' does, with every problem and its place, and report "
    "where pushed metrics would lose their labels. A <file> is a file, a pattern, a folder, or - for standard input.",
    (
        Flag(
            "prometheus-version",
            "The rules of Prometheus 2.42, 2.53, 3.5 or 3.14.",
            LATEST,
            choices=("2.42", "2.53", "3.5", LATEST),
        ),
        Flag("skip-others", "Skip files that configure nothing of Prometheus, as in a folder."),
        Flag("no-files", "Skip referenced files (rules, targets, certificates)."),
        Flag(
            "gateway",
            "A job that scrapes it is a gateway job; also a job's name or a regular expression.",
            "",
            repeatable=True,
            metavar="HOST:PORT",
        ),
        Flag(
            "metrics",
            "The gateway's metrics (file or URL), for the rules that need them.",
            "",
            metavar="FILE",
        ),
        Flag(
            "rules",
            "Rule files whose alerts belong to the configuration.",
            "",
            _rule_files,
            repeatable=True,
            metavar="FILE",
        ),
        Flag(
            "promtool",
            "A promtool to ask about the parts of files that are not judged here.",
            "",
            _program,
            metavar="PATH",
        ),
        Flag(
            "lint",
            "Which rules to run: none, default or strict.",
            "default",
            choices=("none", "default", "strict"),
        ),
        Flag(
            "ignore",
            "Leave out a rule, such as PG010; several are separated by commas.",
            "",
            _split,
            repeatable=True,
            metavar="RULE",
        ),
        Flag(
            "fail-on",
            "Fail for findings of this severity and worse: error, warning, note; or for parts not judged: unjudged.",
            "warning",
            choices=(*SEVERITIES, _UNJUDGED),
        ),
        Flag(
            "format",
            "text, json, github (annotations of a workflow run), sarif (code scanning) or junit (CI services).",
            "text",
            choices=FORMATS,
        ),
    ),
    operand="file",
    least=1,
    most=None,
    epilog="Exit status: 0 nothing found, 1 something found, 2 unusable arguments.",
)


class UnusableArguments(Exception):
    """The arguments name something that does not exist; the text names it."""


def find_files(names: Sequence[str]) -> list[str]:
    """Return the files that are meant by names, patterns and folders, each once.

    A folder means the files below it that have scrape jobs or rules, in whatever form.

    Raises:
        UnusableArguments: a pattern or a folder has no such file.

    """
    found: dict[str, None] = {}
    for name in names:
        if name != "-" and os.path.isdir(name):
            below = list(_configurations(name))
            if not below:
                raise UnusableArguments(f"no Prometheus configuration in {name}")
        elif any(letter in name for letter in "*?[") and not os.path.lexists(name):
            import glob

            below = sorted(glob.glob(name, recursive=True))
            if not below:
                raise UnusableArguments(f"no file matches {name}")
        else:
            below = [name]
        found.update(dict.fromkeys(below))
    return list(found)


def _configurations(folder: str) -> Iterator[str]:
    rules = []
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(at, name)
            if name.endswith((".yml", ".yaml", ".json")):
                form = _form(path)
                if form == _RULE_FILE:
                    rules.append(path)
                elif form:
                    yield path
            elif name.endswith(_UNREAD) and _is_about_a_gateway(path):
                yield path
    yield from rules  # last, since configurations name them


_RULE_FILE = "a rule file"
_MOST_NAMED = 5
"""Jobs that one line names; a Prometheus may have hundreds."""
_OWN = re.compile(rb"^scrape_config(?:s|_files):", re.MULTILINE)
_FORMS = re.compile(
    rb"""^[ \t]*(?:-[ \t]+|\{)*["']?(?:
        (?:scrape_configs|scrape_config_files|job_name|serverFiles|extraScrapeConfigs|additionalScrapeConfigs
        |additionalServiceMonitors|additionalPodMonitors|additionalPrometheusRules(?:Map)?
        |(?:[\w.-]*[_.-])?(?:rules?|alerts?|alerting|recording)\.ya?ml|[\w.-]+\.rules
        |prometheus_scrape_configs|overrideHonorLabels
        |prometheus[\w.-]*\.ya?ml)["']?[ \t]*:
        |kind["']?[ \t]*:[ \t]*["']?(?:VM)?(?:ServiceMonitor|PodMonitor|ScrapeConfig|ServiceScrape|PodScrape|Secret)\b
        |kind["']?[ \t]*:[ \t]*["']?\w*(?:VM|Rule|Alert|Record|Monitor|Scrape|Probe|Prometheus|ServiceLevel|Metrics)
    )""",
    re.MULTILINE | re.VERBOSE,
)
_GROUPS = re.compile(rb"^\{?[ \t]*[\"']?groups[\"']?[ \t]*:", re.MULTILINE)
_TEMPLATES = (".j2", ".jinja", ".tmpl", ".tpl", ".erb")
_UNREAD = (*_TEMPLATES, ".alloy", ".river", ".jsonnet", ".libsonnet", ".nix", ".tf", ".hcl")
_SCRAPING = re.compile(rb"scrape_configs|scrapeConfigs|prometheus\.scrape")


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


def _form(path: str) -> str:
    """Return the form of a YAML file that has scrape jobs or rules; ``""`` if it has none."""
    text = _head(path)
    if _OWN.search(text):
        return "a configuration"
    is_one = _FORMS.search(text) or (_GROUPS.search(text) and b"expr" in text)
    return recognise.form_of(text) if is_one else ""


def _is_meant(path: str) -> bool:
    """Return whether a file that was named is to be judged though ``--skip-others`` leaves out others."""
    name = os.path.basename(path)
    return name in ("-", "prometheus.yml", "prometheus.yaml") or bool(_form(path))


def _is_about_a_gateway(path: str) -> bool:
    """Return whether a file in another language configures what is scraped, a gateway included."""
    text = _head(path)
    return _SCRAPING.search(text) is not None and may_mention_gateway(text)


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    options = COMMAND.read(arguments)
    if isinstance(options, int):
        return options
    try:
        files = find_files(options[""])
        metrics = _metrics(options["metrics"])
    except UnusableArguments as problem:
        return COMMAND.fail(problem)
    import gc

    collecting = gc.isenabled()
    gc.disable()  # trees of nodes hold no cycles, and looking for them costs a third of the time
    try:
        return _run(options, files, metrics)
    except UnusableArguments as problem:
        return COMMAND.fail(problem)
    finally:
        if collecting:
            gc.enable()


def _metrics(source: str) -> bytes | None:
    if not source:
        return None

    try:
        body = read_metrics(source)
        for _ in read(body):
            pass
    except (Unreadable, ExpositionError) as problem:
        reason = str(problem) if isinstance(problem, Unreadable) else f"{source} holds no metrics: {problem}"
        raise UnusableArguments(f"--metrics: {reason}") from None
    return body


def _run(options: dict[str, Any], files: Sequence[str], metrics: bytes | None) -> int:
    worst = options["fail-on"]
    failing = SEVERITIES if worst == _UNJUDGED else SEVERITIES[: SEVERITIES.index(worst) + 1]
    output = printer(options["format"], sys.stdout, failing)
    failed = False
    recognised = _Recognised(options["gateway"])
    judged: set[str] = set()
    for name in files:
        found = options["skip-others"] or name not in options[""]
        if options["skip-others"] and not _is_meant(name):
            continue
        config = _load(options, name, metrics)
        if found and config.form == _RULE_FILE and os.path.realpath(name) in judged:
            continue
        judged.update(map(os.path.realpath, config.texts))
        if options["promtool"] and config.unjudged:
            try:
                promtool_check.ask_promtool(config, options["promtool"], files=not options["no-files"])
            except promtool_check.PromtoolFailed as problem:
                raise UnusableArguments(f"--promtool: {problem}") from None
        if found:
            _soften(config)
        output.add(config)
        failed |= any(problem.severity in failing for problem in config.problems)
        failed |= worst == _UNJUDGED and bool(config.unjudged)
        recognised.look_at(config)
    output.end()
    if options["format"] == "text" and options["lint"] != "none":
        sys.stdout.write(recognised.remark())
    return int(failed)


def _soften(config: PrometheusConfig) -> None:
    """Make notes of the forms that are not read: the other files of the folder are judged all the same."""
    for problem in config.problems:
        if problem.rule == "form":
            problem.severity = "note"


def brief(text: str) -> str:
    """Return ``text`` with at most 80 characters."""
    return text if len(text) <= 80 else f"{text[:77]}..."


class _Recognised:
    """Whether the rules judged any job of any file; looks no further than the first that they did."""

    def __init__(self, gateways: Sequence[str]) -> None:
        self.gateways = gateways
        self.any = self.jobs = False
        self.perhaps: list[str] = []
        self.reasons: dict[str, None] = {}

    def look_at(self, config: PrometheusConfig) -> None:
        if self.any or not config.jobs:
            return

        self.jobs = True
        for one in detect(config, self.gateways):
            if one.level == PERHAPS:
                self.perhaps.append(brief(repr(one.job.job_name)))
                self.reasons.setdefault(brief(one.reason))
            else:
                self.any = True

    def remark(self) -> str:
        """Return a line for rules that judged no job, or nothing; silence would pass for approval."""
        if self.any or not self.jobs:
            return ""
        if self.gateways:
            named = brief(", ".join(self.gateways))
            return f"no job scrapes the gateway {named} that --gateway names, and none looks like a gateway's\n"
        first = "no job was recognised as a gateway's"
        if self.perhaps:
            some, more = self.perhaps[:_MOST_NAMED], len(self.perhaps) - _MOST_NAMED
            names = ", ".join(some) + (f" and {more} more" if more > 0 else "")
            first += f", though {names} may be: {'; '.join([*self.reasons][:_MOST_NAMED])}"
        return f"{first}; name it with --gateway=HOST:PORT or --gateway=JOB\n"


def _load(options: dict[str, Any], name: str, metrics: bytes | None) -> PrometheusConfig:
    from pytest_pushgateway.prometheus.config import load

    path, text = name, None
    if name == "-":
        from pytest_pushgateway.golang.yaml_v2 import MAX_SIZE

        path, text = "<stdin>", sys.stdin.buffer.read(MAX_SIZE + 1)
    read: Callable[..., Any] = load
    config: PrometheusConfig = read(
        path,
        text=text,
        version=options["prometheus-version"],
        files=not options["no-files"],
        lint=options["lint"],
        ignore=[rule for rules in options["ignore"] for rule in rules],
        gateway=options["gateway"],
        rules=options["rules"],
        metrics=metrics,
    )
    return config
