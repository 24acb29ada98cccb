"""Machines and settings of every kind: the fixture works there, or one line has the reason why it cannot."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

Run = Callable[..., pytest.RunResult]

PUSH = """
import application

def test_push(pushgateway):
    assert application.send(pushgateway) == 200
    pushgateway.push("more 1\\n", job="backup", method="POST")
    pushgateway.assert_pushed("backup_bytes", 7, job="backup")
    assert pushgateway.scrape().text.count("backup_bytes") == 2

def test_crash(pushgateway):
    application.send(pushgateway)
    pushgateway.crash()
    pushgateway.assert_exposed("backup_bytes", 7)
"""


@pytest.fixture
def run(project: pytest.Pytester) -> Run:
    """Run tests that push, warnings being errors; ``alone`` is for what counts from a process's beginning."""

    def run(*arguments: str, alone: bool = False) -> pytest.RunResult:
        project.makepyfile(PUSH)
        start = project.runpytest_subprocess if alone else project.runpytest_inprocess
        return start("-W", "error", *arguments)

    return run


@pytest.mark.parametrize("variables", [["http_proxy", "HTTP_PROXY"], ["https_proxy"], ["all_proxy", "ALL_PROXY"]])
def test_dead_proxy(run: Run, monkeypatch: pytest.MonkeyPatch, variables: list[str]) -> None:
    for name in variables:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    run().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONDEVMODE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        {"PYTHONUTF8": "0", "LC_ALL": "C", "LANG": "C"},
        {"PYTHONHASHSEED": "0", "PYTHONNODEBUGRANGES": "1", "PYTHONSAFEPATH": "1", "TZ": "Pacific/Kiritimati"},
        # No directory, and one that nobody can write in: Python then takes another.
        {"TMPDIR": "/nonexistent"},
        {"TMPDIR": "/proc"},
    ],
    ids=lambda variables: "-".join(f"{name}={value}" for name, value in variables.items()).replace("/", "_"),
)
def test_environment_variables(run: Run, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    run(alone=True).assert_outcomes(passed=2)


def test_without_assertions(run: Run, project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under -O and -OO the methods still judge, as they are no assert statements; a bare assert is pytest's matter."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    project.makepyfile(
        test_failing='def test_it(pushgateway):\n    pushgateway.assert_exposed("absent")\n',
    )
    result = run("-W", "ignore:assertions not in test modules:pytest.PytestConfigWarning", alone=True)
    result.assert_outcomes(passed=2, failed=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--basetemp=there",),
        ("-s",),
        ("-p", "no:cacheprovider"),
        ("-p", "no:terminal"),
        ("-p", "no:tmpdir", "-k", "test_push"),
        ("-p", "no:faulthandler"),
        ("-p", "no:threadexception", "-p", "no:unraisableexception"),
        ("-p", "no:warnings", "-k", "test_push"),
        ("--import-mode=importlib", "--pythonpath=."),
        ("--import-mode=append",),
        ("--capture=tee-sys",),
        ("--assert=plain",),
    ],
    ids=" ".join,
)
def test_pytest_arguments(run: Run, arguments: Sequence[str]) -> None:
    given = ["-o", "pythonpath=."] if "--pythonpath=." in arguments else []
    result = run(*[one for one in arguments if one != "--pythonpath=."], *given)
    if "no:tmpdir" in arguments:
        result.stdout.fnmatch_lines(["*fixture 'tmp_path_factory' not found"])
    else:
        assert result.ret == 0


def test_directory_with_spaces_and_non_ascii_name(project: pytest.Pytester) -> None:
    folder = project.mkdir("große Zahlen, 数")
    (folder / "test_push.py").write_text(PUSH, encoding="utf-8")
    result = project.runpytest_inprocess("-W", "error", str(folder), f"--basetemp={folder / 'base temp'}")
    result.assert_outcomes(passed=2)


