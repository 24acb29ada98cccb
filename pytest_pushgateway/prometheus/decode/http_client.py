"""The typed settings of the HTTP client that a scrape job, or a target discovery, has inline."""

from __future__ import annotations

from pytest_pushgateway.prometheus.model import HttpClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.decode.decoder import Struct


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
