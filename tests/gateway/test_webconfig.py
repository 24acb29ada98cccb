"""``--web.config.file``: what the original refuses is refused in its words; users, headers, TLS, reading it again."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import bcrypt
import freezegun
import pytest
import trustme

from pytest_pushgateway.gateway.app.access.web_config import WebConfig
from pytest_pushgateway.gateway.gateway import Gateway
from pytest_pushgateway.gateway.log import silent
from pytest_pushgateway.golang.duration import format_duration
from tests import peers, wire
from tests.systems import needs_libyaml

Start = Callable[..., Gateway]

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
HASH = "QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"

REFUSED = {
    "unknown key": "foo: 1",
    "unknown keys below": "tls_server_config:\n  foo: 1\n  bar: 2",
    "key twice": TLS + "  cert_file: server.pem",
    "section twice": "http_server_config: {}\nhttp_server_config: {}",
    "user twice": "basic_auth_users:\n  a: b\n  a: c",
    "list": "[]",
    "scalar": "foo",
    "long scalar": "foo bar baz qux",
    "section is a scalar": "tls_server_config: foo",
    "headers are a list": "http_server_config:\n  headers: [a]",
    "users are a list": "basic_auth_users: [a]",
    "hash is a list": "basic_auth_users:\n  a: [1]",
    "http2 is no boolean": "http_server_config:\n  http2: foo",
    "no key": "tls_server_config:\n  cert_file: server.pem",
    "no certificate": "tls_server_config:\n  key_file: server.key",
    "key without a certificate's text": "tls_server_config:\n  cert: foo\n  key: bar",
    "version": TLS + "  min_version: TLS14",
    "cipher": TLS + "  cipher_suites: [FOO]",
    "cipher that Go does not offer": TLS + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
    "curve": TLS + "  curve_preferences: [FOO]",
    "client auth": TLS + "  client_auth_type: Foo",
    "client CA without client auth": TLS + "  client_ca_file: ca.pem",
    "header that may not be set": "http_server_config:\n  headers:\n    X-Foo: bar",
    "header with another value": "http_server_config:\n  headers:\n    X-Frame-Options: bar",
    "password in plain": "basic_auth_users:\n  a: b",
    "hash without a dollar": f"basic_auth_users:\n  a: x2a$10${HASH}",
    "hash of another version": f"basic_auth_users:\n  a: $3a$10${HASH}",
    "hash that costs too little": f"basic_auth_users:\n  a: $2a$03${HASH}",
    "line of a syntax error": "x: 1\na: b: c",
    "boolean in quotes": 'http_server_config: {http2: "true"}',
    "boolean in odd letters": "http_server_config: {http2: tRue}",
    "number for a boolean": "http_server_config: {http2: 1}",
    "number beyond 64 bits": "rate_limit: {burst: 99999999999999999999}",
    "null in quotes": 'tls_server_config: "null"',
    "null header": "http_server_config: {headers: {X-Frame-Options: null}}",
    "merged key of another section": "http_server_config: &a {http2: true}\ntls_server_config:\n  <<: *a",
    "merge of a scalar": "tls_server_config: {<<: 1}",
    "merge of itself": "tls_server_config: &x {<<: *x}",
    "unknown anchor": "tls_server_config: {cert_file: *x}",
    "list as a key": "? [a]\n: b",
    "header twice": "http_server_config: {headers: {a: 1, a: 2}}",
    "other version of YAML": "%YAML 1.2\n---\na: 1",
    "bytes in base64": "tls_server_config: {cert_file: !!binary YQ==}",
    "empty hash": "basic_auth_users:\n  a: ",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an authority, a server's and a client's certificate and key, and an authority of strangers."""
    directory = tmp_path_factory.mktemp("tls")
    authority, strangers = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    for name, certificate in (
        ("server", authority.issue_cert("127.0.0.1")),
        ("client", authority.issue_cert("client.test", "client@test")),
        ("stranger", strangers.issue_cert("client.test")),
    ):
        certificate.private_key_pem.write_to_path(str(directory / f"{name}.key"))
        certificate.cert_chain_pems[0].write_to_path(str(directory / f"{name}.pem"))
    return directory


