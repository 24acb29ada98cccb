"""The fixtures: what each gives, when a gateway is emptied, and when a test gets its own."""

from __future__ import annotations

import pytest


def test_each_test_finds_an_empty_gateway_on_the_same_port(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        ports = set()

        def test_one(pushgateway):
            ports.add(pushgateway.port)
            send(pushgateway)
            pushgateway.clock.freeze(5)
            pushgateway.assert_pushed("backup_bytes", 7)

        def test_two(pushgateway):
            ports.add(pushgateway.port)
            assert not pushgateway.clock.frozen
            assert pushgateway.requests == []
            pushgateway.assert_not_exposed()
            pushgateway.stop()

        def test_three(pushgateway):
            ports.add(pushgateway.port)
            assert send(pushgateway) == 200
            assert len(ports) == 1
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=3)


def test_gateway_is_back_for_next_test_after_quit(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\npushgateway_enable_lifecycle = true\n")
    project.makepyfile(
        """
        import pytest
        from application import send

        @pytest.mark.parametrize("time", [1, 2])
        def test_quits(pushgateway, time):
            assert send(pushgateway) == 200
            assert send(pushgateway, "", "/-/quit") == 200
        """
    )
    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_faults_end_with_their_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_one(pushgateway):
            pushgateway.faults.error(503)
            assert send(pushgateway) == 503

        def test_two(pushgateway_session):
            assert len(pushgateway_session.faults) == 0
            assert send(pushgateway_session) == 200
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_session_fixture_is_same_gateway_and_not_reset(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_one(pushgateway_session):
            send(pushgateway_session)

        def test_two(pushgateway_session):
            pushgateway_session.assert_exposed("backup_bytes", 7)

        def test_three(pushgateway, pushgateway_session):
            assert pushgateway is pushgateway_session
            assert pushgateway.journal == []
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=3)


def test_marker_gives_a_test_its_own_gateway(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from application import send

        class TestMarked:
            pytestmark = [pytest.mark.pushgateway(route_prefix="/outer", journal_limit=5)]

            @pytest.mark.pushgateway(route_prefix="/inner")
            def test_own(self, pushgateway):
                assert pushgateway.url.endswith("/inner")
                assert pushgateway.settings.journal_limit == 5
                assert send(pushgateway, path="/inner/metrics/job/backup") == 200
                TestMarked.own = pushgateway

            def test_stopped(self, pushgateway):
                assert not TestMarked.own.running
                assert pushgateway.url.endswith("/outer")

        @pytest.mark.pushgateway(journal_limit=10_000)
        def test_no_difference(pushgateway, pushgateway_session):
            assert pushgateway is pushgateway_session
        """
    )

    project.runpytest("-W", "error", "--strict-markers").assert_outcomes(passed=3)


def test_differing_test_cannot_use_both_fixtures(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.pushgateway(lint=True)
        def test_both(pushgateway_session, pushgateway):
            pass
        """
    )
    result = project.runpytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "this test's options differ from those of pushgateway_session, so pushgateway would be another gateway: "
            "lint (marker). Use one of the two fixtures, or make_pushgateway"
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_pushgateway/plugin/*")


def test_options_as_seen_from_the_test(project: pytest.Pytester) -> None:
    for name in ("one", "two"):
        project.mkpydir(name)
        project.path.joinpath(name, "conftest.py").write_text(
            "import pytest\n\n@pytest.fixture(scope='session')\ndef pushgateway_options():\n"
            f"    return {{'route_prefix': '/{name}'}}\n"
        )
        project.path.joinpath(name, f"test_{name}.py").write_text(
            f"def test_prefix(pushgateway):\n    assert pushgateway.url.endswith('/{name}')\n"
        )
    project.makepyfile(test_plain="def test_plain(pushgateway):\n    assert pushgateway.url.count('/') == 2\n")

    project.runpytest("-W", "error").assert_outcomes(passed=3)


def test_make_pushgateway_inherits_and_stops_all_it_made(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        made = []

        @pytest.mark.pushgateway(route_prefix="/marked", journal_limit=7, persistence_file="metrics.sqlite")
        def test_make(make_pushgateway):
            made.extend([make_pushgateway(), make_pushgateway(route_prefix="/given")])
            assert [gateway.url.rpartition("/")[2] for gateway in made] == ["marked", "given"]
            assert [gateway.settings.journal_limit for gateway in made] == [7, 7]
            assert made[0].settings.persistence_file is None
            assert made[0].port != made[1].port

        def test_stopped():
            assert not any(gateway.running for gateway in made)
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_environment_of_code_under_test(project: pytest.Pytester) -> None:
    project.makeini(
        """
        [pytest]
        pushgateway_env_vars =
            PUSHGATEWAY_URL={url}
            GATEWAY={scheme}://{host}:{port}/x
            ADDRESS = {address}
        """
    )
    project.makepyfile(
        """
        import os

        def test_set(pushgateway_env, pushgateway):
            assert pushgateway_env is pushgateway
            assert os.environ["PUSHGATEWAY_URL"] == pushgateway.url
            assert os.environ["GATEWAY"] == f"http://127.0.0.1:{pushgateway.port}/x"
            assert os.environ["ADDRESS"] == pushgateway.address

        def test_gone():
            assert "PUSHGATEWAY_URL" not in os.environ
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_by_default_it_is_one_variable(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import os

        def test_set(pushgateway_env):
            assert os.environ["PUSHGATEWAY_URL"] == pushgateway_env.url
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=1)


def test_with_a_proxy_the_gateway_is_reached_directly(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.org, 10.0.0.1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    project.makepyfile(
        """
        import os
        from prometheus_client import CollectorRegistry, push_to_gateway

        def test_push(pushgateway):
            assert os.environ["no_proxy"] == "example.org,10.0.0.1,127.0.0.1"
            assert os.environ["NO_PROXY"] == "127.0.0.1"
            push_to_gateway(pushgateway.address, job="backup", registry=CollectorRegistry())

        def test_made(make_pushgateway):
            gateway = make_pushgateway()
            push_to_gateway(gateway.address, job="backup", registry=CollectorRegistry())
        """
    )
    project.makeconftest(
        """
        import os

        def pytest_unconfigure():
            assert os.environ["no_proxy"] == "example.org, 10.0.0.1"
            assert "NO_PROXY" not in os.environ
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_with_a_proxy_a_gateway_of_ipv6_is_reached_directly(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "::1")
    project.makepyfile(
        """
        import os, socket
        import pytest, requests
        from prometheus_client import CollectorRegistry, push_to_gateway

        def test_push(make_pushgateway):
            try:
                socket.create_server(("::1", 0), family=socket.AF_INET6).close()
            except OSError as error:
                pytest.skip(f"no IPv6 here: {error}")
            gateway = make_pushgateway(host="::1")
            assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "::1,[::1]"
            push_to_gateway(gateway.address, job="urllib", registry=CollectorRegistry())
            assert requests.put(f"{gateway.url}/metrics/job/requests", timeout=60).status_code == 200
        """
    )

    outcomes = project.runpytest("-W", "error", "-rs").parseoutcomes()
    assert outcomes in ({"passed": 1}, {"skipped": 1})


def test_without_a_proxy_nothing_is_set(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    project.makepyfile(
        """
        import os

        def test_no_proxy(pushgateway):
            assert "NO_PROXY" not in os.environ
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=1)


def test_unittest_classes_use_it_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import unittest
        import pytest
        from application import send

        class TestBackup(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def gateway(self, pushgateway):
                self.gateway = pushgateway

            def test_one(self):
                send(self.gateway)
                self.gateway.assert_pushed("backup_bytes", 7)

            def test_two(self):
                self.gateway.assert_not_pushed()
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_gateway_prints_and_logs_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_silent(pushgateway, capfd, caplog):
            caplog.set_level(0)
            send(pushgateway, "backup_bytes x\\n")
            send(pushgateway, "backup_bytes 1 1\\n")
            pushgateway.assert_rejected()
            assert capfd.readouterr() == ("", "")
            assert caplog.records == []
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=1)


def test_taken_port_fails_set_up_with_one_line(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        def test_taken(pushgateway, make_pushgateway):
            make_pushgateway(port=pushgateway.port)
        """
    )
    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["the gateway cannot listen: *listen tcp 127.0.0.1:*: bind: address already in use (Settings(port=*)"]
    )


def test_two_runs_in_one_process(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_push(pushgateway):
            send(pushgateway)
            pushgateway.assert_exposed("backup_bytes", 7)
        """
    )

    for _ in range(2):
        project.runpytest_inprocess("-W", "error").assert_outcomes(passed=1)


@pytest.mark.slow
def test_to_be_installed_is_enough(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:randomly")
    project.makepyfile("def test_push(pushgateway):\n    assert pushgateway.push('a 1\\n', job='b').status == 200\n")

    project.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


def test_fixtures_are_documented(project: pytest.Pytester) -> None:
    result = project.runpytest("--fixtures", "-q")

    result.stdout.fnmatch_lines(
        ["pushgateway_options *session scope*", "pushgateway_session *session scope*", "make_pushgateway *"]
    )


@pytest.mark.slow
@pytest.mark.workers
def test_each_worker_has_its_own_gateway(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pathlib, time

        def test_own(pushgateway, worker_id):
            pathlib.Path(worker_id).write_text(str(pushgateway.port))
            deadline = time.monotonic() + 30
            while len(list(pathlib.Path().glob("gw?"))) < 2:  # both workers run by then
                assert time.monotonic() < deadline
                time.sleep(0.01)
            pushgateway.push("a 1\\n", job="j")
            assert len(pushgateway.pushes) == 1
        """
    )
    result = project.runpytest("-n", "2", "--dist=each")
    result.assert_outcomes(passed=2)
    assert len({(project.path / worker).read_text() for worker in ("gw0", "gw1")}) == 2
