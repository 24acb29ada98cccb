"""Which form a file has, by its content, and the pieces in it."""

from __future__ import annotations

import re

from pytest_pushgateway.golang.yaml_v2 import MappingNode, SequenceNode, SyntaxProblem, compose, compose_all, is_null
from pytest_pushgateway.prometheus.decode import rule_documents
from pytest_pushgateway.prometheus.forms import agents, collector, compose_file, helm, kubernetes
from pytest_pushgateway.prometheus.forms.pieces import (
    RULES,
    FormReading,
    Piece,
    Remark,
    Source,
    at,
    is_jobs,
    items,
    jobs_only,
    keys,
    named,
)
from pytest_pushgateway.prometheus.forms.unread import unread
from pytest_pushgateway.prometheus.parts import LATER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.golang.yaml_v2 import Node

_OWN = frozenset(("scrape_configs", "scrape_config_files", "rule_files", "global", "alerting", "remote_write"))
"""Top-level fields that only a configuration has."""

_INTERESTING = re.compile(
    r"""^[ ]*(?:-[ ]+)*["']?(?:
        scrape_configs|scrape_config_files|job_name|prometheus_scrape_configs|kind|receivers
        |serverFiles|extraScrapeConfigs|additionalScrapeConfigs|prometheusSpec|groups
        |additionalPrometheusRules|additionalPrometheusRulesMap
    )["']?[ ]*:""",
    re.MULTILINE | re.VERBOSE,
)
_CONFIGURATION_KEY = re.compile(r"(?:\A|[/_.-])(?:prometheus|prometheus[-_]config|scrape[-_]configs?)\.ya?ml\Z")
RULE_FILE = "a rule file"
_YAML = re.compile(r"\.(?:ya?ml|json)\Z|\A[\w-]*\Z", re.IGNORECASE)
"""Keys of texts that are meant for YAML; a script may look like a configuration at a glance."""
_MOST_NESTED = 4
"""Texts within texts: a Helm value within a release within a List is three."""


def recognise(root: Node | None, text: bytes) -> FormReading | None:
    """Return what a file holds whose first document is ``root``; ``None`` if it is a configuration itself.

    Raises:
        SyntaxProblem: a later document is not YAML.

    """
    if (root is None or is_null(root)) and b"---" not in text:
        return None
    if isinstance(root, MappingNode) and not _is_form(root):
        return None
    documents = compose_all(text) if b"---" in text or root is None else [root]
    first = next((one for one in documents if not is_null(one)), None)
    if first is None or not _is_form(first):
        return None
    reading = FormReading(_name_of_form(first))
    source = Source(text)
    if reading.form == RULE_FILE:
        reading.pieces.append(Piece("", first, source, whole=True, kind=RULES))
        reading.unjudged += later_documents(documents)
        return reading
    for number, document in enumerate(documents, 1):
        size = reading.size()
        _read(document, source, "", reading, 0)
        for one in kubernetes.within(document):
            _read(one, source, "", reading, 0)
        if len(documents) > 1 and reading.size() == size and not is_null(document) and not kubernetes.waits(document):
            reading.unjudged.append((f"document {number}", at(document)))
    kubernetes.finish(documents, source, reading)
    return reading


def later_documents(documents: Iterable[Node]) -> list[tuple[str, Position]]:
    """Return where a file goes on after the document that is read; nothing if it does not."""
    found = [one for one in documents if not is_null(one)]
    return [(LATER, at(found[1]))] if len(found) > 1 else []


def form_of(text: bytes) -> str:
    """Return the form of a file that holds what is read, or rules and monitors of others; ``""`` if it does not.

    A template of some counts, too.
    """
    try:
        root = compose(text)
        reading = recognise(root, text)
    except SyntaxProblem:
        return "a template" if unread(text) is not None else ""
    if reading is None or not (reading.pieces or reading.remarks or reading.of_metrics):
        return ""
    return reading.form


def _is_form(root: Node) -> bool:
    return bool(_name_of_form(root))


