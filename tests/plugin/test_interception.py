"""A fixed address: connections of the code under test reach the gateway of the test, and no other host."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

FIXED = """
import contextlib
import urllib.request

ADDRESS = "pushgateway.nowhere.example:9091"

def push(job, address=ADDRESS):
    request = urllib.request.Request(f"http://{address}/metrics/job/{job}", b"rows 7\\n", method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status

def push_quietly(job, address=ADDRESS):
    with contextlib.suppress(Exception):
        push(job, address)
"""


@pytest.fixture
def fixed(project: pytest.Pytester) -> pytest.Pytester:
    """A project whose application pushes to an address that is written down in it, to a name that does not resolve."""
    project.makepyfile(fixed=FIXED)
    return project


def test_marker_intercepts(fixed: pytest.Pytester) -> None:
    fixed.makepyfile(
        """
        import _socket
        import socket
        import pytest
        from fixed import ADDRESS, push

        @pytest.mark.pushgateway(intercept=ADDRESS)
        def test_marked(pushgateway):
            assert push("nightly") == 200
            pushed = pushgateway.assert_pushed("rows", 7, job="nightly")
            assert pushgateway.pushes[0].headers["Host"] == ADDRESS

        def test_unmarked(pushgateway):
            assert socket.socket.connect is _socket.socket.connect
            assert socket.socket.connect_ex is _socket.socket.connect_ex
        """
    )
    fixed.runpytest_subprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize("how", ["ini", "option", "options fixture"])
def test_whole_run_intercepts(fixed: pytest.Pytester, how: str) -> None:
    address = "http://pushgateway.nowhere.example:9091"
    if how == "options fixture":
        fixed.makeconftest(
            f"""
            import pytest

            @pytest.fixture(scope="session")
            def pushgateway_options():
                return {{"intercept": ["{address}"]}}
            """
        )
    fixed.makeini(f"[pytest]\npushgateway_intercept =\n  localhost:9\n  {address}\n" if how == "ini" else "[pytest]")
    fixed.makepyfile(
        """
        from fixed import push

        def test_first(pushgateway):
            push("first")
            assert [one.job for one in pushgateway.pushes] == ["first"]

        def test_second(pushgateway):
            push("second")
            assert [one.job for one in pushgateway.pushes] == ["second"]

        def test_session(pushgateway_session):
            push("third")
            assert pushgateway_session.pushes[-1].job == "third"
        """
    )
    options = ["--pushgateway-intercept=localhost:9", f"--pushgateway-intercept={address}"] if how == "option" else []
    fixed.runpytest_subprocess(*options).assert_outcomes(passed=3)


def test_fixtures_that_begin_before_and_end_after_the_gateway(fixed: pytest.Pytester) -> None:
    fixed.makeini("[pytest]\npushgateway_intercept = pushgateway.nowhere.example:9091\n")
    fixed.makepyfile(
        """
        import pytest
        from fixed import push

        @pytest.fixture(scope="session", autouse=True)
        def service():
            push("service-begins")
            yield
            push("service-ends")

        @pytest.fixture
        def application():
            push("begins")
            yield
            push("ends")

        @pytest.mark.parametrize("options", [{}, {"enable_admin_api": True}])
        def test_application(application, make_pushgateway, options, pushgateway):
            assert pushgateway.pushes[-1].job == "begins"

        @pytest.mark.pushgateway(enable_admin_api=True)
        def test_with_options(application, pushgateway):
            assert [one.job for one in pushgateway.pushes] == ["begins"]
        """
    )
    fixed.runpytest_subprocess().assert_outcomes(passed=3)


def test_connection_outside_of_the_gateways_life_fails_the_test(fixed: pytest.Pytester) -> None:
    fixed.makeini("[pytest]\npushgateway_intercept = pushgateway.nowhere.example:9091\n")
    fixed.makepyfile(
        """
        from fixed import push, push_quietly

        def test_swallows(tmp_path):
            push_quietly("nightly")

        def test_reports():
            try:
                push("nightly")
            except OSError as error:
                assert "was refused" in str(error)

        def test_reaches_the_gateway(pushgateway):
            push("nightly")
        """
    )
    result = fixed.runpytest_subprocess()
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*test_swallows connected to pushgateway.nowhere.example:9091, which the ini option pushgateway_intercept "
            'has*was refused. *@pytest.mark.pushgateway(intercept="pushgateway.nowhere.example:9091")*'
        ]
    )


def test_section_of_a_failing_test_shows_refusals(fixed: pytest.Pytester) -> None:
    fixed.makepyfile(
        """
        import pytest
        from fixed import push_quietly

        def test_fails():
            push_quietly("nightly")
            assert not "sent"
        """
    )
    result = fixed.runpytest_subprocess("--pushgateway-intercept=pushgateway.nowhere.example:9091")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- pushgateway -*", "*test_fails connected to pushgateway.nowhere.example:9091*"])


def test_marker_guards_its_address_before_the_gateway_is_there(fixed: pytest.Pytester) -> None:
    fixed.makepyfile(
        """
        import pytest
        from fixed import ADDRESS, push_quietly

        @pytest.mark.pushgateway(intercept=[ADDRESS])
        def test_late(request):
            push_quietly("early")
            gateway = request.getfixturevalue("pushgateway")
            push_quietly("late")
            assert [one.job for one in gateway.pushes] == ["late"]

        @pytest.mark.pushgateway(intercept=ADDRESS)
        def test_without_a_fixture():
            push_quietly("never")
        """
    )
    result = fixed.runpytest_subprocess("-W", "ignore")
    result.assert_outcomes(passed=2, errors=2, warnings=result.parseoutcomes().get("warnings", 0))
    result.stdout.fnmatch_lines(["*test_late connected to pushgateway.nowhere.example:9091, which the marker has*"])


def test_what_is_not_an_address(fixed: pytest.Pytester) -> None:
    fixed.makepyfile(
        """
        import pytest

        @pytest.mark.pushgateway(intercept="http://gateway:9091/metrics")
        def test_path(pushgateway):
            pass

        @pytest.mark.pushgateway(intercept=7)
        def test_number(pushgateway):
            pass

        def test_made(make_pushgateway):
            make_pushgateway(intercept="gateway:9091")
        """
    )
    result = fixed.runpytest_subprocess()
    result.assert_outcomes(errors=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*marker: an address to intercept must be HOST:PORT or an http or https URL without a path, not "
            "'http://gateway:9091/metrics'; leave out what follows host and port",
            "*marker: an address to intercept must be HOST:PORT*, not 7",
            "*make_pushgateway(): 'intercept' is not an option of a gateway; call gateway.intercept(...)",
        ]
    )
    result = fixed.runpytest_subprocess("--pushgateway-intercept=gateway")
    result.stderr.fnmatch_lines(["ERROR: --pushgateway-intercept: *, not 'gateway'; add a port, such as gateway:9091"])
    result = fixed.runpytest_subprocess("--pushgateway-intercpt=gateway:1")
    result.stderr.fnmatch_lines(["*did you mean '--pushgateway-intercept'?*"])


def test_intercepting_makes_no_other_gateway(fixed: pytest.Pytester) -> None:
    fixed.makepyfile(
        """
        import pytest
        from fixed import ADDRESS, push

        @pytest.mark.pushgateway(intercept=ADDRESS)
        def test_same(pushgateway, pushgateway_session, make_pushgateway):
            assert pushgateway is pushgateway_session
            other = make_pushgateway()
            push("nightly")
            assert pushgateway.pushes and not other.pushes
            with other.intercept(ADDRESS):
                push("other")
            assert [one.job for one in other.pushes] == ["other"]
            push("again")
            assert [one.job for one in pushgateway.pushes] == ["nightly", "again"]
        """
    )
    fixed.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.workers
def test_workers_do_not_meet(fixed: pytest.Pytester) -> None:
    fixed.makepyfile(
        """
        import pytest
        from fixed import push

        @pytest.mark.parametrize("number", range(20))
        def test_number(pushgateway, number):
            push(f"job-{number}")
            assert [one.job for one in pushgateway.pushes] == [f"job-{number}"]
        """
    )
    result = fixed.runpytest_subprocess("-n2", "--pushgateway-intercept=pushgateway.nowhere.example:9091")
    result.assert_outcomes(passed=20)