@pytest.fixture
def configured(start: Start, files: Path, tmp_path: Path) -> Callable[[str], Gateway]:
    def configured(text: str) -> Gateway:
        shutil.copytree(files, tmp_path, dirs_exist_ok=True)
        (tmp_path / "web.yml").write_text(text)
        return start(web_config_file=str(tmp_path / "web.yml"))

    return configured


def authorisation(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def trusting(files: Path, client: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files / "ca.pem"))
    if client is not None:
        context.load_cert_chain(files / f"{client}.pem", files / f"{client}.key")
    return context


def answers(gateway: Gateway, context: ssl.SSLContext) -> bool:
    """Return whether a request over TLS gets its answer."""
    try:
        with (
            socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
        ):
            sock.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return sock.recv(100).startswith(b"HTTP/1.1 200 OK")
    except (OSError, RuntimeError):  # the second by PyPy's ssl, where the other side breaks off
        return False


@pytest.mark.conformance
@pytest.mark.parametrize("name", REFUSED)
def test_rejections_use_the_words_of_the_original(files: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    (tmp_path / "web.yml").write_text(REFUSED[name])
    command = [str(peers.pushgateway_binary()), "--persistence.file=", "--web.listen-address=127.0.0.1:0"]
    theirs = subprocess.run(
        [*command, "--web.config.file=web.yml"], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    told = re.search(r'msg="HTTP server stopped" err="((?:[^"\\]|\\.)*)"$', theirs.stderr, re.MULTILINE)
    if told is None:
        told = re.search(r'msg="HTTP server stopped" err=(\S+)$', theirs.stderr, re.MULTILINE)
    assert told, theirs.stderr
    with pytest.raises(ValueError, match=r".+") as caught:
        WebConfig(str(tmp_path / "web.yml"), silent)
    assert str(caught.value) == told[1].replace("\\n", "\n").replace('\\"', '"')


SPELLINGS = [
    *[
        "burst: 0x10",
        "burst: 1_000",
        "burst: 5.0",
        "burst: 5.5",
        "burst: 1e3",
        'burst: "5"',
        "burst: 010",
        "burst: 0o10",
    ],
    *["burst: 0b11", "burst: +5", "burst: -5", "burst: yes", "burst: ~", "burst: !!float 5", 'burst: !!int "5"'],
    *["burst: 2001-01-01", "burst: !!binary NQ==", "burst: 3, burst: 4", "Burst: 3", "1: 2", "burst: [1]"],
    *["interval: 1000000000", "interval: 1.5", "interval: 1e9", "interval: 0x10", 'interval: "1000"', "interval: 1_0s"],
    *["interval: -1s", "interval: 1d", "interval: ", "interval: true", "interval: [1s]", 'interval: ""', "interval: 0"],
    *["interval: 1h1m1.5s", "interval: 100ns", "interval: !!binary MXM=", "interval: ~", "interval: 1s, interval: 2s"],
    *["<<: {burst: 3}, burst: 4", "burst: 4, <<: {burst: 3}", "<<: [{burst: 3}, {interval: 2s, burst: 5}]", "<<: 5"],
    *['"<<": {burst: 3}', "<<: {burst: x}", "<<: [{burst: 3}, 5]", "<<: ~", "<<: {nope: 1}"],
]
"""What may stand in a rate limit; a valid interval is put before what has none."""
SPELT = [
    *("rate_limit: {%s}" % (text if "interval" in text else f"interval: 1s, {text}") for text in SPELLINGS),
    *[f"http_server_config: {{http2: {value}}}" for value in ("yes", "yEs", "on", "y", "~", "no", "tRUE", "1", "[]")],
    *["http_server_config: {headers: {Strict-Transport-Security: 5}}", "http_server_config: {headers: [a]}"],
    *[
        "http_server_config: ~",
        'http_server_config: ""',
        "<<: {rate_limit: {burst: 3, interval: 1s}}",
        "[]",
        "5",
        "~",
        "",
    ],
    *["rate_limit: &a {burst: 3, interval: 1s}\nhttp_server_config: {<<: *a}", "---\n---\nnonsense: 1"],
    *["tls_server_config: {min_version: tls12}", "tls_server_config: {min_version: 12}"],
    *["tls_server_config: {min_version: ~}", "tls_server_config: {min_version: [1]}"],
    *["tls_server_config: {cipher_suites: [TLS_AES_128_GCM_SHA256, x]}", "tls_server_config: {cipher_suites: x}"],
    *["tls_server_config: {curve_preferences: [X25519, ~, y]}", "tls_server_config: {client_allowed_sans: [1, [2]]}"],
    *["basic_auth_users: {~: x}", "basic_auth_users: {[a]: x}", "nonsense: 1\nrate_limit: {burst: x}"],
]


@pytest.mark.conformance
@pytest.mark.parametrize("text", SPELT)
def test_every_spelling_is_read_like_the_original(tmp_path: Path, text: str) -> None:
    path = tmp_path / "web.yml"
    path.write_text(text + "\n")
    command = [str(peers.pushgateway_binary()), "--persistence.file=", "--web.listen-address=127.0.0.1:0"]
    process = subprocess.Popen([*command, f"--web.config.file={path}"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        if "TLS is" in line:
            process.terminate()
        found = re.search(r'(?:stopped" err=|Rate Limiter is enabled\." )(.*)$', line)
        told = told or (found[1] if found else "")
    process.wait()
    process.stderr.close()
    assert _meaning(path) == told.strip('"').replace("\\n", "\n").replace('\\"', '"')


def _meaning(path: Path) -> str:
    """Return the rate limit as the original logs it, or why the file is refused; nothing without a rate limit."""
    try:
        rate = WebConfig(str(path), silent).rate
    except ValueError as refused:
        return str(refused)
    return "" if rate is None else f"burst={rate[1]} interval={format_duration(rate[0])}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a: b: c", "yaml: mapping values are not allowed in this context", marks=needs_libyaml),
        pytest.param(
            "x: 1\na: b: c", "yaml: line 2: mapping values are not allowed in this context", marks=needs_libyaml
        ),
        ('"open', "yaml: found unexpected end of stream"),
        ("\x01", "yaml: "),
        (TLS + "  client_auth_type: RequireAnyClientCert", "client_auth_type RequireAnyClientCert is not supported"),
        ("tls_server_config: {cert_file: nope, key_file: nope}", "failed to read cert_file (nope): open nope: no such"),
        (TLS.replace("server.key", "server.pem"), "failed to load X509KeyPair: "),
        (TLS.replace("server.key", "web.yml"), "failed to load X509KeyPair: tls: failed to find any PEM data in key"),
        (TLS + "  client_ca_file: nope\n  client_auth_type: RequireAndVerifyClientCert", "open nope: no such file"),
        ("rate_limit: {burst: x}", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `x` into int"),
    ],
)
def test_other_rejections(
    files: Path, tmp_path: Path, text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Path("web.yml").write_text(text)
    with pytest.raises(ValueError, match=re.escape(problem)):
        WebConfig("web.yml", silent)


@pytest.mark.parametrize(
    "deep", ["[" * 200_000, "[{" * 90_000, "{a: " * 200_000, "- " * 200_000, "\n" * 999 + "? " * 200_000]
)
def test_deep_nesting_is_rejected(tmp_path: Path, deep: str) -> None:
    path = tmp_path / "web.yml"
    path.write_text(deep)
    with pytest.raises(ValueError, match=r"^yaml: line \d+: exceeded max depth of 200$"):
        WebConfig(str(path), silent)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no device without an end")
def test_endless_file() -> None:
    with pytest.raises(ValueError, match=r"^read /dev/zero: more than 8388608 bytes; name a file$"):
        WebConfig("/dev/zero", silent)


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"open .*nope: no such file or directory"):
        WebConfig(str(tmp_path / "nope"), silent)
    with pytest.raises(ValueError, match=r"read .*: is a directory"):
        WebConfig(str(tmp_path), silent)


@pytest.mark.parametrize("text", ["", "tls_server_config:\n", "http_server_config: {http2: false}\n", "# nothing\n"])
def test_nothing_asked_for(configured: Callable[[str], Gateway], text: str) -> None:
    gateway = configured(text)
    assert gateway.scheme == "http"
    assert wire.request(gateway.port, "GET", "/-/healthy").status == 200


def test_users(configured: Callable[[str], Gateway]) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    gateway = configured(f"basic_auth_users:\n  anne: {hashed}\n")
    for _ in range(2):  # the second time from what is remembered
        assert wire.request(gateway.port, "GET", "/-/healthy").status == 401
        for user, password, status in (
            ("anne", "secret", 200),
            ("anne", "wrong", 401),
            ("eve", "secret", 401),
            ("anne", "secret\0", 401),
            ("anne", "x" * 100, 401),
        ):
            headers = authorisation(user, password)
            assert wire.request(gateway.port, "GET", "/-/healthy", headers=headers).status == status, (user, password)
    refused = wire.request(gateway.port, "PUT", "/metrics/job/a", b"a 1\n")
    assert (refused.status, refused.body) == (401, b"Unauthorized\n")
    assert refused.headers["WWW-Authenticate"] == "Basic"
    assert gateway.store.groups() == []


def test_verdicts_are_forgotten_one_by_one(configured: Callable[[str], Gateway]) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    gateway = configured(f"basic_auth_users:\n  anne: {hashed}\n")
    for number in range(110):
        headers = authorisation("anne", str(number))
        assert wire.request(gateway.port, "GET", "/-/healthy", headers=headers).status == 401
    assert wire.request(gateway.port, "GET", "/-/healthy", headers=authorisation("anne", "secret")).status == 200


def test_users_without_bcrypt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    (tmp_path / "web.yml").write_text(f"basic_auth_users:\n  anne: $2a$10${HASH}\n")
    with pytest.raises(ValueError, match=re.escape("install pytest-pushgateway[auth]")):
        WebConfig(str(tmp_path / "web.yml"), silent)


def test_headers(configured: Callable[[str], Gateway]) -> None:
    gateway = configured(
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
        '    Strict-Transport-Security: "max-age=1\\r\\nX-Injected: 1"\n'
    )
    for target in ("/-/healthy", "/nothing", "/metrics/"):
        response = wire.request(gateway.port, "GET", target)
        assert response.headers["X-Frame-Options"] == "deny"
        assert response.headers["X-Injected"] is None


def test_rate_limit_follows_steady_clock(configured: Callable[[str], Gateway]) -> None:
    gateway = configured("rate_limit: {burst: 1, interval: 1ms}")
    with freezegun.freeze_time("2020-01-01"):
        for _ in range(3):
            wire.wait_until(lambda: wire.request(gateway.port, "GET", "/-/healthy").status == 200)


def test_negative_interval_admits_all(configured: Callable[[str], Gateway]) -> None:
    gateway = configured("rate_limit: {burst: 0, interval: -1s}")
    assert [wire.request(gateway.port, "GET", "/-/healthy").status for _ in range(3)] == [200] * 3


def test_aliases_that_are_nearly_all_of_the_work_are_refused(tmp_path: Path) -> None:
    levels = ["x0: &x0 {a: b}"] + [f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 10)}]}}" for n in range(1, 9)]
    path = tmp_path / "web.yml"
    path.write_text("\n".join(["basic_auth_users:", *(f"  k{line}" for line in levels), "  <<: *x8", ""]))
    with pytest.raises(ValueError, match=r"^yaml: document contains excessive aliasing$"):
        WebConfig(str(path), silent)


