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


NOT_EVERYWHERE = ("aioprometheus", "bcrypt", "cramjam", "trustme")
"""Packages without a release for PyPy or the free-threaded 3.13, which have environments of tox's all the same."""
MISSING = [name for name in NOT_EVERYWHERE if find_spec(name) is None]


LEFT_OUT = ("slow", "conformance", "package", "browser")
"""Markers of the tests that a plain `pytest` leaves out, so that it takes less than a minute. With -m, -k or a path
nothing is."""


WATCHING = ("usepdb", "collectonly", "showfixtures", "show_fixtures_per_test", "setupshow", "setuponly", "setupplan")
"""Options for looking at one process, which workers would hide."""


def is_plain(config: pytest.Config) -> bool:
    asked = config.option.markexpr or config.option.keyword
    return not asked and config.args_source is pytest.Config.ArgsSource.TESTPATHS


def left_out(config: pytest.Config) -> tuple[str, ...]:
    """Return the markers of tests that are not asked for, if that is all that chooses them."""
    if is_plain(config):
        return LEFT_OUT
    refused = re.fullmatch(r"not \w+( and not \w+)*", config.option.markexpr)
    return tuple(refused[0].removeprefix("not ").split(" and not ")) if refused else ()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at its options
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Spread a plain run over the processors, as -n auto does, unless somebody wants to watch it."""
    option = config.option
    watched = option.capture == "no" or any(getattr(option, name, False) for name in WATCHING)
    at_work = hasattr(config, "workerinput")
    if is_plain(config) and not watched and not at_work and getattr(option, "numprocesses", 0) is None:
        option.numprocesses, option.maxprocesses = "auto", option.maxprocesses or 4


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules that import a package which this interpreter lacks, or of which no test is asked for."""
    if collection_path.suffix != ".py":
        return None
    text = collection_path.read_text(encoding="utf-8")
    imports = rf"^(import|from) ({'|'.join(MISSING)})\b"
    if MISSING and re.search(imports, text, re.MULTILINE):
        return True
    marks = re.findall(r"\bmark\.(\w+)", " ".join(re.findall(r"^pytestmark = .*", text, re.MULTILINE)))
    asked = config.option.markexpr
    unmarked = asked in ("conformance", "package", "slow") and f"pytest.mark.{asked}" not in text
    return unmarked or any(mark in marks for mark in left_out(config)) or None


def pytest_report_header() -> list[str]:
    return [f"left out: tests that import {', '.join(MISSING)}, not installed here"] if MISSING else []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not is_plain(config):
        return
    refused = [item for item in items if any(map(item.get_closest_marker, LEFT_OUT))]
    config.hook.pytest_deselected(items=refused)
    items[:] = [item for item in items if item not in set(refused)]


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
