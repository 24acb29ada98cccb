"""The needs of an HTTP client's settings, in the words and the order of prometheus/common's ``config`` package."""

from __future__ import annotations

from pytest_pushgateway.prometheus.values import quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.decode.decoder import Decoder, Struct

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
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


def count(*values: object) -> int:
    """Return how many of ``values`` are set."""
    return sum(1 for value in values if value)


def check_tls(decoder: Decoder, tls: Struct) -> bool:
    """Check what belongs together in ``tls_config``; return whether something was reported.

    2.42 only looks at files, after everything is loaded.
    """
    message, key = ("", "") if decoder.version == "2.42" else _tls_conflict(tls)
    if message:
        decoder.report(message, tls.value_node(key))
    return bool(message)


def _tls_conflict(tls: Struct) -> tuple[str, str]:
    get = tls.get
    for one, message in (
        ("ca", "at most one of ca, ca_file & ca_ref must be configured"),
        ("cert", "at most one of cert, cert_file & cert_ref must be configured"),
        ("key", "at most one of key and key_file must be configured"),
    ):
        if count(get(one), get(f"{one}_file"), get(f"{one}_ref")) > 1:
            return message, f"{one}_file"
    certificate = count(get("cert"), get("cert_file"), get("cert_ref"))
    key = count(get("key"), get("key_file"), get("key_ref"))
    if certificate and not key:
        return "exactly one of key or key_file must be configured when a client certificate is configured", ""
    if key and not certificate:
        return "exactly one of cert or cert_file must be configured when a client key is configured", ""
    return "", ""


def check_oauth2(decoder: Decoder, oauth2: Struct) -> bool:
    """Check the proxy of ``oauth2``; return whether something was reported. 2.42 has no such check."""
    return decoder.version != "2.42" and check_proxy(decoder, oauth2)


def check_client(decoder: Decoder, client: Struct) -> bool:
    """Check what belongs together, in the order and the words of ``HTTPClientConfig.Validate``.

    Return whether something was reported.
    """
    message, key = _conflict(decoder.version, client)
    if not message and check_proxy(decoder, client):
        return True
    for name in () if message else client.get("http_headers") or ():
        canonical = "-".join(part.capitalize() for part in name.split("-"))
        if canonical in _RESERVED_HEADERS:
            message, key = f"setting header {quote(canonical)} is not allowed", "http_headers"
            break
    if message:
        decoder.report(message, client.value_node(key))
    return bool(message)


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
        ending = " using grant-type=client_credentials" if reaches(version, "3.5") else ""
        return f"at most one of oauth2 {names} must be configured{ending}"
    return ""


def check_proxy(decoder: Decoder, client: Struct) -> bool:
    """Check the proxy settings; return whether something was reported."""
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
    return bool(message)