def test_rate_limiting(configured: Callable[[str], Gateway]) -> None:
    gateway = configured("rate_limit:\n  burst: 2\n  interval: 1h\n")
    assert [wire.request(gateway.port, "GET", "/-/healthy").status for _ in range(3)] == [200, 200, 429]


def test_file_is_read_again(configured: Callable[[str], Gateway], tmp_path: Path) -> None:
    gateway = configured("")
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    for text, status in (
        (f"basic_auth_users:\n  anne: {hashed}\n", 401),
        ("{", 500),
        ("http_server_config: {}\n", 200),
    ):
        (tmp_path / "web.yml").write_text(text)
        assert wire.request(gateway.port, "GET", "/-/healthy").status == status
    (tmp_path / "web.yml").unlink()
    assert wire.request(gateway.port, "GET", "/-/healthy").status == 500


def test_tls(configured: Callable[[str], Gateway], files: Path, tmp_path: Path) -> None:
    gateway = configured(TLS)
    assert gateway.scheme == "https"
    assert answers(gateway, trusting(files))
    # The certificate may change, and so may the file; what is broken refuses handshakes until it is mended.
    shutil.copy(files / "stranger.pem", tmp_path / "server.pem")
    assert not answers(gateway, trusting(files))
    shutil.copy(files / "server.pem", tmp_path / "server.pem")
    assert answers(gateway, trusting(files))
    (tmp_path / "web.yml").write_text("")
    assert not answers(gateway, trusting(files))


