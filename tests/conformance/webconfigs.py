"""Files for ``--web.config.file``: certificates from a throw-away authority and the configurations that name them."""

from __future__ import annotations

import base64
import functools
import ssl
from pathlib import Path

import bcrypt
import trustme

USER, PASSWORD = "anne", "correct horse"
AUTHORISED = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}

_TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
_HEADERS = (
    "http_server_config:\n  headers:\n"
    "    X-Frame-Options: deny\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1; mode=block\n"
    "    Strict-Transport-Security: max-age=31536000\n    Content-Security-Policy: default-src 'self'\n"
)


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def _certificates() -> dict[str, tuple[bytes, bytes]]:
    stranger = trustme.CA()
    issued = {
        "server": _authority().issue_cert("127.0.0.1", "localhost"),
        "client": _authority().issue_cert("client@example.org"),
        "stranger": stranger.issue_cert("stranger@example.org"),
    }
    return {
        name: (
            b"".join(blob.bytes() for blob in certificate.cert_chain_pems),
            certificate.private_key_pem.bytes(),
        )
        for name, certificate in issued.items()
    }


@functools.cache
def _files() -> dict[str, bytes]:
    files = {"ca.pem": _authority().cert_pem.bytes()}
    for name, pair in _certificates().items():
        files[f"{name}.pem"], files[f"{name}.key"] = pair
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    auth = f"basic_auth_users:\n  {USER}: {hashed}\n  bob: {bcrypt.hashpw(b'bob', bcrypt.gensalt(4)).decode()}\n"
    client = "  client_ca_file: ca.pem\n  client_auth_type: "
    certificate, key = map(indent, _certificates()["server"])
    configurations = {
        "empty.yml": "",
        "auth.yml": auth,
        "headers.yml": _HEADERS,
        "tls.yml": _TLS,
        "tls_auth_headers.yml": _TLS + auth + _HEADERS,
        "tls13.yml": _TLS + "  min_version: TLS13\n",
        "mutual.yml": _TLS + client + "RequireAndVerifyClientCert\n",
        "verify_if_given.yml": _TLS + client + "VerifyClientCertIfGiven\n",
        "request_certificate.yml": _TLS + "  client_auth_type: RequestClientCert\n",
        "inline.yml": f"tls_server_config:\n  cert: |\n{certificate}\n  key: |\n{key}\n",
    }
    return files | {name: text.encode() for name, text in configurations.items()}


def indent(blob: bytes) -> str:
    return "\n".join("    " + line for line in blob.decode().splitlines())


def write(directory: Path) -> None:
    """Put every certificate and configuration into ``directory``, the same bytes for either program."""
    for name, content in _files().items():
        (directory / name).write_bytes(content)


def client_context(directory: Path, client: str = "", *, maximum: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Make a context that trusts the throw-away authority and presents the certificate named ``client``."""
    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    if client:
        context.load_cert_chain(directory / f"{client}.pem", directory / f"{client}.key")
    if maximum is not None:
        context.maximum_version = maximum
    return context
