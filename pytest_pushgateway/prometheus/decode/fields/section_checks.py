"""The needs of remote storage, alerting, tracing and the other sections, in Prometheus's words and in its order."""

from __future__ import annotations

import re
import uuid

from pytest_pushgateway.prometheus.decode.fields.conditions import (
    apart,
    before,
    both,
    need,
    of,
    one_of,
    only_with,
    since,
    value_of,
)
from pytest_pushgateway.prometheus.decode.fields.http_checks import check_client, check_oauth2, check_tls
from pytest_pushgateway.prometheus.decode.relabel_rules import check_rules
from pytest_pushgateway.prometheus.values import quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_pushgateway.prometheus.decode.decoder import Decoder, Struct
    from pytest_pushgateway.prometheus.decode.fields.conditions import Check


def _headers(message: Callable[[str], str]) -> Check:
    """Return a check of free headers; ``message`` gives the error for ``Authorization``, by version."""

    def check(decoder: Decoder, found: Struct) -> bool:
        for name in found.get("headers") or ():
            if name.lower() == "authorization":
                decoder.report(message(decoder.version), found.value_node("headers"))
                return True
            if name.lower() in _RESERVED:
                decoder.report(f"{name} is a reserved header. It must not be changed", found.value_node("headers"))
                return True
        return False

    return check


_RESERVED = frozenset(
    (
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "www-authenticate",
        "accept-encoding",
        "x-prometheus-remote-write-version",
        "x-prometheus-remote-read-version",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
    )
)


def _authorization_words(version: str) -> str:
    others = "basic_auth, authorization, oauth2, sigv4, azuread or google_iam"
    if version == "2.42":
        others = "basic_auth, authorization, oauth2, or sigv4"
    elif version.startswith("2."):
        others = "basic_auth, authorization, oauth2, sigv4, or azuread"
    return f"authorization header must be changed via the {others} parameter"


_AUTHENTICATIONS = ("basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam")


def _authentications(decoder: Decoder, found: Struct) -> bool:
    """Check that remote storage has one way to authenticate."""
    given = [name for name in _AUTHENTICATIONS if found.get(name) is not None]
    if len(given) < 2:
        return False
    message = "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured."
    message += f" Currently configured: [{' '.join(given)}]"
    if decoder.version == "2.42":
        message = "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured"
    elif decoder.version.startswith("2."):
        message = "at most one of basic_auth, authorization, oauth2, sigv4, & azuread must be configured"
    decoder.report(message, found.value_node(given[-1]))
    return True


_QUEUE = {
    "capacity": 10_000,
    "max_shards": 50,
    "min_shards": 1,
    "max_samples_per_send": 2_000,
    "min_backoff": 0.03,
    "max_backoff": 5.0,
}


def _queue(decoder: Decoder, found: Struct) -> bool:
    """Check ``queue_config``, once the HTTP client was."""
    queue = found.get("queue_config")
    if queue is None:
        return False
    value = {**_QUEUE, **queue}
    key, message = "", ""
    if value["max_shards"] <= 0:
        key, message = "max_shards", "max_shards must be positive"
    elif value["min_shards"] <= 0:
        key, message = "min_shards", "min_shards must be positive"
    elif value["min_shards"] > value["max_shards"]:
        key, message = "min_shards", "min_shards must not be greater than max_shards"
    elif value["max_samples_per_send"] <= 0:
        key, message = "max_samples_per_send", "max_samples_per_send must be positive"
    elif value["capacity"] <= 0:
        key, message = "capacity", "capacity must be positive"
    elif value["max_backoff"] < value["min_backoff"]:
        key, message = "max_backoff", "max_backoff must not be less than min_backoff"
    if message:
        decoder.report(f"remote write queue {message}", queue.value_node(key))
    return bool(message)


def _relabeling(key: str, message: str) -> Check:
    def check(decoder: Decoder, found: Struct) -> bool:
        before = len(decoder.problems)
        check_rules(decoder, found, key, message)
        return len(decoder.problems) > before

    return check


def _remote_url(kind: str) -> Check:
    def check(decoder: Decoder, found: Struct) -> bool:
        if found.get("url") is not None:
            return False
        decoder.report(f"url for {kind} is empty", found.value_node("url"))
        return True

    return check


_PROTOBUF = ("prometheus.WriteRequest", "io.prometheus.write.v2.Request")


def _protobuf_message(decoder: Decoder, found: Struct) -> bool:
    text = found.get("protobuf_message", _PROTOBUF[0])
    if text in _PROTOBUF:
        return False
    words = f"unknown remote write protobuf message {text}, supported: {', '.join(_PROTOBUF)}"
    if reaches(decoder.version, "3.8"):
        words = f"unknown type for remote write protobuf message {text}, supported: {', '.join(_PROTOBUF)}"
    decoder.report(f"invalid protobuf_message value: {words}", found.value_node("protobuf_message"))
    return True


def _attributes(key: str, adjective: str) -> Check:
    """Return a check of a list of resource attributes: none empty, none twice. One report has all of it."""

    def check(decoder: Decoder, found: Struct) -> bool:
        seen, wrong = set(), []
        for text in found.get(key) or ():
            name = text.strip()
            if not name:
                wrong.append(f"empty {adjective} OTel resource attribute")
            elif name in seen:
                wrong.append(f"duplicated {adjective} OTel resource attribute {quote(name)}")
            seen.add(name)
        if wrong:
            decoder.report(f"invalid '{key}': " + "\n".join(wrong), found.value_node(key))
        return bool(wrong)

    return check


def _size_text(size: int) -> str:
    """Return a negative size as Go's units package prints it."""
    text, left = "", -size
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        left, part = divmod(left, 1024)
        text = f"-{part}{unit}{text}" if part else text
    return text


