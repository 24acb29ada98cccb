"""The installed but unused plugin imports nothing heavy."""

from __future__ import annotations

import sys

import pytest

from tests.project.test_imports import HEAVY as HEAVY_MODULES
from tests.project.test_imports import LATER

pytestmark = pytest.mark.slow

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


def test_package_itself_imports_nothing(project: pytest.Pytester) -> None:
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


def test_missing_name() -> None:
    import pytest_pushgateway

    with pytest.raises(AttributeError, match="module 'pytest_pushgateway' has no attribute 'nonsense'"):
        pytest_pushgateway.nonsense  # noqa: B018


def test_unused_plugin_imports_only_its_settings(project: pytest.Pytester) -> None:
    code = (
        "import pytest, sys; before = set(sys.modules); import pytest_pushgateway.plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    result = project.run(sys.executable, "-c", code)
    own = ["", "._version", ".plugin", ".plugin.comparing", ".plugin.connecting", ".plugin.fixtures"]
    own += [".plugin.intercepting", ".plugin.modules", ".plugin.options", ".plugin.run"]
    assert result.outlines == [str([f"pytest_pushgateway{name}" for name in [*own, ".settings"]])]


OF_THE_STANDARD_LIBRARY = ("_socket", "array", "select", "selectors", "socket")
"""What of it a first push may import: no HTTP client, TLS, mail, international names or database."""


def test_first_push_imports_only_what_it_needs(project: pytest.Pytester) -> None:
    code = f"""
import sys
import pytest
import pytest_pushgateway.plugin
unused = set(sys.modules)
from pytest_pushgateway import Pushgateway

with Pushgateway() as gateway:
    gateway.push("# HELP a Help.\\n# TYPE a gauge\\na 1\\n", job="b")
    gateway.assert_exposed("a", 1, job="b")
    gateway.reset()
new = set(sys.modules) - unused
own = {{name for name in new if name.startswith("pytest_pushgateway.")}}
print(sorted(new - own - set({OF_THE_STANDARD_LIBRARY!r})))
"""
    result = project.run(sys.executable, "-c", code)
    assert result.outlines == ["[]"]


def test_passing_test_imports_no_module_that_is_declared_for_later(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_first="""
        import sys

        def test_first(pushgateway):
            pushgateway.push("# HELP a Help.\\n# TYPE a gauge\\na 1\\n", job="b")
            pushgateway.assert_exposed("a", 1, job="b")
            print("OWN", *sorted(name for name in sys.modules if name.startswith("pytest_pushgateway.")))
        """
    )
    result = project.run(sys.executable, "-m", "pytest", "-s", "-p", "pytest_pushgateway.plugin")

    result.assert_outcomes(passed=1)
    (line,) = [line for line in result.outlines if "OWN" in line]
    own = {name.removeprefix("pytest_pushgateway.") for name in line.partition("OWN ")[2].split()}
    assert own & {*HEAVY_MODULES, *LATER} == {"gateway.app.push_body"}
    assert len(own) < 100


def test_passing_assertion_imports_nothing_else(project: pytest.Pytester) -> None:
    code = """
import socket, sys
from pytest_pushgateway import Pushgateway

with Pushgateway() as gateway:
    with socket.create_connection((gateway.host, gateway.port)) as client:
        client.sendall(b"PUT /metrics/job/b HTTP/1.0\\r\\nContent-Length: 4\\r\\n\\r\\na 1\\n")
        assert b" 200 OK" in client.recv(1000)
    gateway.assert_pushed("a", 1)
    gateway.assert_not_exposed("b")
    gateway.assert_no_rejections()
    assert gateway.value("a") == 1
heavy = {"prometheus_client", "werkzeug", "http", "ssl", "email", "sqlite3", "yaml", "google"}
print(sorted(name for name in sys.modules if name.partition(".")[0] in heavy))
"""
    result = project.run(sys.executable, "-c", code)
    assert result.outlines == ["[]"]


def test_pytest_does_not_rewrite_the_package_s_modules(project: pytest.Pytester) -> None:
    project.makepyfile(
        rewritten='import pytest\npytest.register_assert_rewrite("pytest_pushgateway", "elsewhere")\n',
        elsewhere="",
        test_loaders="""
        import sys

        def test_loaders(pushgateway):
            import elsewhere

            loaders = {type(one.__loader__).__module__ for name, one in sys.modules.items() if "pushgateway.g" in name}
            print("LOADERS", loaders, type(elsewhere.__loader__).__name__)
        """,
    )
    command = [sys.executable, "-m", "pytest", "-s", "-p", "rewritten", "-p", "pytest_pushgateway.plugin"]
    result = project.run(*command, timeout=120)

    result.stdout.fnmatch_lines("*LOADERS {'pytest_pushgateway.plugin.modules'} AssertionRewritingHook*")


@pytest.mark.parametrize("fixture", ["pushgateway", "make_pushgateway", "tmp_path"])
def test_gateway_modules_are_loaded_after_collection(project: pytest.Pytester, fixture: str) -> None:
    project.makeconftest(
        """
        import sys

        def pytest_runtestloop():
            print("LOADED", "pytest_pushgateway.harness.pushgateway" in sys.modules)
        """
    )
    project.makepyfile(f"def test_asks({fixture}): pass")

    project.runpytest_subprocess("-s").stdout.fnmatch_lines(f"*LOADED {fixture != 'tmp_path'}*")
    project.runpytest_subprocess("-s", "--collect-only").stdout.fnmatch_lines("*LOADED False*")


def test_import_hook_is_removed_with_the_run(project: pytest.Pytester) -> None:
    before = list(sys.meta_path)
    project.makepyfile("def test_nothing(): pass")

    project.runpytest_inprocess("-p", "pytest_pushgateway.plugin").assert_outcomes(passed=1)

    assert sys.meta_path == before
