"""Files that a configuration names: rule files, further scrape configurations, target files, credentials.

As ``promtool check config``: globs are Go's, paths are relative to the file that names them, and which files must
exist is promtool's choice (a CA file need not). Includes do not nest, so that they cannot recurse.
"""

from __future__ import annotations

import os
import re
import stat

from pytest_pushgateway.golang.yaml_v2 import MAX_SIZE, SyntaxProblem, compose, is_null
from pytest_pushgateway.prometheus.decode.decoder import BAD, Decoder, Fields, Struct, a_list, struct
from pytest_pushgateway.prometheus.decode.discovery import group, groups
from pytest_pushgateway.prometheus.decode.json_targets import load_groups
from pytest_pushgateway.prometheus.decode.scrape_job import job
from pytest_pushgateway.prometheus.decode.sections import Document, finish_jobs
from pytest_pushgateway.prometheus.decode.target_checks import alertmanager_errors, target_errors
from pytest_pushgateway.prometheus.problems import Problem
from pytest_pushgateway.prometheus.values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.model import Discovery, ScrapeJob, TargetGroup

MAX_FILES = 10_000
"""Most files that one glob may bring."""


def read(path: str) -> bytes:
    """Return what ``path`` holds, at most a little more than may be parsed.

    Raises:
        OSError: the file cannot be read.

    """
    with open(path, "rb") as file:
        return file.read(MAX_SIZE + 1)


def why(error: OSError, path: str, action: str = "open") -> str:
    """Return an ``OSError`` in Go's words: ``open x: no such file or directory``."""
    reason = (error.strerror or str(error)).lower()
    return f"{'read' if isinstance(error, IsADirectoryError) else action} {path}: {reason}"


def join(directory: str, path: str) -> str:
    """Return ``path`` relative to ``directory``, cleaned; an empty or absolute one as it is."""
    return path if path == "" or path.startswith("/") else os.path.normpath(os.path.join(directory, path))


def glob(pattern: str) -> list[str]:
    """Return the files that Go's ``filepath.Glob`` finds, sorted. A bad pattern is ``ValueError``.

    Unlike Python's, ``*`` also matches names that begin with a dot. Only the last element is a pattern.
    """
    directory, name = os.path.split(pattern)
    expression = _expression(name)
    if not any(letter in name for letter in "*?[\\"):
        return [pattern] if os.path.lexists(pattern) else []
    try:
        names = os.listdir(directory or ".")
    except OSError:
        return []
    matching = re.compile(expression, re.DOTALL)
    return [os.path.join(directory, one) for one in sorted(names) if matching.fullmatch(one)][:MAX_FILES]


_CLASS = re.compile(r"\[\^?(?:[^\]\\\-]|\\.)(?:-(?:[^\]\\\-]|\\.)|[^\]\\\-]|\\.)*\]", re.DOTALL)


def _expression(pattern: str) -> str:
    parts, at = [], 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "*":
            parts.append(".*")
        elif letter == "?":
            parts.append(".")
        elif letter == "[":
            found = _CLASS.match(pattern, at)
            if not found:
                raise ValueError("syntax error in pattern")
            parts.append(found[0].replace("[[", "[\\["))
            at = found.end() - 1
        elif letter == "\\":
            at += 1
            if at == len(pattern):
                raise ValueError("syntax error in pattern")
            parts.append(re.escape(pattern[at]))
        else:
            parts.append(re.escape(letter))
        at += 1
    return "".join(parts)


