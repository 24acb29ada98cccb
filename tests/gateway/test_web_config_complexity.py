"""A web configuration is read in a time that grows no faster than the file: doubled inputs, counted work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
import yaml

from pytest_pushgateway.gateway.app.access.web_config_file import WebConfigError, read
from tests.work import assert_linear

pytestmark = pytest.mark.once

HASH = "$2y$10$" + "a" * 53

FILES: dict[str, Callable[[int], str]] = {
    "users": lambda size: "basic_auth_users:\n" + "".join(f"  u{number}: {HASH}\n" for number in range(size)),
    "one user many times": lambda size: "basic_auth_users:\n" + f"  u: {HASH}\n" * size,
    "an alias many times": lambda size: (
        f"basic_auth_users:\n  u: &a {HASH}\n" + "".join(f"  u{number}: *a\n" for number in range(size))
    ),
    "unknown fields": lambda size: "".join(f"x{number}: 1\n" for number in range(size)),
    "values of the wrong type": lambda size: (
        "basic_auth_users:\n" + "".join(f"  u{number}: [1]\n" for number in range(size))
    ),
    "ciphers": lambda size: "tls_server_config:\n  cipher_suites:\n" + "    - TLS_AES_128_GCM_SHA256\n" * size,
    "unknown ciphers": lambda size: "tls_server_config:\n  cipher_suites:\n" + "    - x\n" * size,
    "deep": lambda size: "a: " + "[" * size + "]" * size,
    "a long value": lambda size: (
        "http_server_config:\n  headers:\n    Content-Security-Policy: " + "a b;" * size + "\n"
    ),
    "a long duration": lambda size: "rate_limit:\n  interval: " + "1h" * size + "\n",
    "a long number": lambda size: "rate_limit:\n  burst: " + "1" * size + "\n",
    "a long hash": lambda size: "basic_auth_users:\n  u: " + HASH * size + "\n",
    "many documents": lambda size: "rate_limit: {}\n---\n" * size,
    "comments and blank lines": lambda size: "# x\n\n" * size,
    "line ends in quotes": lambda size: 'basic_auth_users: {u: "' + "\\\n\n" * size + '"}',
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str) -> None:
    if name == "deep" and not yaml.__with_libyaml__:
        pytest.skip("PyYAML without libyaml looks at each bracket of the last 1,024 characters again")
    file = FILES[name]

    def prepare(size: int) -> Callable[[], object]:
        content = file(size).encode()

        def action() -> None:
            with suppress(WebConfigError):
                read(content)

        return action

    assert_linear(prepare, 300)
