"""Which job scrapes a Pushgateway, and how sure that is.

The port alone is a bad sign: most public jobs whose only hint is ``:9091`` scrape ordinary exporters. A *sure* job
says so in its name, its addresses, its service discovery or a comment; a *likely* one has port 9091 together with
``honor_labels: true`` or such a label; *perhaps* is only port 9091. Evidence is judged on final addresses,
after relabelling.
"""

from __future__ import annotations

import re

from pytest_pushgateway.golang.regexp import BadRegexp, Unjudged
from pytest_pushgateway.prometheus.lint.comments import comments, verdicts
from pytest_pushgateway.prometheus.scrape.targets import job_targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from pytest_pushgateway.prometheus.configuration import Configuration
    from pytest_pushgateway.prometheus.model import RelabelRule, ScrapeJob

SURE, LIKELY, PERHAPS = "sure", "likely", "perhaps"

_NAME = re.compile(r"push[-_. ]?gate[-_ ]?way|push[-_]?gw(?![a-z])|(?<![a-z])pgw(?![a-z])")
_HINTS = (b"gate", b"gw", b"9091")
"""Whatever could be evidence holds one of these, in either case."""
_BARE_NAME = r"(?:prom(?:etheus)?[-_. ]?)?(?:push[-_. ]?gate[-_ ]?way|push[-_]?gw|pgw)[-_. ]?\w{0,8}\Z"

_HELPER = re.compile(
    r"(?:push[-_. ]?gate[-_ ]?way|push[-_]?gw|pgw)s?[-_. ]?"
    r"(?:clean|prun|gc\b|janitor|reap|sweep|purg|expir|garbage|evict|backup|client|pusher|operator|sidecar|delete|remov)"
    r"|(?:clean|prun|purg|sweep|reap|delete|remov)\w*[-_. ](?:prom\w*[-_. ])?"
    r"(?:push[-_. ]?gate[-_ ]?way|push[-_]?gw|pgw)"
)
"""Names of programs that work for a gateway and have metrics themselves."""
_MOBILE = re.compile(
    r"sygnal|apns|\bfcm\b|\bgcm\b|gorush|\bntfy|unified[-_]?push|web[-_]?push|mobile|notif|matrix|synapse|firebase"
    r"|android|\bios\b|airnotifier|uniqush|\bsms\b"
)
_SPLIT = re.compile(r"push[-_. ]gate[-_ ]?way")
"""The name as services for mobile notifications have it: the Pushgateway's is one word."""

_OTHER_PORTS = frozenset(
    int(port)
    for port in [
        "9090",
        "9093",
        "9094",
        "9096",
        "9097",
        "9100",
        "9101",
        "9102",
        "9103",
        "9104",
        "9107",
        "9108",
        "9109",
        "9110",
        "9113",
        "9114",
        "9115",
        "9116",
        "9117",
        "9119",
        "9121",
        "9122",
        "9127",
        "9128",
        "9141",
        "9150",
        "9151",
        "9161",
        "9163",
        "9168",
        "9182",
        "9187",
        "9216",
        "9221",
        "9236",
        "9256",
        "9273",
        "9292",
        "9308",
        "9323",
        "9400",
        "9419",
        "9445",
        "9487",
        "9558",
        "9600",
        "9633",
        "9913",
        "2019",
        "2112",
        "3000",
        "3100",
        "8080",
        "15692",
    ]
)
"""Ports of other well-known exporters and servers."""


def may_mention_gateway(text: bytes) -> bool:
    """Tell at little cost whether anything in a file could be evidence of a gateway job."""
    low = text.lower()
    return any(hint in low for hint in _HINTS)


def says_gateway(text: str) -> bool:
    """Return whether a name, a host or a pattern means a Pushgateway."""
    low = text.lower()
    return ("gate" in low or "gw" in low) and _NAME.search(low) is not None


class Detected:
    """A job with its evidence: ``level`` (``sure``, ``likely``, ``perhaps``) and ``reason`` (for people)."""

    __slots__ = ("job", "level", "reason")

    def __init__(self, job: ScrapeJob, level: str, reason: str) -> None:
        self.job: ScrapeJob = job
        self.level: str = level
        self.reason: str = reason

    def __repr__(self) -> str:
        return f"<{self.job.job_name!r} is {self.level} a gateway job: {self.reason}>"


def detect(config: Configuration, gateways: Iterable[object] = ()) -> list[Detected]:
    """Return the jobs that scrape a gateway, in the order of the configuration."""
    declared = list(gateways)
    if not (declared or any(map(may_mention_gateway, config.texts.values())) or any(map(_was_moved, config.jobs))):
        return []
    found = []
    # Marks count letters: only where these are bytes can a job's own text be cut out without decoding the file.
    texts = {file: text.lower() for file, text in config.texts.items() if text.isascii() and not comments(text)}
    for job in config.jobs:
        if not declared and not job.discoveries and _says_nothing(texts.get(job.file or config.path), job):
            continue
        one = _detect(job, verdicts(config, job), declared)
        if one is not None:
            found.append(one)
    return found


def _says_nothing(text: bytes | None, job: ScrapeJob) -> bool:
    """Tell at little cost that nothing in a job's own part of ``text``, in lower case, could be evidence."""
    if text is None or job.node is None or _was_moved(job):
        return False
    start, end = job.node.start_mark.index, job.node.end_mark.index
    return all(text.find(hint, start, end) < 0 for hint in _HINTS)


def _was_moved(job: ScrapeJob) -> bool:
    """Return whether a job was moved to its place in another file and has no index there."""
    return job.node is not None and job.node.start_mark.index is None