def _name_of_form(root: Node) -> str:
    """Return the name of the form of a document, ``""`` for a configuration or something unknown."""
    if isinstance(root, SequenceNode):
        if is_jobs(root):
            return "a list of scrape jobs"
        if any(kubernetes.is_object(item) for item in items(root)):
            return "a list of Kubernetes objects"
        if any(helm.has_values(item) for item in items(root)):
            return "a playbook"
        return RULE_FILE if rule_documents.is_bare(root) else ""
    if kubernetes.is_object(root):
        return "a Kubernetes object"
    if _has_own_fields(root) and not agents.is_agent(root):
        return ""
    if collector.is_collector(root):
        return "a configuration of the OpenTelemetry Collector"
    if compose_file.is_compose(root):
        return "a Compose file"
    if agents.is_agent(root):
        return "a configuration of Grafana Agent"
    if helm.has_values(root) or any(True for _ in kubernetes.within(root)):
        return "a file of Helm values"
    return RULE_FILE if rule_documents.is_bare(root) else ""


def _is_alertmanagers(root: Node) -> bool:
    """Return whether a document is a configuration of Alertmanager, which has a ``global`` too."""
    return {"route", "receivers"} <= keys(root) and not keys(root) & (_OWN - {"global"})


def _has_own_fields(root: Node) -> bool:
    """Return whether a document has fields of a configuration; charts have a ``global`` too."""
    own = keys(root) & _OWN
    return bool(own) and not (own == {"global"} and helm.has_values(root))


def _read(root: Node, source: Source, thing: str, reading: FormReading, depth: int, *path: str | int) -> None:
    """Add to ``reading`` what a document, or a value in one, holds."""

    def inner(value: Node, text: bytes, name: str, key: str) -> None:
        _read_text(value, text, source, name, key, reading, depth)

    if isinstance(root, SequenceNode):
        if is_jobs(root):
            reading.pieces.append(Piece(named(thing, *path), jobs_only(root), source))
            return
        for number, item in enumerate(items(root)):
            _read(item, source, thing, reading, depth, *path, number)
    elif kubernetes.is_object(root):
        kubernetes.read(root, source, reading, inner)
    elif _is_alertmanagers(root):
        reading.unjudged.append(
            (f"{named(thing, *path) or 'a document'}, a configuration of Alertmanager", source.outer(at(root)))
        )
    elif collector.is_collector(root):
        collector.read(root, source, thing, reading, *path)
    elif compose_file.is_compose(root):
        compose_file.read(root, source, reading, inner)
    elif agents.is_agent(root):
        agents.read(root, source, thing, reading, *path)
    elif _has_own_fields(root):
        reading.pieces.append(Piece(named(thing, *path), root, source, whole=not path))
    elif rule_documents.has_rules(root):
        reading.pieces.append(Piece(named(thing, *path), root, source, whole=not path, kind=RULES))
    else:
        helm.read(root, source, thing, reading, inner, *path)


def _read_text(value: Node, text: bytes, source: Source, name: str, key: str, reading: FormReading, depth: int) -> None:
    """Read a text that a scalar holds, if it looks as if Prometheus would read it."""
    written = text.decode("utf-8", "replace")
    expected = _CONFIGURATION_KEY.search(key) is not None
    rules = rule_documents.are_rules(key, written)
    if depth >= _MOST_NESTED or not (expected or rules or _INTERESTING.search(written)):
        return
    own = Source(text, source, value)
    try:
        documents = compose_all(text)
    except SyntaxProblem as problem:
        foreign = None if rules else unread(text, key)  # rules have templates in their annotations
        place = source.outer(at(value))
        if foreign is not None:
            reading.remarks.append(Remark(foreign.message, own.outer(foreign.at), name))
        elif not (expected or rules or _YAML.search(key)):
            reading.unjudged.append((f"{name}, which is not YAML", place))
        else:
            place = own.outer(problem.position) if problem.position is not None else place
            reading.remarks.append(Remark(str(problem), place, name, rule="yaml"))
        return
    if expected or rules:
        reading.unjudged += [(f"{name}, {what}", own.outer(where)) for what, where in later_documents(documents)]
    for document in documents[:1] if expected or rules else documents:
        if rules:
            reading.pieces.append(Piece(name, document, own, whole=True, kind=RULES))
        elif _is_alertmanagers(document):
            _read(document, own, name, reading, depth + 1)
        elif keys(document) & _OWN or (expected and isinstance(document, MappingNode) and not _is_form(document)):
            reading.pieces.append(Piece(name, document, own, whole=True))
        else:
            _read(document, own, name, reading, depth + 1)
