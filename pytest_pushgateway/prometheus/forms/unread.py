"""Forms that are not read: the language or the templates in them have to be rendered first."""

from __future__ import annotations

import re
from bisect import bisect_left

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.prometheus.decode.sections import Document
from pytest_pushgateway.prometheus.model import Global
from pytest_pushgateway.prometheus.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.configuration import Configuration

_ALLOY = re.compile(
    r"^(?:prometheus\.(?:scrape|remote_write|relabel|receive_http|exporter\.\w+|operator\.\w+)|discovery\.\w+"
    r"|otelcol\.[\w.]+|loki\.[\w.]+|pyroscope\.\w+|local\.\w+|remote\.[\w.]+|mimir\.[\w.]+|import\.\w+|declare|logging"
    r"|livedebugging)[ \t]*(?:\"[^\"\n]*\")?[ \t]*\{",
    re.MULTILINE,
)
_HCL = re.compile(
    r"^(?:resource|data|module|variable|provider|output|job|group|task|service|template|source|build)[ \t]+"
    r"\"[^\"\n]*\"[^\n{]*\{|^(?:locals|terraform|variables)[ \t]*\{|^[ \t]*\w+[ \t]*=[ \t]*<<[-~]?\"?[A-Z_]+\"?[ \t]*$",
    re.MULTILINE,
)
_NIX = re.compile(
    r"^[ \t]*(?:services\.prometheus[\w.]*|scrapeConfigs)[ \t]*=|^[ \t]*scrapeConfigs\.\w"
    r"|^\{[^{}:=]*\.\.\.\s*\}(?:[ \t]*@[ \t]*\w+)?[ \t]*:",
    re.MULTILINE,
)
_JSONNET = re.compile(
    r"^[ \t]*local[ \t]+\w+(?:\([^)\n]*\))?[ \t]*=|^[ \t]*(?:\(?import(?:str)?[ \t]+['\"])"
    r"|^[ \t]*\w+(?:\([^)\n]*\))?\+?:::?|\bstd\.\w+\(",
    re.MULTILINE,
)
_TOML = re.compile(r"^\[\[?[\w.-]+\]\]?[ \t]*$(?=(?:\n[ \t]*(?:#[^\n]*)?)*\n[ \t]*[\w-]+[ \t]*=)", re.MULTILINE)
_LANGUAGES = (
    (_ALLOY, "an Alloy configuration", "in prometheus.scrape, honor_labels = true keeps pushed labels"),
    (_JSONNET, "Jsonnet", "render it first, with jsonnet -S, and check the result"),
    (_NIX, "a Nix expression", "build it first, and check the prometheus.yml that it makes"),
    (_HCL, "HCL (Terraform or Nomad)", "render it first, and check the configuration that it writes"),
    (_TOML, "TOML", "check the Prometheus configuration that scrapes the gateway"),
)

_TEMPLATES = (
    (
        re.compile(
            r"\{\{-?[ ]*(?:(?:if|with|range|include|template|define|block|tpl|toYaml|printf|end|else|nindent|indent)\b"
            r"|/\*|\$?\.(?:Values|Release|Chart|Files|Capabilities)\b)"
        ),
        "a Helm or Go template",
        "render it first, such as with helm template, and check the result",
    ),
    (
        re.compile(r"\{%[-+]?[ ]*\w+|\{#|\{\{-?[ ]*[\w.\[\]'\"]+[ ]*\|"),
        "a Jinja template",
        "render it first, and check the result",
    ),
    (re.compile(r"<%[=-]?[^%\n]*%>"), "an ERB template", "render it first, and check the result"),
    (re.compile(r"\$\{[ ]*#\w+\("), "a template of Spinnaker", "let it be rendered, and check the result"),
    (
        re.compile(r"\{\{-?[ ]*(?:\.|\$|(?:key|keyOrDefault|env|service|secret|getenv|getv|gets|ls|tree)\b)"),
        "a Go template",
        "render it first, and check the result",
    ),
    (re.compile(r"\{\{-?[ ]*[\w.]+"), "a template", "render it first, and check the result"),
)
_VARIABLES = re.compile(
    r"\$\{[A-Za-z_][\w:.?-]*\}|%\{[ ]*\w|@@?[A-Z][A-Z0-9_]+@@?|(?<![\w$])\$[A-Z][A-Z0-9_]{2,}|__[A-Z][A-Z0-9_]+__"
)

_STRUCTURE = re.compile(
    r"^[ \t]*(?:-[ \t]+)*(?:[\w-]+:[ \t]*)?(?:\{\{(?!\{)|\{%|\{#|<%)|\{\{-|-\}\}|\.Values\b|<%[=-]"
    r"|^[^#\n]*\$\{[ ]*#\w+\(",
    re.MULTILINE,
)
"""Templates where YAML has its structure: not in the texts of annotations."""


class Unread:
    """A file, or a text in one, that is not read: the line to print, and the place that shows its language."""

    __slots__ = ("at", "message")

    def __init__(self, message: str, at: Position) -> None:
        self.message: str = message
        self.at: Position = at


_EXTENSIONS = {
    ".alloy": 0,
    ".river": 0,
    ".jsonnet": 1,
    ".libsonnet": 1,
    ".nix": 2,
    ".tf": 3,
    ".hcl": 3,
    ".nomad": 3,
    ".toml": 4,
}


