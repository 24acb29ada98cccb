"""The ``global`` section and scrape jobs: fields, defaults, inheritance, and what Prometheus checks on them."""

from __future__ import annotations

from functools import lru_cache

from pytest_pushgateway.golang.yaml_v2 import MappingNode, is_null
from pytest_pushgateway.prometheus.decode import discovery
from pytest_pushgateway.prometheus.decode import relabel_rules as relabel
from pytest_pushgateway.prometheus.decode.decoder import BAD, Struct, nothing, struct
from pytest_pushgateway.prometheus.decode.fields.http_checks import check_client
from pytest_pushgateway.prometheus.decode.fields.structs import fields_of
from pytest_pushgateway.prometheus.decode.fields.table import client_names
from pytest_pushgateway.prometheus.decode.http_client import client_of
from pytest_pushgateway.prometheus.model import Global, ScrapeJob
from pytest_pushgateway.prometheus.values import is_label_name, is_legacy_label_name, quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, Fields

_INHERITED = (
    "body_size_limit",
    "sample_limit",
    "target_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "keep_dropped_targets",
    "scrape_failure_log_file",
)


@lru_cache(maxsize=4)
def _job_fields(version: str) -> Fields:
    return fields_of("config.ScrapeConfig", version).joined(discovery.fields(version))


_SUPPORTED = ("OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusProto", "PrometheusText0.0.4")


def _unknown_protocol(name: str, version: str) -> str:
    """Return Prometheus's error for a scrape protocol, or ``""``."""
    supported = _SUPPORTED if version.startswith("2.") else (*_SUPPORTED, "PrometheusText1.0.0")
    if name in supported:
        return ""
    return f"unknown scrape protocol {name}, supported: [{' '.join(sorted(supported))}]"


def _check_protocols(decoder: Decoder, section: Struct, where: str) -> None:
    names = section.get("scrape_protocols")
    if names is None:
        return
    node = section.value_node("scrape_protocols")
    if not names:
        decoder.report(f"scrape_protocols cannot be empty for {where}", node)
    seen = set()
    for name in names:
        if name.lower() in seen:
            decoder.report(f"duplicated protocol in scrape_protocols, got [{' '.join(names)}] for {where}", node)
            return
        unknown = _unknown_protocol(name, decoder.version)
        if unknown:
            decoder.report(f"scrape_protocols: {unknown} for {where}", node)
            return
        seen.add(name.lower())


def global_section(decoder: Decoder, node: Node) -> Any:
    """Decode ``global``; null gives the defaults."""
    if node.__class__ is not MappingNode and is_null(node):
        return nothing(decoder, node, "config.GlobalConfig") or Global()
    found = struct(decoder, node, fields_of("config.GlobalConfig", decoder.version), "config.plain")
    if found is BAD:
        return BAD
    is_name = is_legacy_label_name if _has_legacy_names(decoder, found) else is_label_name
    for name, value in (found.get("external_labels") or {}).items():
        if not is_name(name):
            decoder.report(f"{quote(name)} is not a valid label name", found.value_node("external_labels"))
        elif any("\ud800" <= letter <= "\udfff" for letter in value):  # bytes that are not UTF-8
            decoder.report(f"{quote(value)} is not a valid label value", found.value_node("external_labels"))
    result = Global(node=node)
    for key, value in found.items():
        if value:
            setattr(result, key, value)
    if not {"scrape_timeout", "scrape_interval"}.intersection(found.bad):
        if found.get("scrape_timeout", 0) > result.scrape_interval:
            decoder.report("global scrape timeout greater than scrape interval", found.value_node("scrape_timeout"))
        elif not found.get("scrape_timeout"):
            result.scrape_timeout = min(10.0, result.scrape_interval)
    _check_protocols(decoder, found, "global config")
    return result


