"""Rules about reaching the gateway: path, scheme, address, TLS and credentials."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pytest_pushgateway.golang.position import Position
    from pytest_pushgateway.prometheus.lint.context import Context, Finding
    from pytest_pushgateway.prometheus.lint.detection import Detected
    from pytest_pushgateway.prometheus.model import ScrapeJob


def path_of_another_gateway(context: Context, one: Detected) -> Iterator[Finding]:
    """PG012: the path is not where the gateway at hand exposes. Needs the gateway."""
    settings: Any = getattr(context.gateway, "settings", None)
    if settings is None:
        return
    prefix = settings.route_prefix.strip("/")
    expected = f"{'/' + prefix if prefix else ''}/{settings.telemetry_path.strip('/')}"
    if f"/{one.job.metrics_path.lstrip('/')}" != expected:
        yield context.find(
            "PG012",
            "warning",
            f"metrics_path is {one.job.metrics_path!r}, and the gateway exposes under {expected!r}",
            one.job.position("metrics_path") or one.job.position(),
            one.job,
            consequence="every scrape fails: server returned HTTP status 404 Not Found",
            fix=f"metrics_path: {expected}",
        )


def push_path(context: Context, one: Detected) -> Iterator[Finding]:
    """PG013: the path that is pushed to cannot be scraped."""
    path = one.job.metrics_path
    if re.match(r"/*(?:[^?]*/)?metrics/job(?:@base64)?(?:/|\Z)", path):
        yield context.find(
            "PG013",
            "error",
            f"metrics_path {path!r} is the path of the push API",
            one.job.position("metrics_path"),
            one.job,
            consequence="every scrape fails: server returned HTTP status 405 Method Not Allowed",
            fix="metrics_path: /metrics (all groups are exposed there)",
        )


def broken_path(context: Context, one: Detected) -> Iterator[Finding]:
    """PG013b: a path that is escaped, or empty."""
    job, path = one.job, one.job.metrics_path
    if "?" in path:
        message, consequence = "has a query in it", f"'?' is sent as %3F: {path.replace('?', '%3F')} is not found"
        fix = f"metrics_path: {path.partition('?')[0]}, and the query under params"
    elif re.search(r"\s", path):
        message, consequence = "contains a space", "spaces are sent as %20: the path is not found"
        fix = "remove the space"
    elif path == "" and job.written("metrics_path"):
        message, consequence = "is empty", "the gateway's web page is asked for, not its metrics"
        fix = "metrics_path: /metrics"
    else:
        return
    yield context.find(
        "PG013b",
        "error",
        f"metrics_path {path!r} {message}",
        job.position("metrics_path"),
        job,
        consequence=consequence,
        fix=fix,
    )


def unknown_scheme(context: Context, one: Detected) -> Iterator[Finding]:
    """PG014: promtool takes any scheme, the scrape takes two."""
    job = one.job
    if job.scheme.lower() in ("http", "https"):
        return
    schemes = {target.scheme for target in context.targets(job)}
    if schemes and schemes <= {"http", "https"}:
        return  # relabelling puts it right
    yield context.find(
        "PG014",
        "error",
        f"scheme {job.scheme!r} is neither http nor https",
        job.position("scheme"),
        job,
        consequence=f'every scrape fails: unsupported protocol scheme "{job.scheme}"',
        fix="scheme: http or https",
    )


def tls_without_https(context: Context, one: Detected) -> Iterator[Finding]:
    """PG015: TLS settings that are not used, a password in clear; what a gateway at hand asks for and the job lacks."""
    job = one.job
    if not job.http.tls_config and not job.http.basic_auth and context.gateway is None:
        return
    schemes = {target.scheme for target in context.targets(job)} or {job.scheme.lower()}
    plain = schemes == {"http"} or (schemes == {""})
    if plain and job.http.tls_config and not _overridden(job, "__scheme__"):
        yield context.find(
            "PG015",
            "warning",
            "tls_config is set, but the scheme is http",
            job.key_position("tls_config"),
            job,
            consequence="the settings are not used: the scrape goes in clear, and fails if the gateway speaks TLS only",
            fix="scheme: https, or remove tls_config",
        )
    if plain and job.http.basic_auth and not _overridden(job, "__scheme__"):
        yield context.find(
            "PG015",
            "note",
            "the password is sent in clear: the scheme is http",
            job.key_position("basic_auth"),
            job,
            consequence="the network can read the password",
            fix="scheme: https",
            strict=True,
        )
    yield from _asked_for(context, job, plain)


def _asked_for(context: Context, job: ScrapeJob, plain: bool) -> Iterator[Finding]:
    gateway: Any = context.gateway
    if getattr(gateway, "settings", None) is None:
        return
    tls = gateway.scheme == "https"
    if tls == plain:
        what = "speaks TLS, and the scheme is http" if tls else "does not speak TLS, and the scheme is https"
        yield context.find(
            "PG015",
            "warning",
            f"the gateway {what}",
            job.position("scheme") or job.position(),
            job,
            consequence="every scrape fails",
            fix=f"scheme: {'https' if tls else 'http'}",
        )
    if gateway.settings.basic_auth and not job.http.basic_auth:
        yield context.find(
            "PG015",
            "warning",
            "the gateway asks for a password, and the job has none",
            job.position(),
            job,
            consequence="every scrape fails: server returned HTTP status 401 Unauthorized",
            fix="basic_auth: {username: ..., password_file: ...}",
        )


def _overridden(job: ScrapeJob, label: str) -> bool:
    return any(rule.target_label == label or rule.action == "labelmap" for rule in job.relabel_configs) or any(
        label in group.labels for group in job.static_configs
    )


def bad_addresses(context: Context, one: Detected) -> Iterator[Finding]:
    """PG021: addresses that promtool takes and no scrape reaches."""
    job = one.job
    if _overridden(job, "__address__"):
        return
    for group in job.groups:
        places: tuple[Position | None, ...] = group.target_positions or (None,) * len(group.targets)
        for target, at in zip(group.targets, places, strict=False):
            found = _address_problem(target)
            if found and not _refused(context, job, group.file, at):
                message, severity, consequence, fix = found
                yield context.find(
                    "PG021",
                    severity,
                    f"target {target!r} {message}",
                    at or job.position(),
                    job,
                    consequence=consequence,
                    fix=fix,
                    file=group.file,
                )


def _refused(context: Context, job: ScrapeJob, file: str | None, at: Position | None) -> bool:
    """Return whether Prometheus itself refuses the target at a place."""
    place = file or job.file or context.config.path
    return at is not None and any(
        (problem.file, problem.line, problem.column) == (place, *at) for problem in context.config.errors
    )


def _address_problem(target: str) -> tuple[str, str, str, str] | None:
    """Return message, severity, consequence and fix for an address that cannot be reached; ``None`` for a good one."""
    failed = "every scrape fails: "
    if re.search(r"\$\{?\w+\}?|\{\{|<[A-Z_a-z-]+>", target):
        consequence = (
            "Prometheus does not replace variables in targets: unless another tool does, the name is not found"
        )
        return "holds a variable", "warning", consequence, "write the address, or fill in the template before"
    if re.search(r"\s", target):
        return "contains a space", "error", f'{failed}invalid URL escape "%20"', "remove the space"
    if "@" in target:
        consequence = f'{failed}invalid URL escape "%40"'
        return "names a user", "error", consequence, "put user and password into basic_auth"
    url = re.match(r"(https?):/{0,2}([^/]+)(/.*)?", target, re.IGNORECASE)
    if url:
        parts = [url[2], f"scheme: {url[1].lower()}", *([f"metrics_path: {url[3]}"] if url[3] else [])]
        return "is a URL", "error", f"{failed}the target is a host and a port", f"write {', '.join(parts)}"
    if target.count(":") > 1 and not target.startswith("["):
        if not re.fullmatch(r"[0-9a-fA-F:.]+(?:%\w+)?(?::\d+)?", target):
            consequence = f"{failed}address {target}: too many colons in address"
            return "has more than one colon", "error", consequence, "write host:port"
        host, _, port = target.rpartition(":")
        consequence = f"{failed}address {target}: too many colons in address"
        fix = f"[{host}]:{port}" if port.isdecimal() and len(port) > 3 else f"[{target}]:9091"
        return "is an IPv6 address without brackets", "error", consequence, fix
    port = re.sub(r"^\[[^\]]*\]", "", target).partition(":")[2]
    if port and not (port.isascii() and port.isdecimal()):
        return (
            "has a port that is not a number",
            "error",
            f'{failed}invalid port ":{port}" after host',
            "write a number",
        )
    if port and int(port[:9]) > 65535:
        return "has a port above 65535", "error", f"{failed}dial tcp: address {port}: invalid port", "write the port"
    return None


RULES = (path_of_another_gateway, push_path, broken_path, unknown_scheme, tls_without_https, bad_addresses)
