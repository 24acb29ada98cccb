from __future__ import annotations

import pkgutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# What the tests share compares, too: its failures show both sides only if pytest has rewritten its assertions.
pytest.register_assert_rewrite(
    *(f"tests.{module.name}" for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Paths of a certificate for 127.0.0.1, its chain included, and of its key; the certificate's CA stands beside."""
    import trustme

    directory: Path = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    chain = directory / "cert.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key = directory / "key.pem"
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(directory / "ca.pem")
    return str(chain), str(key)


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """As pytest's own; the runs it starts keep the order of their tests where that of this run is shuffled."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:randomly -p no:hypothesispytest")
    return pytester