def test_localhost_resolves_to_nothing(run: Run, project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import socket

        real = socket.getaddrinfo

        def getaddrinfo(host, *arguments, **options):
            if host in ("localhost", socket.gethostname()):
                raise socket.gaierror(-2, "Name or service not known")
            return real(host, *arguments, **options)

        socket.getaddrinfo = getaddrinfo
        """
    )
    run(alone=True).assert_outcomes(passed=2)


# Networks

NO_IPV6 = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
ONLY_IPV6 = "ip addr del 127.0.0.1/8 dev lo"
ONE_PORT = "echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range"


@pytest.fixture
def networked(project: pytest.Pytester) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run tests that push in their own network, prepared by a shell command."""
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    possible = all(map(shutil.which, ("unshare", "ip")))
    if not possible or subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs unshare, ip and the right to make a network namespace")

    def run(command: str, *arguments: str, test: str = PUSH) -> subprocess.CompletedProcess[str]:
        path = project.makepyfile(test)
        script = f'ip link set lo up && {command} && exec "$@"'
        pytest_command = [sys.executable, "-m", "pytest", "-W", "error", str(path), *arguments]
        return subprocess.run(
            [*namespace, "sh", "-c", script, "sh", *pytest_command],
            cwd=project.path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


Networked = Callable[..., subprocess.CompletedProcess[str]]


def test_without_ipv6(networked: Networked) -> None:
    result = networked(NO_IPV6)
    assert "2 passed" in result.stdout
    result = networked(NO_IPV6, "--pushgateway-host=::1")
    assert "the gateway cannot listen: [Errno 99] listen tcp [::1]:0: bind: " in result.stdout


def test_without_ipv6_on_all_addresses(networked: Networked) -> None:
    assert "2 passed" in networked(NO_IPV6, "--pushgateway-host=").stdout


def test_with_nothing_but_ipv6(networked: Networked) -> None:
    assert "2 passed" in networked(ONLY_IPV6, "--pushgateway-host=::1").stdout
    result = networked(ONLY_IPV6)
    assert "the gateway cannot listen: [Errno 99] listen tcp 127.0.0.1:0: bind: " in result.stdout


def test_without_a_free_port(networked: Networked) -> None:
    taken = """
    import pytest, socket

    @pytest.fixture(autouse=True, scope="session")
    def taken():
        with socket.create_server(("127.0.0.1", 40000)) as listener:
            yield

    def test_push(taken, pushgateway):
        pass
    """
    result = networked(ONE_PORT, test=taken)
    assert "the gateway cannot listen: [Errno 98] listen tcp 127.0.0.1:0: bind: address already in use" in (
        result.stdout
    )


# Reasons why a gateway cannot start


def shown(result: pytest.RunResult, title: str) -> list[str]:
    """Return the lines that a report shows below a title, up to the next."""
    lines = iter(result.outlines)
    assert any(f" {title} " in line for line in lines)
    return list(takewhile(lambda line: line[:5] not in ("-----", "====="), lines))


def test_persistence_file_in_use_is_one_line(project: pytest.Pytester, tmp_path: Path) -> None:
    project.makepyfile(
        f"""
        def test_two(make_pushgateway):
            make_pushgateway(persistence_file={str(tmp_path / "file")!r})
            make_pushgateway(persistence_file={str(tmp_path / "file")!r})
        """
    )
    result = project.runpytest_inprocess()
    assert shown(result, "test_two") == [f"the gateway cannot start: {tmp_path / 'file'} is in use by another gateway"]


def test_invalid_web_configuration_is_one_line(project: pytest.Pytester) -> None:
    project.makefile(".yml", web="foo: 1\n")
    project.makepyfile("def test_it(pushgateway):\n    pass\n")
    result = project.runpytest_inprocess("--pushgateway-web-config-file=web.yml")
    assert shown(result, "ERROR at setup of test_it") == [
        "the gateway cannot start: yaml: unmarshal errors:",
        "  line 1: field foo not found in type web.Config",
    ]