class FileChecks:
    """The checks that look at other files, for one configuration."""

    def __init__(self, decoder: Decoder, document: Document, directory: str, *, files: bool) -> None:
        self.decoder = decoder
        self.document = document
        self.directory = directory
        self.files = files
        self.problems: list[Problem] = []
        self.texts: dict[str, bytes] = {}
        self.rule_files: dict[str, None] = {}

    def run(self) -> None:
        """Run them all, in promtool's order; jobs of ``scrape_config_files`` join the document's."""
        if self.files:
            self._rule_files()
            self._scrape_config_files()
        for one in self.document.jobs:
            self._job(one)
        for found in self.document.alertmanagers:
            for discovery in found["others"]:
                if discovery.kind == "file" and self.files:
                    self._target_files(discovery, self.directory, self.decoder.file, found)
            self._alertmanager(found, found["static"], self.decoder.file)

    def _report(
        self, message: str, node: Node, *, file: str | None = None, job: str | None = None, **details: str
    ) -> None:
        decoder = Decoder(file or self.decoder.file, self.decoder.version)
        decoder.job = job
        decoder.report(message, node, **{"rule": "files", **details})
        self.problems += decoder.problems

    def _rule_files(self) -> None:
        for name, node in self.document.strings_of("rule_files"):
            path = join(self.directory, name)
            try:
                found = glob(path)
            except ValueError as error:
                self._report(str(error), node)
                continue
            self.rule_files.update(dict.fromkeys(one for one in found if os.path.exists(one)))
            if "*" in path:
                continue
            if not found:
                self._report(f"{quote(path)} does not point to an existing file", node)
            elif not os.path.exists(found[0]):
                self._report(
                    f"error checking rule file {quote(found[0])}: stat {found[0]}: no such file or directory", node
                )

    def _scrape_config_files(self) -> None:
        names = {one.job_name: "main config file" for one in self.document.jobs}
        for pattern, node in self.document.strings_of("scrape_config_files"):
            path = join(self.directory, pattern)
            try:
                found = glob(path)
            except ValueError as error:
                self._report(
                    f"error loading scrape configs: error retrieving scrape config files for {quote(path)}: {error}",
                    node,
                )
                continue
            for name in found:
                self._scrape_config_file(name, node, names)

    def _scrape_config_file(self, path: str, node: Node, names: dict[str, str]) -> None:
        """Read one file of further jobs. Problems stand in that file; promtool puts its path before them."""
        decoder = Decoder(path, self.decoder.version)
        decoder.unjudged = self.decoder.unjudged
        jobs: list[ScrapeJob] = []

        def decode(root: Node) -> None:
            found = struct(decoder, root, _INCLUDED, "config.ScrapeConfigs")
            if found is BAD:
                return
            items = found.get("scrape_configs") or ()
            if None in items:
                decoder.report("empty or null scrape config section", root)
            jobs.extend(item for item in items if item is not None)
            finish_jobs(decoder, jobs, self.document.common, names, quote(os.path.abspath(path)))

        name = quote(os.path.abspath(path))
        self._decode_file(decoder, path, node, f"error loading scrape configs: {name}: ", decode)
        self.document.jobs.extend(jobs)

    def _decode_file(
        self, decoder: Decoder, path: str, node: Node, before: str, decode: Callable[[Node], None]
    ) -> None:
        try:
            text = read(path)
        except OSError as error:
            self._report(f"{before}{why(error, path)}", node)
            return
        self.texts[path] = text
        try:
            root = compose(text)
            decoder.take(text)
            if root is not None and not is_null(root):
                decode(root)
        except SyntaxProblem as error:
            decoder.problems.append(
                Problem(str(error), file=path, position=error.position, rule="yaml", promtool=error.promtool)
            )
        for problem in decoder.problems:
            if problem.promtool and not problem.promtool.startswith("line "):
                problem.promtool = before + problem.promtool
        self.problems += decoder.problems

    def _job(self, one: ScrapeJob) -> None:
        file = one.file or self.decoder.file
        directory = os.path.dirname(file) if file != self.decoder.file else self.directory
        self._targets(one, one.static_configs, file)
        for discovery in one.discoveries:
            if discovery.kind == "file" and self.files:
                self._target_files(discovery, directory, file, one)
        if "http" not in vars(one):
            return  # no setting of the client was written
        authorization = one.http.authorization or {}
        credentials = authorization.get("credentials_file", "")
        if credentials and self.files:
            self._must_exist(
                join(directory, credentials), "authorization credentials or bearer token file", one, file,
                ("authorization", "bearer_token_file"),
            )  # fmt: skip
        self._tls(one, file, directory)

    def _must_exist(self, path: str, what: str, one: ScrapeJob, file: str, keys: tuple[str, ...]) -> None:
        if not os.path.exists(path):
            node = next((one.found.value_node(key) for key in keys if key in one.found), one.node)
            self._report(
                f"error checking {what} {quote(path)}: stat {path}: no such file or directory",
                node, file=file, job=one.job_name,
            )  # fmt: skip

    def _tls(self, one: ScrapeJob, file: str, directory: str) -> None:
        certificate, key = one.http.tls_config.get("cert_file", ""), one.http.tls_config.get("key_file", "")
        if not certificate and not key:
            return
        if bool(certificate) != bool(key):
            have, lack = ("cert", "key") if certificate else ("key", "cert")
            path = quote(join(directory, certificate or key))
            message = f"client {have} file {path} specified without client {lack} file"
            if not any(problem.job == one.job_name for problem in self.decoder.problems):
                self._report(message, one.found.value_node("tls_config"), file=file, job=one.job_name)
            return
        if self.files:
            self._must_exist(join(directory, certificate), "client cert file", one, file, ("tls_config",))
            self._must_exist(join(directory, key), "client key file", one, file, ("tls_config",))

    def _target_files(self, discovery: Discovery, directory: str, file: str, one: ScrapeJob | Struct) -> None:
        read_groups: list[TargetGroup] = []
        nodes: list[Node] = next((value.value for key, value in discovery._pairs() if key.value == "files"), [])
        job_name = None if isinstance(one, Struct) else one.job_name
        for name, node in zip(discovery.settings.get("files") or (), nodes, strict=False):
            pattern = join(directory, name)
            try:
                found = glob(pattern)
            except ValueError as error:
                self._report(str(error), node, file=file, job=job_name)
                continue
            for path in found:
                before = f"checking SD file {quote(pattern)}: "
                fresh = self._target_file(path, node, before)
                read_groups += fresh
                if isinstance(one, Struct):
                    self._alertmanager(one, fresh, path)
                else:
                    self._targets(one, fresh, path)
            if not found:
                where = f"scrape job {quote(job_name)}" if job_name is not None else "alertmanager config"
                self._report(
                    f"file {quote(pattern)} for file_sd in {where} does not exist",
                    node, file=file, job=job_name, severity="note",
                )  # fmt: skip
        discovery.groups = read_groups

    def _target_file(self, path: str, node: Node, before: str) -> list[TargetGroup]:
        decoder = Decoder(path, self.decoder.version)
        found: list[TargetGroup] = []

        def decode(root: Node) -> None:
            items = groups(decoder, root)
            for index, item in enumerate(() if items is BAD else items or ()):
                if item is None:
                    decoder.report(f"nil target group item found (index {index})", root)
                else:
                    found.append(item)

        if path.lower().endswith(".json"):
            try:
                content = read(path)
            except OSError as error:
                self._report(f"{before}{why(error, path)}", node)
                return []
            found, problem = load_groups(content, decoder.version)
            if problem:
                message, position = problem
                self.problems.append(
                    Problem(message, file=path, position=position, rule="files", promtool=before + message)
                )
            for one in found:
                one.file = path
            return found
        self._decode_file(decoder, path, node, before, decode)
        for one in found:
            one.file = path
        return found

    def _targets(self, one: ScrapeJob, found: Sequence[TargetGroup], file: str) -> None:
        """Report the targets that Prometheus could not scrape, relabelling included."""
        if not one.relabel_configs and not _needs_port(one) and all(_ordinary(item) for item in found):
            return

        for message, node in target_errors(one, found):
            if not one.relabel_configs and found is one.static_configs and message.endswith("not a valid hostname"):
                continue  # has been reported while decoding
            self._report(message, node, file=file, job=one.job_name, rule="config")

    def _alertmanager(self, found: Struct, static: list[TargetGroup], file: str) -> None:
        if not found["rules"]:
            return  # static targets have been looked at while decoding

        for message, node in alertmanager_errors(found, static, self.decoder.version):
            self._report(message, node, file=file, rule="config")


def _needs_port(one: ScrapeJob) -> bool:
    """Return whether a target without port is an error: until 2.x, if the scheme does not imply a port."""
    return one.version.startswith("2.") and one.scheme not in ("http", "https", "")


def _ordinary(item: TargetGroup) -> bool:
    """Return whether nothing in a group can make a target invalid, where no rule changes it."""
    return not any(name.startswith("__") for name in item.labels) and all(
        target and "/" not in target for target in item.targets
    )


_INCLUDED = Fields(scrape_configs=a_list(job, "[]*config.ScrapeConfig"))


def is_regular(path: str) -> bool:
    """Return whether ``path`` is an ordinary file."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


__all__ = ["FileChecks", "glob", "group", "is_regular", "join", "read", "why"]
