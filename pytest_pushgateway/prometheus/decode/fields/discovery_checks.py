"""The needs of each service discovery, in Prometheus's words and in its order."""

from __future__ import annotations

import re

from pytest_pushgateway.prometheus.decode.decoder import Struct, not_judged
from pytest_pushgateway.prometheus.decode.fields.conditions import (
    a_url,
    apart,
    before,
    need,
    of,
    one_of,
    since,
    value_of,
)
from pytest_pushgateway.prometheus.decode.fields.http_checks import check_client
from pytest_pushgateway.prometheus.decode.fields.table import client_names
from pytest_pushgateway.prometheus.values import quote, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.prometheus.decode.decoder import Decoder
    from pytest_pushgateway.prometheus.decode.fields.conditions import Check


def _each_with(name: str, inner: str, message: str) -> Check:
    def check(decoder: Decoder, found: Struct) -> bool:
        for item in found.get(name) or ():
            if item is None:
                decoder.report(
                    f"empty or null item in {name}, on which Prometheus crashes", found.null_in(name), promtool=None
                )
            elif not item.get(inner):
                decoder.report(message, item.node)
            else:
                continue
            return True
        return False

    return check


def _paths(message: str) -> Check:
    def check(decoder: Decoder, found: Struct) -> bool:
        for path in found["paths"]:
            if not path.startswith("/"):
                decoder.report(message + path, found.value_node("paths"))
                return True
        return False

    return check


def _unset(name: str, section: str) -> Check:
    """Return a check that reports nothing, but notes ``section`` as not judged if ``name`` is not set."""

    def check(decoder: Decoder, found: Struct) -> bool:
        if not found.get(name):
            not_judged(decoder, found.node, section)
        return False

    return check


def _unjudged(section: str) -> Check:
    def check(decoder: Decoder, found: Struct) -> bool:
        not_judged(decoder, found.node, section)
        return False

    return check


_HTTP_DEFAULTS = {"follow_redirects": True, "enable_http2": True}


def _own_client(found: Struct) -> bool:
    """Return whether an HTTP client has any setting that is not the default."""
    for name in client_names().intersection(found):
        value = found[name]
        if isinstance(value, Struct):
            if name != "tls_config" or any(value.values()):
                return True
        elif value != _HTTP_DEFAULTS.get(name) and (value or name in _HTTP_DEFAULTS):
            return True
    return False


_KUBERNETES_CLIENT = "to use custom HTTP client configuration please provide the 'api_server' URL explicitly"
_SELECTORS = {
    "pod": ("pod",),
    "service": ("service",),
    "endpointslice": ("pod", "service", "endpointslice"),
    "endpoints": ("pod", "service", "endpoints"),
    "node": ("node",),
    "ingress": ("ingress",),
}


def _kubernetes(decoder: Decoder, found: Struct) -> bool:
    """Check what goes together in ``kubernetes_sd_configs``."""
    server, file = found.get("api_server") is not None, bool(found.get("kubeconfig_file"))
    own = bool(value_of(found, "namespaces.own_namespace"))
    message, key = "", "kubeconfig_file"
    if server and file:
        message = "cannot use 'kubeconfig_file' and 'api_server' simultaneously"
    elif file and _own_client(found):
        message = "cannot use a custom HTTP client configuration together with 'kubeconfig_file'"
    elif not server and _own_client(found):
        message, key = _KUBERNETES_CLIENT, "api_server"
    elif server and own:
        message, key = "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously", "namespaces"
    elif file and own:
        message = "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously"
    if message:
        decoder.report(message, found.value_node(key))
    return bool(message)


