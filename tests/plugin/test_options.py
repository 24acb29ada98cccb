"""Options: where they may stand, which source wins, and the error for a wrong one, before any test runs."""

from __future__ import annotations

import pytest

SHOW = """
    def test_show(pushgateway):
        settings = pushgateway.settings
        print("EFFECTIVE", settings.route_prefix, settings.journal_limit, settings.consistency_check, settings.sources)
"""


def effective(result: pytest.RunResult) -> str:
    result.assert_outcomes(passed=1)
    return next(line[line.index("EFFECTIVE") :] for line in result.outlines if "EFFECTIVE" in line)


def test_command_line_overrides_ini_file(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\npushgateway_route_prefix = /ini\npushgateway_journal_limit = 5\n")
    project.makepyfile(SHOW)
    result = project.runpytest("-s", "--pushgateway-route-prefix=/cli", "--no-pushgateway-consistency-check")

    assert effective(result) == (
        "EFFECTIVE /cli 5 False {'route_prefix': 'command line', 'journal_limit': 'ini file', "
        "'consistency_check': 'command line'}"
    )


def test_fixture_overrides_command_line_and_marker_overrides_all(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def pushgateway_options():
            return {"route_prefix": "/fixture", "journal_limit": 6}
        """
    )
    project.makepyfile(f"import pytest\npytestmark = pytest.mark.pushgateway(journal_limit=7)\n{_dedent(SHOW)}")
    result = project.runpytest("-s", "--pushgateway-route-prefix=/cli", "--pushgateway-journal-limit=5")

    assert effective(result).startswith("EFFECTIVE /fixture 7 True")


def _dedent(text: str) -> str:
    from textwrap import dedent

    return dedent(text)


@pytest.mark.parametrize("table", ["[tool.pytest.ini_options]", "[tool.pytest]"])
def test_pyproject_toml(project: pytest.Pytester, table: str) -> None:
    native = table == "[tool.pytest]"
    if native and pytest.version_tuple < (9, 0):
        pytest.skip("pytest 9.0 brought native TOML values")
    limit, check = ("5", "false") if native else ('"5"', '"false"')
    project.makepyprojecttoml(
        f'{table}\npushgateway_route_prefix = "/toml"\npushgateway_journal_limit = {limit}\n'
        f"pushgateway_consistency_check = {check}\n"
    )
    project.makepyfile(SHOW)

    assert effective(project.runpytest("-s")).startswith("EFFECTIVE /toml 5 False")


def test_environment_sets_host_and_port(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_PUSHGATEWAY_HOST", "localhost")
    project.makepyfile("def test_host(pushgateway):\n    assert pushgateway.url.startswith('http://localhost:')\n")

    project.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pushgateway-prot=1",), "ERROR: unknown option --pushgateway-prot; did you mean '--pushgateway-port'?"),
        (("--pushgateway-port=x",), "ERROR: --pushgateway-port: port must be a whole number, not 'x'"),
        pytest.param(
            ("-n", "2", "--pushgateway-port=x"),
            "ERROR: --pushgateway-port: port must be a whole number, not 'x'",
            marks=pytest.mark.workers,
        ),
        (("-o", "pushgateway_prot=1"), "ERROR: ini file: unknown option 'prot'; did you mean 'port'?"),
        (("-o", "pushgateway_lint=perhaps"), "ERROR: ini option pushgateway_lint: lint must be true or false: *"),
        (
            ("-o", "pushgateway_env_vars=URL={ulr}"),
            "ERROR: ini option pushgateway_env_vars: unknown field {ulr} in 'URL={ulr}'; did you mean 'url'?",
        ),
    ],
)
def test_invalid_option_is_a_usage_error(project: pytest.Pytester, arguments: tuple[str, ...], message: str) -> None:
    project.makepyfile(SHOW)
    result = project.runpytest(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message.replace("[", "[[]")])


def test_invalid_variable_is_a_usage_error(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_PUSHGATEWAY_PROT", "1")
    result = project.runpytest()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: environment: unknown variable PYTEST_PUSHGATEWAY_PROT; did you mean *"])


@pytest.mark.workers
@pytest.mark.parametrize("option", ["--pushgateway-port=9091", "--pushgateway-persistence-file=metrics.sqlite"])
def test_workers_cannot_share_a_port_or_a_file(project: pytest.Pytester, option: str) -> None:
    project.makepyfile(SHOW)
    result = project.runpytest("-n", "2", option)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: a *, command line) cannot be shared by xdist's workers, of which each has *"])


@pytest.mark.workers
def test_nor_can_a_marker_make_them(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.pushgateway(port=9091)
        def test_port(pushgateway):
            pass
        """
    )
    result = project.runpytest("-n", "1")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["a fixed port (port=9091, marker) cannot be shared by xdist's workers*"])


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("prot=1", "marker: unknown option 'prot'; did you mean 'port'?"),
        ("port='x'", "marker: port must be a whole number, not 'x'"),
        ("9091", "@pytest.mark.pushgateway takes options by keyword only, not 9091"),
        ("web_config_file='w', basic_auth=('a', 'b')", "web_config_file (marker) excludes basic_auth (marker): *"),
    ],
)
def test_invalid_marker_fails_set_up(project: pytest.Pytester, marker: str, message: str) -> None:
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.pushgateway({marker})
        def test_marked(pushgateway):
            pass
        """
    )
    result = project.runpytest("--strict-markers")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*pytest_pushgateway/plugin/*")


def test_invalid_option_of_make_pushgateway(project: pytest.Pytester) -> None:
    project.makepyfile("def test_make(make_pushgateway):\n    make_pushgateway(prot=1)\n")
    result = project.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["make_pushgateway(): unknown option 'prot'; did you mean 'port'?"])


def test_every_option_is_in_the_help(project: pytest.Pytester) -> None:
    result = project.runpytest("--help")

    result.stdout.fnmatch_lines(
        [
            "*--pushgateway-host=HOST*",
            "*--pushgateway-consistency-check*",
            "*--pushgateway-summary*",
            "*pushgateway_env_vars*",
        ]
    )


def test_marker_takes_user_and_password_like_command_line(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.pushgateway(basic_auth="backup:se:cret")
        def test_guarded(pushgateway):
            assert pushgateway.settings.basic_auth == ("backup", "se:cret")
            assert pushgateway.push("rows 7\\n", job="nightly").accepted

        @pytest.mark.pushgateway(basic_auth="scott")
        def test_mistaken(pushgateway):
            pass
        """
    )
    result = project.runpytest()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["marker: basic_auth must be a pair of user and password (user:password), not 'scott'"])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"journal_limit": 5}', "None; is a return missing?"),
        ('return [("journal_limit", 5)]', "*[[]('journal_limit', 5)]"),
        ("yield", "None; is a return missing?"),
    ],
)
def test_options_that_the_fixture_does_not_return(project: pytest.Pytester, body: str, told: str) -> None:
    project.makeconftest(
        f"""
        import pytest

        @pytest.fixture(scope="session")
        def pushgateway_options():
            {body}
        """
    )
    project.makepyfile("def test_one(pushgateway):\n    pass\n")
    result = project.runpytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"the fixture pushgateway_options must return a dict of options, not {told}"])
