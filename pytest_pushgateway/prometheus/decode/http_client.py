"""The HTTP client settings that a scrape job, an Alertmanager, remote storage and HTTP discovery share.

Fields and messages as of prometheus/common's ``config`` package in Prometheus 2.42, 2.53 and 3.5.
"""

from __future__ import annotations

from functools import lru_cache

from pytest_pushgateway.golang.yaml_v2 import ScalarNode, is_null, resolve
from pytest_pushgateway.prometheus.decode.decoder import (
    BAD,
    Struct,
    a_list,
    a_map,
    any_map,
    boolean,
    fields,
    nothing,
    secret,
    string,
    string_map,
    strings,
    struct,
    url,
)
from pytest_pushgateway.prometheus.model import HttpClient
from pytest_pushgateway.prometheus.values import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_pushgateway.golang.yaml_v2 import Node
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, FieldDecoder, Fields, Table

_RESERVED_HEADERS = frozenset(
    [
        "Authorization",
        "Host",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "User-Agent",
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Www-Authenticate",
        "Accept-Encoding",
        "X-Prometheus-Remote-Write-Version",
        "X-Prometheus-Remote-Read-Version",
        "X-Prometheus-Scrape-Timeout-Seconds",
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
    ]
)


def _section(table: Table, go_type: str, outer: str, check: Any = None) -> FieldDecoder:
    """Return a decoder of one nested mapping; null is ``None``.

    ``go_type`` is what yaml.v2 decodes into, ``outer`` the type of the field, which it names for a quoted ``"null"``.
    """

    @lru_cache(maxsize=4)
    def known(version: str) -> Fields:
        return fields(table, version)

    def decode(decoder: Decoder, node: Node) -> Any:
        if is_null(node):
            return nothing(decoder, node, outer)
        result = struct(decoder, node, known(decoder.version), go_type)
        if result is not BAD and check is not None:
            check(decoder, result)
        return result

    return decode


def count(*values: object) -> int:
    """Return how many of ``values`` are set."""
    return sum(1 for value in values if value)


def _tls_version(decoder: Decoder, node: Node) -> Any:
    if is_null(node):
        return nothing(decoder, node, "config.TLSVersion") or ""
    text = string(decoder, node)
    if text is not BAD and text not in ("TLS10", "TLS11", "TLS12", "TLS13"):
        return decoder.report(f"unknown TLS version: {text}", node)
    return text


def _check_tls(decoder: Decoder, tls: Struct) -> None:
    if decoder.version == "2.42" or tls.bad:
        return  # 2.42 looks at files alone, after everything is loaded
    get = tls.get
    for one, message in (
        ("ca", "at most one of ca, ca_file & ca_ref must be configured"),
        ("cert", "at most one of cert, cert_file & cert_ref must be configured"),
        ("key", "at most one of key and key_file must be configured"),
    ):
        if count(get(one), get(f"{one}_file"), get(f"{one}_ref")) > 1:
            decoder.report(message, tls.value_node(f"{one}_file"))
            return
    certificate = count(get("cert"), get("cert_file"), get("cert_ref"))
    key = count(get("key"), get("key_file"), get("key_ref"))
    if certificate and not key:
        decoder.report(
            "exactly one of key or key_file must be configured when a client certificate is configured", tls.node
        )
    elif key and not certificate:
        decoder.report("exactly one of cert or cert_file must be configured when a client key is configured", tls.node)


tls_config: FieldDecoder = _section(
    {
        "ca": (string, "2.53"),
        "cert": (string, "2.53"),
        "key": (secret, "2.53"),
        "ca_file": string,
        "cert_file": string,
        "key_file": string,
        "ca_ref": (string, "2.53"),
        "cert_ref": (string, "2.53"),
        "key_ref": (string, "2.53"),
        "server_name": string,
        "insecure_skip_verify": boolean,
        "min_version": _tls_version,
        "max_version": _tls_version,
    },
    "config.plain",
    "config.TLSConfig",
    _check_tls,
)

