"""Web configuration files, good and bad, and ways to spoil them."""

from __future__ import annotations

import random

_HASH = b"$2b$04$" + b"a" * 53
CONFIGURATIONS = [
    b"",
    b"basic_auth_users:\n  anne: " + _HASH + b"\n  'bob b': \"" + _HASH + b'"\n',
    b"http_server_config:\n  http2: false\n  headers:\n"
    b"    X-Frame-Options: deny\n    X-XSS-Protection: |\n      1\n      2\n",
    b"rate_limit: {interval: 1m30s, burst: 5}\n",
    b"tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_auth_type: RequestClientCert\n",
    b"tls_server_config:\n  cert: |\n"
    b"    -----BEGIN CERTIFICATE-----\n    AAAA\n    -----END CERTIFICATE-----\n  key: abc\n",
    b"tls_server_config:\n  cert: a\n  key: b\n  min_version: TLS12\n  max_version: TLS13\n"
    b"  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  curve_preferences:\n    - X25519\n  client_allowed_sans: [a.test]\n"
    b"  prefer_server_cipher_suites: true\n",
    b"# a comment\n---\nrate_limit: &anchor\n  burst: 0x10\nhttp_server_config: *anchor\n...\n",
    b"basic_auth_users: !!map {? a : b, <<: {c: d}}\n",
    b"%YAML 1.1\n---\n- a\n- [b, {c: d}]\n",
    b"\xff\xfer\x00a\x00t\x00e\x00",
]
_PIECES = [
    *[bytes([byte]) for byte in b"\0\t\n\r !\"#%&'*,-./0:<=>?@[]{|}~\x7f\x80\xff"],
    *[
        b": ",
        b"- ",
        b"\n  ",
        b"\n---\n",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!binary ",
        b"!!float ",
        b"null",
        b"~",
        b"true",
        b"0x",
    ],
    *[
        b"1e999",
        b"2001-01-01",
        b"9" * 40,
        b"$2b$31$",
        b"tls_server_config:",
        b"rate_limit:",
        b"interval: ",
        b"-1h",
        b"NaN",
    ],
    *[
        "é\u2028".encode(),
        b"\xed\xa0\x80",
        b"\\x",
        b"\\ud800",
        b"[" * 200,
        b"{a: " * 200,
        b"-----BEGIN CERTIFICATE-----",
    ],
]


def mutated_configuration(randomness: random.Random) -> bytes:
    """Join one or two configurations and change a few places."""
    content = b"".join(randomness.choices(CONFIGURATIONS, k=randomness.choice([1, 1, 2])))
    for _ in range(randomness.choice([1, 1, 2, 3, 5])):
        at = randomness.randrange(len(content) + 1)
        to = min(len(content), at + randomness.choice([0, 0, 1, 1, 2, 9]))
        content = content[:at] + randomness.choice([b"", randomness.choice(_PIECES)]) + content[to:]
    return content
