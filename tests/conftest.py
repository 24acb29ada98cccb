from __future__ import annotations

import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# What the tests share compares, too: its failures show both sides only if pytest has rewritten its assertions.
pytest.register_assert_rewrite(
    *(f"tests.{module.name}" for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
)


NOT_EVERYWHERE = ("aioprometheus", "bcrypt", "cramjam", "time_machine", "trustme")
"""Packages without a release for PyPy or the free-threaded 3.13, which have environments of tox's all the same."""
MISSING = [name for name in NOT_EVERYWHERE if find_spec(name) is None]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out modules that import a package which this interpreter lacks."""
    if not MISSING or collection_path.suffix != ".py":
        return None
    imports = rf"^(import|from) ({'|'.join(MISSING)})\b"
    return bool(re.search(imports, collection_path.read_text(encoding="utf-8"), re.MULTILINE)) or None


def pytest_report_header() -> list[str]:
    return [f"left out: tests that import {', '.join(MISSING)}, not installed here"] if MISSING else []


# What a plain `pytest` leaves out, so that it takes less than a minute. With -m, -k or a path nothing is.
LEFT_OUT = ("slow", "conformance", "package", "browser")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = config.option.markexpr or config.option.keyword
    if asked or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    left_out = [item for item in items if any(map(item.get_closest_marker, LEFT_OUT))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Paths of a certificate for 127.0.0.1, its chain included, and of its key; the certificate's CA stands beside."""
    trustme = pytest.importorskip("trustme", reason="trustme has no release for this Python")
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
