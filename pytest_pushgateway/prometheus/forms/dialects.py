"""Programs that read Prometheus's configuration and take more than Prometheus does."""

from __future__ import annotations

import re

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.prometheus.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.configuration import Configuration

_VMAGENT = frozenset(
    (
        "stream_parse",
        "scrape_align_interval",
        "scrape_offset",
        "no_stale_markers",
        "disable_compression",
        "disable_keepalive",
        "series_limit",
        "max_scrape_size",
        "relabel_debug",
        "metric_relabel_debug",
        "label_limit_action",
        "denyRedirects",
        "if",
        "labels",
        "match",
        "headers",
        "proxy_authorization",
        "proxy_basic_auth",
        "proxy_bearer_token",
        "proxy_bearer_token_file",
        "proxy_oauth2",
        "proxy_tls_config",
        "proxy_headers",
    )
)
"""Fields of jobs and relabel rules that VictoriaMetrics' vmagent has, and Prometheus has not."""
_ONLY_VMAGENT = _VMAGENT - {"labels", "match", "headers"}
"""Those of them that are hardly written by mistake."""
_ACTIONS = (
    "replace_all|labelmap_all|keep_metrics|drop_metrics|keep_if_contains|drop_if_contains|keep_if_equal|drop_if_equal"
    "|graphite"
)
_FIELD = re.compile(r"field (?P<name>\S+) not found in type (?P<type>\S+)")
_ACTION = re.compile(rf"unknown relabel action \"(?:{_ACTIONS})\"", re.IGNORECASE)
_REGEXES = re.compile(r"cannot unmarshal !!seq into string|unknown Kubernetes SD role \"endpointslices\"")
_VARIABLE = re.compile(rb"\$\{[^}\n]+\}|%\{[^}\n]+\}|\$[A-Z_]{2,}")
ENVIRONMENT = "a value from the environment"
_EXPANDING = frozenset(("collector", "agent", "compose"))


def forgive(config: Configuration, dialect: str) -> None:
    """Take from the problems of ``config`` what the program that reads it does not refuse.

    A note names them if that is not Prometheus. Values that the environment fills in are not judged.
    """
    if dialect in _EXPANDING:
        config.problems = [one for one in config.problems if not _expands(config, one)]
    fields = [one for one in config.problems if _is_vmagents(one)]
    if any(_is_sure(one) for one in fields):
        config.problems = [one for one in config.problems if one not in fields]
        names = sorted({_name(one) for one in fields})
        first = fields[0]
        config.problems.append(
            Problem(
                f"{', '.join(names)}: read as a configuration of vmagent, whose extensions these are; "
                "Prometheus refuses them",
                file=first.file,
                position=Position(first.line or 1, first.column or 1),
                severity="note",
                rule="form",
            )
        )


def _expands(config: Configuration, problem: Problem) -> bool:
    """Return whether a problem is about a value that the environment fills in; it is then noted as not judged."""
    if problem.rule != "config" or problem.line is None:
        return False
    lines = config.texts[problem.file].split(b"\n")
    if not _VARIABLE.search(lines[problem.line - 1]):
        return False
    place = {"file": problem.file, "line": problem.line, "column": problem.column}
    config.unjudged.append({"section": ENVIRONMENT, **place})
    return True


def _is_vmagents(problem: Problem) -> bool:
    if problem.rule != "config":
        return False
    found = _FIELD.match(problem.message)
    if found:
        return found["name"] in _VMAGENT and found["type"] in ("config.ScrapeConfig", "relabel.plain")
    return bool(_ACTION.search(problem.message) or _REGEXES.match(problem.message))


def _is_sure(problem: Problem) -> bool:
    found = _FIELD.match(problem.message)
    return found["name"] in _ONLY_VMAGENT if found else bool(_ACTION.search(problem.message))


def _name(problem: Problem) -> str:
    found = _FIELD.match(problem.message)
    if found:
        return found["name"]
    action = _ACTION.search(problem.message)
    return (
        action[0].split('"')[1]
        if action
        else "endpointslices"
        if "role" in problem.message
        else "a list of regular expressions"
    )