def gateway_jobs(config: Configuration, gateways: Iterable[object] = ()) -> list[ScrapeJob]:
    """Return the jobs that scrape one of ``gateways``; without such jobs (or gateways), the sure and likely ones."""
    declared = list(gateways)
    named = [job for job in config.jobs if any(_is_declared(job, one) for one in declared)]
    return named or [one.job for one in detect(config) if one.level != PERHAPS]


def _detect(job: ScrapeJob, verdict: str | None, declared: list[object]) -> Detected | None:
    if verdict == "not-a-gateway":
        return None
    if verdict == "gateway":
        return Detected(job, SURE, "a comment says so")
    for one in declared:
        if _is_declared(job, one):
            return Detected(job, SURE, f"it is the gateway {_shown(one)}")
    if job.metrics_path.rstrip("/").endswith(("/probe", "/federate")):
        return None
    addresses = final_addresses(job)
    ports = {_port(address) for address in addresses}
    doubt = _doubt(job, addresses, ports)
    if doubt:
        return Detected(job, PERHAPS, doubt)
    elsewhere = bool(ports) and ports <= _OTHER_PORTS
    if says_gateway(job.job_name) and (not elsewhere or re.match(_BARE_NAME, job.job_name, re.IGNORECASE)):
        return Detected(job, SURE, f"it is called {job.job_name!r}")
    if elsewhere:
        return None
    for address in addresses:
        if says_gateway(address) and _port(address) not in _OTHER_PORTS:
            return Detected(job, SURE, f"it scrapes {address}")
    return _from_discovery(job) or _weak(job, ports)


def _doubt(job: ScrapeJob, addresses: list[str], ports: set[int | None]) -> str:
    """Return why a job with a gateway's name may scrape another program, ``""`` if nothing speaks for that."""
    names = [text for text in (job.job_name, *addresses, *_settings(job)) if says_gateway(text)]
    if not names:
        return ""
    if all(_HELPER.search(text.lower()) for text in names):
        return f"{names[0]!r} sounds like a program that works for a gateway"
    rest = (
        job.job_name,
        job.metrics_path,
        *addresses,
        *(value for group in job.groups for value in group.labels.values()),
    )
    split = all(_SPLIT.search(text.lower()) for text in names)
    if (
        9091 not in ports
        and split
        and (any(_MOBILE.search(text.lower()) for text in rest) or (bool(ports) and ports <= _OTHER_PORTS))
    ):
        return f"{names[0]!r} may be a service for mobile notifications"
    return ""


def _from_discovery(job: ScrapeJob) -> Detected | None:
    for text in _settings(job):
        if says_gateway(text):
            return Detected(job, SURE, f"its service discovery asks for {text!r}")
    for rule in job.relabel_configs:
        if rule.action == "keep" and says_gateway(rule.regex):
            if "|" in rule.regex and not all(says_gateway(part) for part in rule.regex.split("|")):
                return Detected(job, LIKELY, f"it keeps {rule.regex!r}")
            return Detected(job, SURE, f"it keeps {rule.regex!r}")
    return None


def _weak(job: ScrapeJob, ports: set[int | None]) -> Detected | None:
    for group in job.groups:
        for name, value in group.labels.items():
            if says_gateway(value):
                return Detected(job, LIKELY, f"its label {name} is {value!r}")
    if 9091 not in ports:
        return None
    if job.honor_labels and "exporter" not in job.job_name:
        return Detected(job, LIKELY, "port 9091 and honor_labels: true")
    return Detected(job, PERHAPS, "port 9091")


def _settings(job: ScrapeJob) -> Iterator[str]:
    """Return every text in what the job's service discovery asks for."""
    for discovery in job.discoveries:
        yield from _texts(discovery.settings)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            if key not in ("password", "username", "token", "bearer_token", "tls_config", "basic_auth"):
                yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)


def final_addresses(job: ScrapeJob) -> list[str]:
    """Return the addresses that are scraped, relabelling done, as far as the configuration shows them."""
    rules = job.relabel_configs
    if not any(_touches_address(rule) for rule in rules):
        return job.targets

    constants = [
        rule.replacement
        for rule in rules
        if rule.target_label == "__address__" and rule.action == "replace" and "$" not in rule.replacement
    ]
    try:
        return [target.host for target in job_targets(job) if target.state == "active"] or constants
    except (BadRegexp, Unjudged):
        return job.targets


def _touches_address(rule: RelabelRule) -> bool:
    return rule.action in ("keep", "drop", "keepequal", "dropequal", "labelmap") or (
        rule.target_label == "__address__" or "$" in rule.target_label
    )


def _port(address: str) -> int | None:
    digits = address.rpartition(":")[2]
    return int(digits) if digits.isdecimal() and len(digits) < 7 else None


def _shown(gateway: object) -> str:
    return str(getattr(gateway, "address", gateway))


def _is_declared(job: ScrapeJob, gateway: object) -> bool:
    """Return whether ``job`` scrapes ``gateway``: an object with an ``address``, HOST:PORT, a job name or a pattern."""
    wanted = _shown(gateway)
    if "://" in wanted:
        wanted = wanted.partition("://")[2].partition("/")[0]
    addresses = final_addresses(job)
    if wanted == job.job_name or wanted in addresses:
        return True
    if hasattr(gateway, "address"):
        return False
    try:
        pattern = re.compile(wanted)
    except re.error:
        return False
    return any(pattern.fullmatch(text) for text in (job.job_name, *addresses))