def _selectors(decoder: Decoder, found: Struct) -> bool:
    """Check the roles of selectors; their own grammar is not judged."""
    role, seen = found["role"], set()
    allowed = _SELECTORS.get(role, ())
    if role == "pod" and reaches(decoder.version, "3.14"):
        allowed = ("pod", "node")
    for selector in found.get("selectors") or ():
        its_role = selector.get("role") or "" if selector is not None else ""
        message = ""
        if its_role in seen:
            message = f"duplicated selector role: {its_role}"
        elif not allowed:  # "null" in quotes, which yaml.v2 does not show to the type
            roles = "pod, service, endpoints, endpointslice, node or ingress"
            message = f"invalid role: {quote(role)}, expecting one of: {roles}"
        elif its_role not in allowed:
            message = f"{role} role supports only {', '.join(allowed)} selectors"
        if message:
            decoder.report(message, found.value_node("selectors"))
            return True
        seen.add(its_role)
        if selector is not None and (selector.get("field") or selector.get("label")):
            not_judged(decoder, found.value_node("selectors"), "kubernetes_sd_configs.selectors")
    return False


def _dns(decoder: Decoder, found: Struct) -> bool:
    kind = found.get("type", "SRV")
    key, message = "type", ""
    if not found.get("names"):
        key, message = "names", "DNS-SD config must contain at least one SRV record name"
    elif kind.upper() not in ("SRV", "A", "AAAA", "MX", "NS") or (kind.upper() == "NS" and decoder.version == "2.42"):
        message = f"invalid DNS-SD records type {kind}"
    elif kind.upper() != "SRV" and not found.get("port"):
        message = "a port is required in DNS-SD configs for all record types except SRV"
    if message:
        decoder.report(message, found.value_node(key))
    return bool(message)


_FILE_NAME = r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)\Z"


def _files(decoder: Decoder, found: Struct) -> bool:
    names = found.get("files") or ()
    if not names:
        decoder.report("file service discovery config must contain at least one path name", found.value_node("files"))
        return True
    reported = False
    for name, node in zip(names, found.value_node("files").value, strict=False):
        if not re.match(_FILE_NAME, name, re.DOTALL):
            decoder.report(f"path name {quote(name)} is not valid for file discovery", node)
            reported = True
    return reported


def _compartments(decoder: Decoder, found: Struct) -> bool:
    for index, name in enumerate(found.get("compartments") or ()):
        if not name:
            decoder.report(f"oci_sd: compartments[{index}] must not be empty", found.value_node("compartments"))
            return True
    return False


def _oci(decoder: Decoder, found: Struct) -> bool:
    """Check ``oci_sd_configs`` by its way to authenticate."""
    own = ("tenancy", "user", "fingerprint", "key_file")
    if found.get("auth", "api_key") == "api_key":
        asked = [need(name, f"oci_sd: api_key auth requires {name}") for name in own]
        asked.append(
            apart(
                "key_passphrase",
                "key_passphrase_file",
                "oci_sd: at most one of key_passphrase and key_passphrase_file must be configured",
            )
        )
        return any(one(decoder, found) for one in asked)
    given = [name for name in (*own, "key_passphrase", "key_passphrase_file") if found.get(name)]
    if given:
        decoder.report(
            "oci_sd: instance_principal auth must not have tenancy, user, fingerprint, key_file, key_passphrase, "
            "or key_passphrase_file set",
            found.value_node(given[0]),
        )
    return bool(given)


def _azure_kind(decoder: Decoder, found: Struct) -> bool:
    """Check how ``azure_sd_configs`` authenticates."""
    kinds = ["OAuth", "ManagedIdentity"]
    if reaches(decoder.version, "2.53"):
        kinds.append("SDK")
    if reaches(decoder.version, "3.14"):
        kinds.append("WorkloadIdentity")
    given = found.get("authentication_method", "OAuth")
    if given in kinds:
        return False
    quoted = [quote(kind) for kind in kinds]
    decoder.report(
        f"unknown authentication_type {quote(given)}. Supported types are {', '.join(quoted[:-1])} or {quoted[-1]}",
        found.value_node("authentication_method"),
    )
    return True


def _azure_oauth(decoder: Decoder, found: Struct) -> bool:
    if found.get("authentication_method", "OAuth") != "OAuth":
        return False
    names = ("tenant_id", "client_id", "client_secret")
    return any(need(name, f"azure SD configuration requires a {name}")(decoder, found) for name in names)