_proxy_header = a_map(string, a_list(secret, "[]config.Secret"), "config.ProxyHeader")

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_OAUTH2: Table = {
    "client_id": string,
    "client_secret": secret,
    "client_secret_file": string,
    "client_secret_ref": (string, "2.53"),
    "client_certificate_key_id": (string, "3.5"),
    "client_certificate_key": (secret, "3.5"),
    "client_certificate_key_file": (string, "3.5"),
    "client_certificate_key_ref": (string, "3.5"),
    "grant_type": (string, "3.5"),
    "signature_algorithm": (string, "3.5"),
    "iss": (string, "3.5"),
    "audience": (string, "3.5"),
    "claims": (any_map, "3.5"),
    "scopes": strings,
    "token_url": string,
    "endpoint_params": string_map,
    "tls_config": tls_config,
    "proxy_url": url,
    "no_proxy": (string, "2.53"),
    "proxy_from_environment": (boolean, "2.53"),
    "proxy_connect_header": (_proxy_header, "2.53"),
}


def _check_oauth2(decoder: Decoder, oauth2: Struct) -> None:
    if decoder.version != "2.42" and not oauth2.bad:
        check_proxy(decoder, oauth2)


_HEADER: Table = {"values": strings, "secrets": a_list(secret, "[]config.Secret"), "files": strings}


def _headers(decoder: Decoder, node: Node) -> Any:
    if node.__class__ is ScalarNode and resolve(node)[1] is None:
        return None
    return _header_map(decoder, node)


def _header(decoder: Decoder, node: Node) -> Any:
    return _one_header(decoder, node)


_one_header = _section(_HEADER, "config.Header", "config.Header")
_header_map = a_map(string, _header, "config.Headers", "*config.Headers")

FIELDS: Table = {
    "basic_auth": _section(
        {
            "username": string,
            "username_file": (string, "2.53"),
            "username_ref": (string, "2.53"),
            "password": secret,
            "password_file": string,
            "password_ref": (string, "2.53"),
        },
        "config.plain",
        "*config.BasicAuth",
    ),
    "authorization": _section(
        {"type": string, "credentials": secret, "credentials_file": string, "credentials_ref": (string, "2.53")},
        "config.Authorization",
        "*config.Authorization",
    ),
    "oauth2": _section(_OAUTH2, "config.plain", "*config.OAuth2", _check_oauth2),
    "bearer_token": secret,
    "bearer_token_file": string,
    "tls_config": tls_config,
    "follow_redirects": boolean,
    "enable_http2": boolean,
    "proxy_url": url,
    "no_proxy": (string, "2.53"),
    "proxy_from_environment": (boolean, "2.53"),
    "proxy_connect_header": _proxy_header,
    "http_headers": (_headers, "2.53"),
}
"""What stands inline in a scrape job and wherever else an HTTP client is configured."""


NAMES = frozenset(FIELDS)


def check_client(decoder: Decoder, client: Struct) -> None:
    """Check what belongs together, in the order and the words of ``HTTPClientConfig.Validate``."""
    message, key = _conflict(decoder.version, client)
    if message:
        decoder.report(message, client.value_node(key))
        return
    if check_proxy(decoder, client) and client.get("http_headers"):
        for name in client["http_headers"]:
            canonical = "-".join(part.capitalize() for part in name.split("-"))
            if canonical in _RESERVED_HEADERS:
                decoder.report(f"setting header {quote(canonical)} is not allowed", client.value_node("http_headers"))


def _conflict(version: str, client: Struct) -> tuple[str, str]:
    """Return the first conflict among the ways to authenticate, and the key to blame."""
    get = client.get
    basic, oauth2, authorization = get("basic_auth"), get("oauth2"), get("authorization")
    bearer = count(get("bearer_token"), get("bearer_token_file"))
    if bearer > 1:
        return "at most one of bearer_token & bearer_token_file must be configured", "bearer_token_file"
    if bearer and (basic is not None or oauth2 is not None):
        return "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured", (
            "basic_auth" if basic is not None else "oauth2"
        )
    if basic is not None:
        for one in ("username", "password"):
            if count(basic.get(one), basic.get(f"{one}_file"), basic.get(f"{one}_ref")) > 1:
                names = f"{one} & {one}_file" if version == "2.42" else f"{one}, {one}_file & {one}_ref"
                return f"at most one of basic_auth {names} must be configured", "basic_auth"
    if authorization is not None:
        found = _authorization_conflict(authorization, bearer, basic, oauth2)
        if found:
            return found, "authorization"
    if oauth2 is not None:
        return _oauth2_conflict(version, oauth2, basic), "oauth2"
    return "", ""