def test_inline_certificate_and_key(configured: Callable[[str], Gateway], files: Path) -> None:
    def inline(path: Path) -> str:
        return "|\n" + "".join(f"    {line}\n" for line in path.read_text().splitlines())

    text = f"tls_server_config:\n  cert: {inline(files / 'server.pem')}  key: {inline(files / 'server.key')}"
    assert answers(configured(text), trusting(files))


@pytest.mark.parametrize(
    ("auth", "nobody", "client", "stranger"),
    [
        ("NoClientCert", True, True, True),
        ("RequestClientCert", True, True, True),
        ("VerifyClientCertIfGiven", True, True, False),
        ("RequireAndVerifyClientCert", False, True, False),
    ],
)
def test_client_certificates(
    configured: Callable[[str], Gateway], files: Path, auth: str, nobody: bool, client: bool, stranger: bool
) -> None:
    authority = "" if auth == "NoClientCert" else "  client_ca_file: ca.pem\n"
    gateway = configured(TLS + authority + f"  client_auth_type: {auth}\n")
    assert answers(gateway, trusting(files)) is nobody
    assert answers(gateway, trusting(files, "client")) is client
    assert answers(gateway, trusting(files, "stranger")) is stranger


@pytest.mark.parametrize(("name", "accepted"), [("client.test", True), ("client@test", True), ("other", False)])
def test_allowed_names(configured: Callable[[str], Gateway], files: Path, name: str, accepted: bool) -> None:
    gateway = configured(
        TLS + "  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n"
        f"  client_allowed_sans: ['{name}']\n"
    )
    assert answers(gateway, trusting(files, "client")) is accepted