def _retention(decoder: Decoder, found: Struct) -> bool:
    size, percentage = found.get("size", 0), found.get("percentage", 0)
    if size < 0:
        decoder.report(
            f"'storage.tsdb.retention.size' must be greater than or equal to 0, got {_size_text(size)}",
            found.value_node("size"),
        )
        return True
    if not 0 <= percentage <= 100 and reaches(decoder.version, "3.11"):
        decoder.report(
            f"'storage.tsdb.retention.percentage' must be in the range [0, 100], got {percentage:g}",
            found.value_node("percentage"),
        )
        return True
    return False


def _floats(decoder: Decoder, found: Struct) -> bool:
    text = value_of(found, "chunk_encoding.floats") or ""
    if text in ("", "xor", "xor2"):
        return False
    decoder.report(
        "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, "
        f"got {quote(text)}",
        found.value_node("chunk_encoding"),
    )
    return True


def _is_uuid(text: str) -> bool:
    """Return whether Google's uuid package takes ``text``."""
    inner = text[1:-1] if len(text) == 38 else text[9:] if text.lower().startswith("urn:uuid:") else text
    dashed = re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", inner, re.IGNORECASE)
    return bool(dashed and uuid.UUID(inner))


def _credentials(name: str, words: str, *needed: str) -> Check:
    """Return a check of one of ``azuread``'s ways to authenticate: ``needed`` are set, its client_id is a UUID."""

    def check(decoder: Decoder, found: Struct) -> bool:
        section = found.get(name)
        if section is None:
            return False
        for one in needed:
            if not section.get(one):
                decoder.report(f"must provide an Azure {words} {one} in the Azure AD config", section.value_node(one))
                return True
        uuids = ("client_id", "tenant_id") if name == "workload_identity" else ("client_id",)
        for one in uuids:
            if section.get(one) and not _is_uuid(section[one]):
                decoder.report(f"the provided Azure {words} {one} is invalid", section.value_node(one))
                return True
        return False

    return check


def _one_identity(decoder: Decoder, found: Struct) -> bool:
    """Check that ``azuread`` has exactly one way to authenticate."""
    names = ("managed_identity", "workload_identity", "oauth", "sdk", "certificate")
    given = [name for name in names if found.get(name) is not None]
    if len(given) == 1:
        return False
    if not given:
        message = "must provide an Azure Managed Identity, Azure OAuth or Azure SDK in the Azure AD config"
        if reaches(decoder.version, "3.14"):
            message = (
                "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth, Azure Certificate "
                "or Azure SDK in the Azure AD config"
            )
    elif reaches(decoder.version, "3.14"):
        message = "cannot provide multiple authentication methods in the Azure AD config"
    else:
        words = {"managed_identity": "Managed Identity", "oauth": "OAuth", "sdk": "SDK"}
        message = f"cannot provide both Azure {words[given[0]]} and Azure {words[given[1]]} in the Azure AD config"
    decoder.report(message, found.value_node(given[-1] if given else ""))
    return True


def _scope(decoder: Decoder, found: Struct) -> bool:
    if not found.get("scope") or re.fullmatch(r"[\w\s:/.\-]+", found["scope"], re.ASCII):
        return False
    decoder.report("the provided scope contains invalid characters", found.value_node("scope"))
    return True


SECTION_CHECKS: dict[str, tuple[Check, ...]] = {
    "azuread.AzureADConfig": (
        one_of(
            "cloud",
            of("", "AzureChina", "AzureGovernment", "AzurePublic"),
            "must provide a cloud in the Azure AD config",
        ),
        _one_identity,
        since("3.5", _credentials("managed_identity", "Managed Identity")),
        before("3.5", _credentials("managed_identity", "Managed Identity", "client_id")),
        _credentials("workload_identity", "Workload Identity", "client_id", "tenant_id"),
        _credentials("oauth", "OAuth", "client_id", "client_secret", "tenant_id"),
        _credentials("certificate", "Certificate", "client_id", "tenant_id", "certificate_path"),
        _scope,
    ),
    "config.AlertingConfig": (_relabeling("alert_relabel_configs", "empty or null alert relabeling rule"),),
    "config.OAuth2": (check_oauth2,),
    "config.OTLPConfig": (
        apart(
            "promote_all_resource_attributes",
            "promote_resource_attributes",
            "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously",
        ),
        only_with(
            "ignore_resource_attributes",
            "promote_all_resource_attributes",
            "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true",
        ),
        _attributes("ignore_resource_attributes", "ignored"),
        _attributes("promote_resource_attributes", "promoted"),
    ),
    "config.RemoteReadConfig": (_remote_url("remote_read"), _headers(_authorization_words), check_client),
    "config.RemoteWriteConfig": (
        _remote_url("remote_write"),
        _relabeling("write_relabel_configs", "empty or null relabeling rule in remote write config"),
        _headers(_authorization_words),
        since("2.54", _protobuf_message),
        check_client,
        since("3.12", _queue),
        _authentications,
    ),
    "config.TLSConfig": (check_tls,),
    "config.TSDBConfig": (_floats,),
    "config.TSDBRetentionConfig": (_retention,),
    "config.TracingConfig": (
        _headers(lambda version: "custom authorization header configuration is not yet supported"),
        need("endpoint", "tracing endpoint must be set"),
        one_of("compression", of("", "gzip"), "invalid compression type {text} provided, valid options: gzip"),
    ),
    "sigv4.SigV4Config": (
        both(
            "access_key",
            "secret_key",
            "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config",
        ),
        only_with("external_id", "role_arn", "external_id can only be used with role_arn"),
    ),
}
"""The checks of each section, by the Go name of its struct."""