def _authorization_conflict(authorization: Struct, bearer: int, basic: object, oauth2: object) -> str:
    get = authorization.get
    if bearer:
        return "authorization is not compatible with bearer_token & bearer_token_file"
    if count(get("credentials"), get("credentials_file"), get("credentials_ref")) > 1:
        return "at most one of authorization credentials & credentials_file must be configured"
    if get("type", "").strip().lower() == "basic":
        return 'authorization type cannot be set to "basic", use "basic_auth" instead'
    if basic is not None or oauth2 is not None:
        return "at most one of basic_auth, oauth2 & authorization must be configured"
    return ""


def _oauth2_conflict(version: str, oauth2: Struct, basic: object) -> str:
    get = oauth2.get
    secrets = count(get("client_secret"), get("client_secret_file"), get("client_secret_ref"))
    if basic is not None:
        return "at most one of basic_auth, oauth2 & authorization must be configured"
    if not get("client_id") and "client_id" not in oauth2.bad:
        return "oauth2 client_id must be configured"
    if version == "2.42" and not secrets:
        return "either oauth2 client_secret or client_secret_file must be configured"
    if not get("token_url") and "token_url" not in oauth2.bad:
        return "oauth2 token_url must be configured"
    if get("grant_type") == _JWT_BEARER:
        keys = "client_certificate_key", "client_certificate_key_file", "client_certificate_key_ref"
        if count(*map(get, keys)) > 1:
            names = f"{keys[0]}, {keys[1]} & {keys[2]}"
            return f"at most one of oauth2 {names} must be configured using grant-type={_JWT_BEARER}"
        if get("signature_algorithm") and get("signature_algorithm") not in ("RS256", "RS384", "RS512"):
            return "valid signature algorithms are RS256, RS384 and RS512"
    elif secrets > 1:
        names = "client_secret & client_secret_file"
        if version != "2.42":
            names = "client_secret, client_secret_file & client_secret_ref"
        ending = " using grant-type=client_credentials" if version == "3.5" else ""
        return f"at most one of oauth2 {names} must be configured{ending}"
    return ""


def check_proxy(decoder: Decoder, client: Struct) -> bool:
    """Check the proxy settings; tell whether they are in order."""
    proxy, environment = client.get("proxy_url"), client.get("proxy_from_environment")
    header, no_proxy = client.get("proxy_connect_header"), client.get("no_proxy")
    message = ""
    if header and not environment and not proxy:
        key = "proxy_connect_header"
        message = "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured"
        if decoder.version == "2.42":
            message = "if proxy_connect_header is configured proxy_url must also be configured"
    elif environment and proxy:
        key, message = "proxy_url", "if proxy_from_environment is configured, proxy_url must not be configured"
    elif environment and no_proxy:
        key, message = "no_proxy", "if proxy_from_environment is configured, no_proxy must not be configured"
    elif no_proxy and proxy is None and "proxy_url" not in client.bad:
        key, message = "no_proxy", "if no_proxy is configured, proxy_url must also be configured"
    if message:
        decoder.report(message, client.value_node(key))
    return not message


def client_of(found: Struct) -> HttpClient:
    """Return the typed settings; a bearer token becomes an authorization, as in Prometheus."""
    client = HttpClient()
    values = vars(client)
    for name in ("basic_auth", "authorization", "oauth2", "proxy_url", "no_proxy", "http_headers", "tls_config"):
        if found.get(name) is not None:
            values[name] = found[name]
    for name in ("proxy_from_environment", "follow_redirects", "enable_http2"):
        if name in found:
            values[name] = found[name]
    token, token_file = found.get("bearer_token"), found.get("bearer_token_file")
    if client.authorization is None and (token or token_file):
        values["authorization"] = {"type": "Bearer", **({"credentials": token} if token else {})}
        if token_file:
            values["authorization"]["credentials_file"] = token_file
    elif client.authorization is not None:
        values["authorization"] = {"type": "Bearer", **client.authorization}
    return client