def job(decoder: Decoder, node: Node) -> Any:
    """Decode one item of ``scrape_configs``, without what it inherits; null is ``None``."""
    if node.__class__ is not MappingNode and is_null(node):
        return nothing(decoder, node, "*config.ScrapeConfig")
    decoder.job = _name(node)
    found = struct(decoder, node, _job_fields(decoder.version), "config.ScrapeConfig")
    if found is not BAD:
        result = _typed(decoder, found)
        _check_job(decoder, found, result)
        decoder.job = None
        return result
    decoder.job = None
    return BAD


def _name(node: Node) -> str | None:
    """Return the job's name before anything is decoded, so that problems above it can name the job."""
    if node.__class__ is MappingNode:
        for key, value in node.value:
            if key.value == "job_name" and value.value.__class__ is str:
                return str(value.value)
    return None


_NOT_PLAIN = frozenset(("relabel_configs", "metric_relabel_configs", "params", "static_configs"))


def _typed(decoder: Decoder, found: Struct) -> ScrapeJob:
    result = ScrapeJob()
    values = vars(result)
    values["node"], values["file"], values["version"] = found.node, decoder.file, decoder.version
    apart = _NOT_PLAIN | client_names()
    for key, value in found.items():
        if value is not None and key not in apart and not key.endswith("_sd_configs"):
            values[key] = value
    if found.get("params"):
        values["params"] = {name: items or () for name, items in found["params"].items()}
    if not client_names().isdisjoint(found):
        values["http"] = client_of(found)
    return result


def _check_job(decoder: Decoder, found: Struct, result: ScrapeJob) -> None:
    """Check what ``ScrapeConfig.UnmarshalYAML`` does, in its order."""
    static, others = discovery.collect(decoder, found)
    result.static_configs, result.discoveries = static, others
    if not result.job_name and "job_name" not in found.bad:
        decoder.report("job_name is empty", found.value_node("job_name"))
    if not client_names().isdisjoint(found):
        check_client(decoder, found)
    rules = found.get("relabel_configs")
    if not rules and "relabel_configs" not in found.bad:
        discovery.check_addresses(decoder, static)
    result.relabel_configs = relabel.check_rules(
        decoder, found, "relabel_configs", "empty or null target relabeling rule in scrape config"
    )
    result.metric_relabel_configs = relabel.check_rules(
        decoder, found, "metric_relabel_configs", "empty or null metric relabeling rule in scrape config"
    )
    result.found = found


def inherit(decoder: Decoder, job: ScrapeJob, common: Global) -> None:
    """Give ``job`` what it inherits from ``global`` and check the outcome, as ``ScrapeConfig.Validate``."""
    found: Struct = job.found
    decoder.job = job.job_name
    if not job.__dict__.get("scrape_interval"):
        job.scrape_interval = common.scrape_interval
    timeout = job.__dict__.get("scrape_timeout")
    if timeout and timeout > job.scrape_interval and "scrape_interval" not in found.bad:
        where = f"scrape config with job name {quote(job.job_name)}"
        decoder.report(f"scrape timeout greater than scrape interval for {where}", found.value_node("scrape_timeout"))
    if not timeout:
        job.scrape_timeout = min(common.scrape_timeout, job.scrape_interval)
    given = vars(common)
    for key in _INHERITED:
        if key in given and not getattr(job, key):
            setattr(job, key, given[key])
    if found.get("scrape_protocols") is None:
        job.scrape_protocols = common.scrape_protocols
    else:
        _check_protocols(decoder, found, f"scrape config with job name {quote(job.job_name)}")
    unknown = _unknown_protocol(job.fallback_scrape_protocol, decoder.version) if job.fallback_scrape_protocol else ""
    if unknown:
        where = f"scrape config with job name {quote(job.job_name)}"
        decoder.report(
            f"invalid fallback_scrape_protocol for {where}: {unknown}", found.value_node("fallback_scrape_protocol")
        )
    if reaches(decoder.version, "3.7"):
        _check_schemes(decoder, job, found, common)
        if job.metric_name_validation_scheme == "legacy":
            relabel.check_legacy(decoder, (*job.relabel_configs, *job.metric_relabel_configs))
    elif reaches(decoder.version, "3.0"):
        _check_old_schemes(decoder, job, found, common)
    for flag in _FLAGS:
        if flag in given and found.get(flag) is None:
            setattr(job, flag, given[flag])
    decoder.job = None