def _stackit(decoder: Decoder, found: Struct) -> bool:
    if found.get("endpoint") or found.get("region", "eu01"):
        return False
    decoder.report("stackit_sd: endpoint and region missing", found.value_node("region"))
    return True


_ANY_TOKEN = "auth_token|auth_token_file"
_SECRETS = (
    need("secret_key|secret_key_file", "one of secret_key & secret_key_file must be configured"),
    apart("secret_key", "secret_key_file", "at most one of secret_key & secret_key_file must be configured"),
)
_TASKS = of("services", "nodes", "tasks")

DISCOVERY_CHECKS: dict[str, tuple[Check, ...]] = {
    "aws.EC2SDConfig": (
        before("3.10", _unset("region", "ec2_sd_configs without a region")),
        _each_with("filters", "values", "EC2 SD configuration filter values cannot be empty"),
        since("2.53", check_client),
    ),
    "aws.ECSSDConfig": (check_client,),
    "aws.ElasticacheSDConfig": (check_client,),
    "aws.LightsailSDConfig": (before("3.10", _unset("region", "lightsail_sd_configs without a region")), check_client),
    "aws.MSKSDConfig": (check_client,),
    "aws.RDSSDConfig": (check_client,),
    "aws.SDConfig": (need("role", 'unknown AWS SD role ""'),),
    "azure.SDConfig": (
        need("subscription_id", "azure SD configuration requires a subscription_id"),
        _azure_oauth,
        _azure_kind,
        since("2.53", check_client),
    ),
    "consul.SDConfig": (
        need("server", "consul SD configuration requires a server address", "localhost:8500", blank=False),
        apart(
            "username|password",
            "basic_auth",
            "at most one of consul SD configuration username and password and basic auth can be configured",
        ),
        apart(
            "token",
            "authorization|oauth2",
            "at most one of consul SD token, authorization, or oauth2 can be configured",
        ),
        check_client,
    ),
    "digitalocean.SDConfig": (check_client,),
    "dns.SDConfig": (_dns,),
    "eureka.SDConfig": (
        need("server", "eureka_sd: empty or null eureka server"),
        a_url("server", host="eureka_sd: invalid eureka server URL"),
        check_client,
    ),
    "file.SDConfig": (_files,),
    "gce.SDConfig": (
        need("project", "GCE SD configuration requires a project"),
        need("zone", "GCE SD configuration requires a zone"),
    ),
    "hetzner.SDConfig": (need("role", "role missing (one of: robot, hcloud)"), check_client),
    "http.SDConfig": (
        need("url", "URL is missing"),
        a_url("url", scheme="URL scheme must be 'http' or 'https'", host="host is missing in URL"),
        since("2.53", check_client),
    ),
    "ionos.SDConfig": (need("datacenter_id", "datacenter id can't be empty"), check_client),
    "kubernetes.SDConfig": (
        need("role", "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)"),
        check_client,
        _kubernetes,
        _selectors,
    ),
    "linode.SDConfig": (check_client,),
    "marathon.SDConfig": (
        need("servers", "marathon_sd: must contain at least one Marathon server"),
        apart(
            "auth_token",
            "auth_token_file",
            "marathon_sd: at most one of auth_token & auth_token_file must be configured",
        ),
        apart(
            _ANY_TOKEN,
            "basic_auth",
            "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured",
        ),
        apart(
            _ANY_TOKEN,
            "bearer_token|bearer_token_file",
            "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & auth_token_file must be "
            "configured",
        ),
        apart(
            _ANY_TOKEN,
            "authorization",
            "marathon_sd: at most one of auth_token, auth_token_file & authorization must be configured",
        ),
        check_client,
    ),
    "moby.DockerSDConfig": (need("host", "host missing"), a_url("host"), check_client),
    "moby.DockerSwarmSDConfig": (
        need("host", "host missing"),
        a_url("host"),
        need("role", "role missing (one of: tasks, services, nodes)"),
        one_of("role", _TASKS, "invalid role {text}, expected tasks, services, or nodes"),
        check_client,
    ),
    "nomad.SDConfig": (
        need("server", "nomad SD configuration requires a server address", "http://localhost:4646", blank=False),
        check_client,
    ),
    "oci.SDConfig": (
        need("region", "oci_sd: region is required"),
        one_of(
            "auth",
            of("api_key", "instance_principal"),
            'oci_sd: unknown auth method {quoted}, expected "api_key" or "instance_principal"',
            "api_key",
        ),
        _oci,
        _compartments,
        need("refresh_interval", "oci_sd: refresh_interval must be positive, got 0s", 60.0),
        check_client,
    ),
    "openstack.SDConfig": (
        one_of(
            "availability",
            of("public", "internal", "admin"),
            "unknown availability {text}, must be one of admin, internal or public",
            "public",
        ),
        before("3.2", need("role", "role missing (one of: instance, hypervisor)")),
        need("role", "role missing (one of: instance, hypervisor, loadbalancer)"),
        need("region", "openstack SD configuration requires a region"),
    ),
    "outscale.SDConfig": (
        need("region", "outscale SD configuration requires a region"),
        need("access_key", "outscale SD configuration requires access_key"),
        *_SECRETS,
        check_client,
    ),
    "ovhcloud.SDConfig": (
        need("endpoint", "endpoint can not be empty", "ovh-eu"),
        need("application_key", "application key can not be empty"),
        need("application_secret", "application secret can not be empty"),
        need("consumer_key", "consumer key can not be empty"),
        one_of("service", of("dedicated_server", "vps"), "unknown service: {text}"),
    ),
    "puppetdb.SDConfig": (
        need("url", "URL is missing"),
        a_url("url", scheme="URL scheme must be 'http' or 'https'", host="host is missing in URL"),
        need("query", "query missing"),
        since("2.53", check_client),
    ),
    "scaleway.SDConfig": (
        need("role", "role missing (one of: instance, baremetal)"),
        need("project_id", "project_id is mandatory"),
        *_SECRETS,
        need("access_key", "access_key is mandatory"),
        _unjudged("scaleway_sd_configs: credentials"),
        check_client,
    ),
    "stackit.SDConfig": (
        _stackit,
        a_url("endpoint", "stackit_sd: invalid endpoint {quoted}: "),
        check_client,
    ),
    "triton.SDConfig": (
        one_of(
            "role",
            of("container", "cn"),
            "triton SD configuration requires role to be 'container' or 'cn'",
            "container",
        ),
        need("account", "triton SD configuration requires an account"),
        need("dns_suffix", "triton SD configuration requires a dns_suffix"),
        need("endpoint", "triton SD configuration requires an endpoint"),
        need("refresh_interval", "triton SD configuration requires RefreshInterval to be a positive integer", 60.0),
    ),
    "uyuni.SDConfig": (
        need("server", "Uyuni SD configuration requires server host"),
        a_url("server", "Uyuni Server URL is not valid: "),
        need("username", "Uyuni SD configuration requires a username"),
        need("password", "Uyuni SD configuration requires a password"),
        since("2.53", check_client),
    ),
    "vultr.SDConfig": (check_client,),
    "xds.SDConfig": (
        need("server", "kuma SD server must not be empty: "),
        a_url("server", host="kuma SD server must not be empty and have a scheme: {text}"),
        check_client,
    ),
    "zookeeper.NerveSDConfig": (
        need("servers", "nerve SD config must contain at least one Zookeeper server"),
        need("paths", "nerve SD config must contain at least one path"),
        _paths("nerve SD config paths must begin with '/': "),
    ),
    "zookeeper.ServersetSDConfig": (
        need("servers", "serverset SD config must contain at least one Zookeeper server"),
        need("paths", "serverset SD config must contain at least one path"),
        _paths("serverset SD config paths must begin with '/': "),
    ),
}
"""The checks of each service discovery, by the Go name of its struct."""