def unread(text: bytes, path: str = "") -> Unread | None:
    """Return what a text is that is not YAML; ``None`` if it may be meant for YAML."""
    written = _head(text)
    by_name = next((index for ending, index in _EXTENSIONS.items() if path.lower().endswith(ending)), None)
    for index, (pattern, form, advice) in enumerate(_LANGUAGES):
        found = pattern.search(written)
        if by_name == index or (by_name is None and found):
            return _unread(written, form, advice, found.start() if found else 0)
    return template(text) if _STRUCTURE.search(written) else None


def template(text: bytes, lines: set[int] | None = None) -> Unread | None:
    """Return which template a text is by its marks anywhere, or those on ``lines`` (from 1).

    Variables to be filled in count only if they are on each of ``lines``.
    """
    written = _head(text)
    ends = [found.start() for found in re.finditer("\n", written)]
    for pattern, form, advice in _TEMPLATES:
        for found in pattern.finditer(written):
            if lines is None or bisect_left(ends, found.start()) + 1 in lines:
                return _unread(written, form, advice, found.start())
    if lines:
        places = {bisect_left(ends, found.start()) + 1: found for found in _VARIABLES.finditer(written)}
        if lines <= places.keys():
            form, advice = "a file with variables", "fill them in first, such as with envsubst, and check the result"
            return _unread(written, form, advice, places[min(lines)].start())
    return None


def _head(text: bytes) -> str:
    """Return the first megabyte of a text; by then a language has shown itself."""
    return text[:1_000_000].decode("utf-8", "replace").replace("\r\n", "\n")


def _unread(text: str, form: str, advice: str, start: int) -> Unread:
    start += len(text[start:]) - len(text[start:].lstrip())
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return Unread(f"this is {form}, not a configuration that can be read: {advice}", Position(line, column))


def explain(config: Configuration) -> None:
    """Replace the problems of ``config`` by one if a language or a template causes them.

    To a Markdown page's problems a note is added.
    """
    if _is_markdown(config):
        config.problems.append(
            Problem(
                "this looks like a Markdown page, not a Prometheus configuration",
                file=config.path,
                position=Position(1, 1),
                severity="note",
                rule="markdown",
                hint="put the configuration inside its fenced block into a separate file",
            )
        )
        return
    found = None
    text = config.text_of(None)
    if any(one.rule == "yaml" or _NOT_A_MAPPING.match(one.message) for one in config.problems):
        found = unread(text, config.path)
    own = {one.line for one in config.problems if one.rule in _OF_VALUES and one.file == config.path and one.line}
    if found is None and own:
        found = template(text, own)
    if found is None:
        found = _another_file(config)
    if found is not None:
        config.problems = [Problem(found.message, file=config.path, position=found.at, rule="form")]
        config.document = Document()


_UNKNOWN = re.compile(r"field (\S+) not found in type config\.plain\Z")
_PROMTAIL = frozenset(("clients", "positions", "limits_config", "server", "target_config"))


def _another_file(config: Configuration) -> Unread | None:
    """Return what a file is that has nothing of a configuration at its top, or is Promtail's."""
    top = config.document.top
    unknown = [_UNKNOWN.match(one.message) for one in config.problems]
    names = [found[1] for found in unknown if found]
    hints = sum(one.hint is not None for one in config.problems)
    if top is not None and not top and {"apiVersion", "groups"} <= set(names):
        return Unread("these are alert rules of Grafana, whose own provisioning reads them: Prometheus does not",
                      Position(1, 1))  # fmt: skip
    if not config.path or top is None or len(names) < _FEWEST or 3 * hints > len(names):
        return None
    if set(top) <= {"scrape_configs"} and {"clients", "positions"} <= set(names) <= _PROMTAIL:
        return Unread("this is a configuration of Promtail, whose jobs read logs: Prometheus does not", Position(1, 1))
    if top and (set(top) != {"global"} or any(hasattr(Global, name) for name in top["global"].positions)):
        return None  # charts have a global section too, with other fields
    some = ", ".join(names[:_FEWEST]) + (", ..." if len(names) > _FEWEST else "")
    return Unread(
        f"this is not a configuration: Prometheus knows none of its {len(names)} fields ({some}); check the file that "
        "has scrape_configs",
        Position(1, 1),
    )


_FEWEST = 3
"""Fields of another program at the top of a file; fewer may be misspelt."""
_OF_VALUES = ("config", "files", "yaml")
_NOT_A_MAPPING = re.compile(r"cannot unmarshal !!(?:str|seq) .*config\.plain\Z", re.DOTALL)


def _is_markdown(config: Configuration) -> bool:
    if config.path.lower().endswith((".md", ".markdown", ".mdx")):
        return True
    head = config.text[:200_000].replace(b"\r", b"")
    if head.count(b"\n```") + head.startswith(b"```") >= 2:
        return True
    broken = any(one.rule == "yaml" or _NOT_A_MAPPING.match(one.message) for one in config.problems)
    return (
        broken and re.search(rb"^##? ", head, re.M) is not None and re.search(rb"^[^#\n]*\]\(", head, re.M) is not None
    )