_FLAGS = (
    "convert_classic_histograms_to_nhcb",
    "always_scrape_classic_histograms",
    "scrape_native_histograms",
    "extra_scrape_metrics",
)
_ESCAPINGS = "'allow-utf-8', 'underscores', 'dots', or 'values'"
_NAME_SCHEMES = frozenset(("metric_name_validation_scheme", "metric_name_escaping_scheme"))
_ESCAPING_NAMES = frozenset(("allow-utf-8", "underscores", "dots", "values"))


def _has_legacy_names(decoder: Decoder, section: Struct) -> bool:
    """Return whether the names in ``global`` are those of the ``legacy`` scheme."""
    scheme = section.get("metric_name_validation_scheme")
    return decoder.version.startswith("2.") or (scheme == "legacy" and reaches(decoder.version, "3.7"))


def _check_schemes(decoder: Decoder, job: ScrapeJob, found: Struct, common: Global) -> None:
    """Check and inherit the two naming schemes. A job's own scheme of validation also decides how names are escaped."""
    own = found.get("metric_name_validation_scheme")
    job.metric_name_validation_scheme = own or common.metric_name_validation_scheme
    escaping = common.metric_name_escaping_scheme
    if escaping and escaping not in _ESCAPING_NAMES:
        decoder.report(
            f"unknown global name escaping method specified, must be one of {_ESCAPINGS}, got {quote(escaping)}",
            common.node,
        )
        return
    if own or not escaping:
        escaping = "underscores" if job.metric_name_validation_scheme == "legacy" else "allow-utf-8"
    job.metric_name_escaping_scheme = chosen = found.get("metric_name_escaping_scheme") or escaping
    node = found.value_node("metric_name_escaping_scheme")
    if chosen not in _ESCAPING_NAMES:
        decoder.report(
            f"unknown scrape config name escaping method specified, must be one of {_ESCAPINGS}, got {quote(chosen)}",
            node,
        )
    elif chosen == "allow-utf-8" and job.metric_name_validation_scheme != "utf8":
        decoder.report("utf8 metric names requested but validation scheme is not set to UTF8", node)


def _check_old_schemes(decoder: Decoder, job: ScrapeJob, found: Struct, common: Global) -> None:
    """Check and inherit the two naming schemes, with 3.5's quirk: a job's own ``legacy`` contradicts the default."""
    validation, escaping = common.metric_name_validation_scheme, common.metric_name_escaping_scheme
    if validation == "utf8" and not escaping and _NAME_SCHEMES.isdisjoint(found):
        job.metric_name_escaping_scheme = "allow-utf-8"
        return
    if validation not in ("legacy", "utf8"):
        decoder.report(
            "unknown global name validation method specified, must be either 'legacy' or 'utf8', got " + validation,
            common.node,
        )
        return
    own = found.get("metric_name_validation_scheme") or validation
    if own not in ("legacy", "utf8"):
        decoder.report(
            f"unknown scrape config name validation method specified, must be either 'legacy' or 'utf8', got {own}",
            found.value_node("metric_name_validation_scheme"),
        )
        return
    if not escaping:
        escaping = "underscores" if validation == "legacy" else "allow-utf-8"
    elif escaping not in _ESCAPING_NAMES:
        decoder.report(
            f"unknown global name escaping method specified, must be one of {_ESCAPINGS}, got {validation}", common.node
        )
        return
    job.metric_name_validation_scheme = own
    job.metric_name_escaping_scheme = chosen = found.get("metric_name_escaping_scheme") or escaping
    node = found.value_node("metric_name_escaping_scheme")
    if chosen not in _ESCAPING_NAMES:
        decoder.report(
            f"unknown scrape config name escaping method specified, must be one of {_ESCAPINGS}, got {own}", node
        )
    elif chosen == "allow-utf-8" and own != "utf8":
        decoder.report("utf8 metric names requested but validation scheme is not set to UTF8", node)
