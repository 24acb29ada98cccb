"""From a job's target groups to the targets that Prometheus scrapes: labels, relabelling, URL.

Source: ``scrape/target.go`` of Prometheus 3.14, 3.5, 2.53 and 2.42.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encode
from urllib.parse import quote_plus

from pytest_pushgateway.prometheus.scrape.relabel import LabelBuilder, Relabeler
from pytest_pushgateway.prometheus.values import LATEST, format_duration, parse_duration, quote, reaches

if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.model import ScrapeJob

_HAS_PORT = re.compile(r"(?:[^:\[\]]*|\[[^\[\]]*\]):[^:\[\]]*")
_COULD_HAVE_PORT = re.compile(r"[^:\[\]]*|\[[^\[\]]*\]")

HISTOGRAM_LABELS = {
    "__convert_classic_histograms_to_nhcb__": "convert classic histograms to nhcb",
    "__always_scrape_classic_histograms__": "always scrape classic histograms",
    "__scrape_native_histograms__": "scrape native histograms",
}
"""Labels by which relabelling decides about histograms since 3.13, with their names in errors."""
_BOOLEANS = frozenset(("1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"))


class Target:
    """One target of a job.

    ``discovered`` are its labels before relabelling, ``labels`` those that go with its series (without ``__*``),
    ``all_labels`` both after relabelling. ``state`` is ``"active"``, ``"dropped"`` (by a relabel rule, or left without
    any label) or ``"invalid"`` (Prometheus logs ``error`` and does not scrape it). ``interval`` and ``timeout`` are
    seconds.
    """

    def __init__(self, job: ScrapeJob, discovered: Mapping[str, str], relabeler: Relabeler, *, version: str) -> None:
        self.job = job
        self.discovered: dict[str, str] = dict(discovered)
        self.error: str = ""
        self.interval: float = job.scrape_interval
        self.timeout: float = job.scrape_timeout
        builder = LabelBuilder(discovered.items())
        kept = relabeler.process(builder)
        if kept:
            self.error = self._complete(builder, version)
        self.all_labels: dict[str, str] = dict(builder.labels()) if kept and not self.error else {}
        self.labels: dict[str, str] = {
            name: value for name, value in self.all_labels.items() if not name.startswith("__")
        }
        self.state = "invalid" if self.error else "active" if self.labels else "dropped"

    def _complete(self, labels: LabelBuilder, version: str) -> str:
        """Check the labels after relabelling and complete them; return Prometheus's error, ``""`` for none."""
        address = labels.get("__address__")
        if not address:
            return "no address"
        if version.startswith("2."):
            scheme = labels.get("__scheme__")
            if not _HAS_PORT.fullmatch(address) and _COULD_HAVE_PORT.fullmatch(address):
                port = {"http": ":80", "": ":80", "https": ":443"}.get(scheme)
                if port is None:
                    return f"invalid scheme: {quote(self.job.scheme)}"
                address += port
                labels.set("__address__", address)
        if "/" in address:
            return f"{quote(address)} is not a valid hostname"
        for kind in ("interval", "timeout"):
            try:
                seconds = parse_duration(labels.get(f"__scrape_{kind}__"), version)
            except ValueError as problem:
                return f"error parsing scrape {kind}: {problem}"
            if seconds == 0:
                return f"scrape {kind} cannot be 0"
            setattr(self, kind, seconds)
        if self.timeout > self.interval:
            written = [quote(labels.get(f"__scrape_{kind}__")) for kind in ("timeout", "interval")]
            return f"scrape timeout cannot be greater than scrape interval ({written[0]} > {written[1]})"
        for name, what in HISTOGRAM_LABELS.items() if reaches(version, "3.13") else ():
            value = labels.get(name)
            if value and value not in _BOOLEANS:
                return f"error parsing {what}: strconv.ParseBool: parsing {quote(value)}: invalid syntax"
        for name, _ in labels.items():
            if name.startswith("__meta_"):
                labels.delete(name)
        if not labels.get("instance"):
            labels.set("instance", address)
        return ""

    @property
    def host(self) -> str:
        """The address after relabelling, with its port if it has one."""
        return self.all_labels.get("__address__", "")

    @property
    def path(self) -> str:
        """Path and query as they go over the wire, percent-encoded as Go does; ``""`` if there is no path."""
        path = percent_encode(self.all_labels.get("__metrics_path__", ""), safe="$&+,/:;=@~")
        if path and not path.startswith("/"):
            path = "/" + path
        params = {name: list(values) for name, values in self.job.params.items()}
        for name, value in self.all_labels.items():
            if name.startswith("__param_"):
                values = params.setdefault(name[len("__param_") :], [])
                values[:1] = [value]
        query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name in sorted(params) for value in params[name])
        return f"{path}?{query}" if query else path

    @property
    def scheme(self) -> str:
        """The scheme after relabelling, in lower case."""
        return self.all_labels.get("__scheme__", "").lower()

    @property
    def url(self) -> str:
        """The URL that Prometheus asks for, as it prints it."""
        host = percent_encode(self.host, safe="!$&'()*+,;=:[]<>\"~")
        return f"{self.scheme}:{'//' if host else ''}{host}{self.path}" if self.scheme else f"//{host}{self.path}"


def discovered_labels(
    job: ScrapeJob, target: Mapping[str, str], group: Mapping[str, str], *, version: str = LATEST
) -> dict[str, str]:
    """Return a target's labels before relabelling: its own, its group's, and the job's where these have none."""
    labels = {name: value for name, value in {**group, **target}.items() if value}
    defaults = {
        "job": job.job_name,
        "__scrape_interval__": format_duration(job.scrape_interval),
        "__scrape_timeout__": format_duration(job.scrape_timeout),
        "__metrics_path__": job.metrics_path,
        "__scheme__": job.scheme,
    }
    if reaches(version, "3.13"):
        for name in HISTOGRAM_LABELS:
            defaults[name] = str(getattr(job, name.strip("_"))).lower()
    for name, value in defaults.items():
        if value:
            labels.setdefault(name, value)
    for name, values in job.params.items():
        # Until 2.x, params won over a label of that name.
        if values and values[0] and (version.startswith("2.") or f"__param_{name}" not in labels):
            labels[f"__param_{name}"] = values[0]
    return labels


def job_targets(job: ScrapeJob, targets: Iterable[Mapping[str, str] | str] | None = None) -> list[Target]:
    """Return the targets of a job, dropped and invalid ones included, in the order of the configuration.

    ``targets`` replaces what service discovery would find: addresses, or label sets with ``__address__`` and
    ``__meta_*``. Without it the target groups in the configuration and in its ``file_sd_configs`` are taken. Two
    targets with the same labels and URL are one.
    """
    version = job.version
    relabeler = Relabeler.of(job, job.relabel_configs)
    found: list[tuple[Mapping[str, str], Mapping[str, str]]] = []
    if targets is None:
        for group in job.groups:
            found.extend(({"__address__": address}, group.labels) for address in group.targets)
    else:
        found.extend(({"__address__": one} if isinstance(one, str) else one, {}) for one in targets)
    seen = set()
    result = []
    for own, group_labels in found:
        discovered = discovered_labels(job, own, group_labels, version=version)
        target = Target(job, discovered, relabeler, version=version)
        identity = (tuple(sorted(target.all_labels.items())), target.url)
        if target.state != "active" or identity not in seen:
            seen.add(identity)
            result.append(target)
    return result
