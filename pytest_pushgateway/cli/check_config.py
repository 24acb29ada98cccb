"""``check-config``: judge Prometheus configurations as promtool does, and say what a gateway's user would regret.

Modules are imported when they are needed: this command runs in editors and pre-commit hooks.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from pytest_pushgateway.prometheus.config import PrometheusConfig

PROGRAM = "pytest-pushgateway check-config"
USAGE = f"""\
usage: {PROGRAM} [<flags>] <file>...

Judge Prometheus configurations as 'promtool check config' does, with every
problem and its place, and say where pushed metrics would lose their labels.
A <file> is a file, a pattern, a folder or - for standard input.

  --prometheus-version=3.5  the rules of Prometheus 2.42, 2.53 or 3.5
  --no-files                look at no other file (rule files, target files,
                            certificates)
  --gateway=HOST:PORT       what scrapes it is a gateway job; also a job's name
                            or a regular expression; repeatable
  --metrics=FILE            what the gateway exposes, a file or a URL: enables
                            the rules that need it
  --rules=FILE              rule files whose alerts belong to the configuration;
                            repeatable
  --lint=default            which rules to run: none, default or strict
  --ignore=RULE             leave out a rule, such as PG010; repeatable, or
                            separated by commas
  --fail-on=warning         fail for findings of this severity and worse: error,
                            warning or note
  --format=text             text, json or github (annotations of a workflow run)
  --help                    this text

Exit status: 0 nothing found, 1 something found, 2 unusable arguments.
"""

_CHOICES = {
    "--prometheus-version": ("2.42", "2.53", "3.5"),
    "--lint": ("none", "default", "strict"),
    "--fail-on": ("error", "warning", "note"),
    "--format": ("text", "json", "github"),
}
_REPEATABLE = ("--gateway", "--rules", "--ignore")


class UnusableArguments(Exception):
    """The command line cannot be understood; the text says why."""


class Options:
    """The command line, read."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {name: choices[-1] for name, choices in _CHOICES.items()}
        self.values.update({"--lint": "default", "--fail-on": "warning", "--format": "text", "--metrics": ""})
        self.lists: dict[str, list[str]] = {name: [] for name in _REPEATABLE}
        self.files: list[str] = []
        self.no_files = False
        self.help = False


def read_arguments(arguments: Sequence[str]) -> Options:
    """Read the command line. Raises :class:`UnusableArguments`."""
    options = Options()
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            options.files += waiting
            break
        if not argument.startswith("-") or argument == "-":
            options.files.append(argument)
            continue
        name, equals, value = argument.partition("=")
        if name in ("--help", "-h", "--no-files"):
            if equals:
                raise UnusableArguments(f"{name} takes no value")
            options.no_files |= name == "--no-files"
            options.help |= name != "--no-files"
            continue
        if name not in options.values and name not in options.lists:
            raise UnusableArguments(f"unknown flag {name}")
        if not equals:
            if not waiting:
                raise UnusableArguments(f"{name} needs a value")
            value = waiting.pop(0)
        if name in options.lists:
            options.lists[name].append(value)
            continue
        if name in _CHOICES and value not in _CHOICES[name]:
            raise UnusableArguments(f"{name} must be one of {', '.join(_CHOICES[name])}, not {value!r}")
        options.values[name] = value
    _check_lists(options)
    if not options.files and not options.help:
        raise UnusableArguments("no file given")
    return options


def _check_lists(options: Options) -> None:
    """Refuse rules that there are not and rule files that are not there: to overlook them would pass for a verdict."""
    if options.lists["--ignore"]:
        from pytest_pushgateway.prometheus.problems import LINT_RULES

        options.lists["--ignore"] = [rule.strip() for one in options.lists["--ignore"] for rule in one.split(",")]
        for rule in options.lists["--ignore"]:
            if rule not in LINT_RULES:
                raise UnusableArguments(f"--ignore: no rule is called {rule!r}, they are PG001 to PG032")
    if options.lists["--rules"]:
        from pytest_pushgateway.prometheus.decode.referenced_files import glob

        for pattern in options.lists["--rules"]:
            try:
                found = glob(pattern)
            except ValueError as error:
                raise UnusableArguments(f"--rules: {pattern}: {error}") from None
            if not found:
                raise UnusableArguments(f"--rules: no file is called {pattern}")