def test_versions_ciphers_and_curves(configured: Callable[[str], Gateway], files: Path) -> None:
    gateway = configured(
        TLS + "  min_version: TLS12\n  max_version: TLS12\n  curve_preferences: [CurveP256]\n"
        "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,"
        " TLS_AES_128_GCM_SHA256]\n"
    )
    newer = trusting(files)
    newer.minimum_version = ssl.TLSVersion.TLSv1_3
    assert not answers(gateway, newer)
    other = trusting(files)
    other.set_ciphers("ECDHE+CHACHA20")
    other.maximum_version = ssl.TLSVersion.TLSv1_2
    assert not answers(gateway, other)
    assert answers(gateway, trusting(files))


def test_certificate_authorities_of_the_system(configured: Callable[[str], Gateway], files: Path) -> None:
    gateway = configured(TLS + "  client_auth_type: RequireAndVerifyClientCert\n")
    assert not answers(gateway, trusting(files, "client"))


def test_plain_settings(start: Start, files: Path) -> None:
    gateway = start(
        tls=(str(files / "server.pem"), str(files / "server.key")),
        basic_auth=("anne", "s\xe9cret"),
    )
    context = trusting(files)
    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        for headers, status in (
            ({}, b"401"),
            (authorisation("anne", "s\xe9cret"), b"200"),
            (authorisation("anne", "x"), b"401"),
            (authorisation("eve", "s\xe9cret"), b"401"),
            ({"Authorization": "Bearer x"}, b"401"),
            ({"Authorization": "Basic !"}, b"401"),
            ({"Authorization": "Basic " + b64encode(b"anne").decode()}, b"401"),
        ):
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            sock.sendall(f"GET /-/healthy HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
            assert sock.recv(65536)[9:12] == status


def test_own_ssl_context(start: Start, files: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "server.pem", files / "server.key")
    assert answers(start(tls=context), trusting(files))
