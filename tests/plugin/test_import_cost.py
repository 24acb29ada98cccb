"""What the installed but unused plugin costs: no import of anything heavy."""

from __future__ import annotations

import sys

import pytest

HEAVY = (
    "werkzeug",
    "prometheus_client",
    "yaml",
    "google.protobuf",
    "sqlite3",
    "ssl",
    "http.client",
    "pytest_pushgateway.harness",
    "pytest_pushgateway.gateway",
    "pytest_pushgateway.exposition",
    "pytest_pushgateway.prometheus",
)


def test_nothing_heavy_is_imported_until_a_fixture_is_used(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS")
    project.makeconftest(
        f"""
        import sys

        def pytest_unconfigure():
            print("LOADED", [name for name in {HEAVY!r} if name in sys.modules])
        """
    )
    project.makepyfile("def test_nothing(): pass\n\ndef test_fails(): assert 0\n")
    command = [sys.executable, "-m", "pytest", "-s"]
    # Newer Pythons and pytests load some of it themselves.
    bare = project.run(*command)
    with_plugin = project.run(*command, "-p", "pytest_pushgateway.plugin", "--pushgateway-port=0")

    with_plugin.assert_outcomes(passed=1, failed=1)
    (loaded,) = [line for line in with_plugin.outlines if line.startswith("LOADED")]
    assert loaded in bare.outlines


def test_the_package_itself_imports_nothing(project: pytest.Pytester) -> None:
    code = (
        "import sys; before = set(sys.modules); import pytest_pushgateway.warnings; "
        "new = sorted(name for name in set(sys.modules) - before if name.startswith('pytest_pushgateway')); print(new)"
    )
    result = project.run(sys.executable, "-c", code)

    assert result.outlines == ["['pytest_pushgateway', 'pytest_pushgateway._version', 'pytest_pushgateway.warnings']"]


def test_public_names_are_found_when_they_are_asked_for(project: pytest.Pytester) -> None:
    code = (
        "import pytest_pushgateway as p; "
        "assert all(getattr(p, name) is not None for name in p.__all__); assert dir(p) == sorted(p.__all__); "
        "print(p.Pushgateway.__module__)"
    )
    result = project.run(sys.executable, "-c", code)

    assert result.outlines == ["pytest_pushgateway.harness.pushgateway"]


def test_a_name_that_is_not_there() -> None:
    import pytest_pushgateway

    with pytest.raises(AttributeError, match="module 'pytest_pushgateway' has no attribute 'nonsense'"):
        pytest_pushgateway.nonsense  # noqa: B018


def test_the_unused_plugin_imports_its_settings_only(project: pytest.Pytester) -> None:
    code = (
        "import pytest, sys; before = set(sys.modules); import pytest_pushgateway.plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    result = project.run(sys.executable, "-c", code)
    own = ["", "._version", ".plugin", ".settings"]
    assert result.outlines == [str([f"pytest_pushgateway{name}" for name in own])]


NOT_FOR_A_PUSH = (
    "google.protobuf",
    "prometheus_client",
    "sqlite3",
    "werkzeug",
    "yaml",
    "pytest_pushgateway.commands",
    "pytest_pushgateway.exposition.lint",
    "pytest_pushgateway.exposition.negotiation",
    "pytest_pushgateway.exposition.protobuf",
    "pytest_pushgateway.exposition.protobuf_writer",
    "pytest_pushgateway.exposition.text_writer",
    "pytest_pushgateway.gateway.api",
    "pytest_pushgateway.gateway.blocks",
    "pytest_pushgateway.gateway.explanation",
    "pytest_pushgateway.gateway.exposed",
    "pytest_pushgateway.gateway.persistence",
    "pytest_pushgateway.gateway.poison",
    "pytest_pushgateway.gateway.tls",
    "pytest_pushgateway.gateway.ui",
    "pytest_pushgateway.gateway.webconfig",
    "pytest_pushgateway.harness.lint",
    "pytest_pushgateway.harness.report",
    "pytest_pushgateway.prometheus",
)


def test_the_first_push_imports_what_it_needs_only(project: pytest.Pytester) -> None:
    code = f"""
import sys
from pytest_pushgateway import Pushgateway

with Pushgateway() as gateway:
    gateway.push("a 1\\n", job="b")
    gateway.reset()
print([name for name in {NOT_FOR_A_PUSH!r} if name in sys.modules])
print(sum(name.startswith("pytest_pushgateway") for name in sys.modules) <= 65)
"""
    result = project.run(sys.executable, "-c", code)
    assert result.outlines == ["[]", "True"]