def find_files(names: Sequence[str]) -> list[str]:
    """Return the files that are meant by names, patterns and folders, each once.

    A folder stands for the YAML files below it that have scrape jobs. Raises :class:`UnusableArguments` for a pattern
    or a folder without any.
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
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith((".yml", ".yaml")) and _has_jobs(os.path.join(at, name)):
                yield os.path.join(at, name)


def _has_jobs(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            text = file.read(1 << 20)
    except OSError:
        return False
    return any(text.startswith(key) or b"\n" + key in text for key in (b"scrape_configs:", b"scrape_config_files:"))


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    try:
        options = read_arguments(arguments)
        if options.help:
            sys.stdout.write(USAGE)
            return 0
        files = find_files(options.files)
        metrics = _metrics(options.values["--metrics"])
    except UnusableArguments as error:
        sys.stderr.write(f"{PROGRAM}: error: {error}, try --help\n")
        return 2
    import gc

    collecting = gc.isenabled()
    gc.disable()  # trees of nodes hold no cycles, and looking for them costs a third of the time
    try:
        return _run(options, files, metrics)
    finally:
        if collecting:
            gc.enable()


def _metrics(source: str) -> bytes | None:
    if not source:
        return None
    from pytest_pushgateway.cli.sources import Unreadable, read_metrics
    from pytest_pushgateway.prometheus.scrape.promtext import ExpositionError, read

    try:
        body = read_metrics(source)
        for _ in read(body):
            pass
    except (Unreadable, ExpositionError) as problem:
        reason = str(problem) if isinstance(problem, Unreadable) else f"{source} holds no metrics: {problem}"
        raise UnusableArguments(f"--metrics: {reason}") from None
    return body


def _run(options: Options, files: Sequence[str], metrics: bytes | None) -> int:
    from pytest_pushgateway.cli.check_config_output import printer

    output = printer(options.values["--format"], sys.stdout)
    worst = options.values["--fail-on"]
    failing = ("error", "warning", "note")[: ("error", "warning", "note").index(worst) + 1]
    failed = False
    recognised = _Recognised(options.lists["--gateway"])
    for name in files:
        config = _load(options, name, metrics)
        output.add(config)
        failed |= any(problem.severity in failing for problem in config.problems)
        recognised.look_at(config)
    output.end()
    if options.values["--format"] == "text" and options.values["--lint"] != "none":
        sys.stdout.write(recognised.remark())
    return int(failed)


class _Recognised:
    """Whether the rules judged any job of any file; looks no further than the first that they did."""

    def __init__(self, gateways: Sequence[str]) -> None:
        self.gateways = gateways
        self.any = self.jobs = False
        self.perhaps: list[str] = []

    def look_at(self, config: PrometheusConfig) -> None:
        if self.any or not config.jobs:
            return
        from pytest_pushgateway.prometheus.lint.detection import PERHAPS, detect

        self.jobs = True
        for one in detect(config, self.gateways):
            if one.level == PERHAPS:
                self.perhaps.append(repr(one.job.job_name))
            else:
                self.any = True

    def remark(self) -> str:
        """Return a line that says that the rules judged no job, or nothing; silence would pass for approval."""
        if self.any or not self.jobs:
            return ""
        if self.gateways:
            named = ", ".join(self.gateways)
            return f"no job scrapes the gateway {named} that --gateway names, and none looks like a gateway's\n"
        first = "no job was recognised as a gateway's"
        if self.perhaps:
            first += f", though {', '.join(self.perhaps)} may be: port 9091"
        return f"{first}; say which one is: --gateway=HOST:PORT or --gateway=JOB\n"


def _load(options: Options, name: str, metrics: bytes | None) -> PrometheusConfig:
    from pytest_pushgateway.prometheus.config import load

    path, text = name, None
    if name == "-":
        from pytest_pushgateway.golang.yaml_v2 import MAX_SIZE

        path, text = "<stdin>", sys.stdin.buffer.read(MAX_SIZE + 1)
    read: Callable[..., Any] = load
    config: PrometheusConfig = read(
        path,
        text=text,
        version=options.values["--prometheus-version"],
        files=not options.no_files,
        lint=options.values["--lint"],
        ignore=options.lists["--ignore"],
        gateway=options.lists["--gateway"],
        rules=options.lists["--rules"],
        metrics=metrics,
    )
    return config
