"""pushgateway_session alone: whose pushes a test sees, and which tests may use it."""

from __future__ import annotations

import pytest

NESTED = {
    "conftest.py": """
        import pytest

        @pytest.fixture(scope="session")
        def application(pushgateway_session):
            return pushgateway_session
    """,
    "a/conftest.py": """
        import pytest

        @pytest.fixture(scope="session")
        def pushgateway_options():
            return {"journal_limit": 5}
    """,
    "a/test_a.py": """
        def test_own_options(pushgateway):
            assert pushgateway.settings.journal_limit == 5
    """,
    "b/test_b.py": """
        def test_session_gateways_are_shown(application):
            assert application.settings.journal_limit == 10_000
    """,
}


def write(project: pytest.Pytester, files: dict[str, str]) -> None:
    from textwrap import dedent

    for name, text in files.items():
        path = project.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")


def test_pushes_of_earlier_tests_are_in_the_journal_only(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from application import send

        def test_one(pushgateway_session):
            assert send(pushgateway_session) == 200
            assert send(pushgateway_session, "x\\n") == 400
            assert send(pushgateway_session, method="DELETE") == 202
            pushgateway_session.assert_rejected(status=400)

        def test_two(pushgateway_session):
            gateway = pushgateway_session
            assert (gateway.pushes, gateway.requests) == ([], [])
            assert [entry.test.rpartition("::")[2] for entry in gateway.journal] == ["test_one"] * 3
            gateway.assert_not_pushed()
            gateway.assert_no_rejections()
            with pytest.raises(AssertionError, match="nothing was pushed"):
                gateway.wait_for_push(timeout=0)
            with pytest.raises(AssertionError, match="nothing was pushed"):
                gateway.assert_rejected()
            with pytest.raises(AssertionError, match="there was no DELETE"):
                gateway.assert_deleted(job="backup")

            send(gateway, "backup_bytes 8\\n")
            assert gateway.assert_pushed("backup_bytes", 8).number == 1
            assert len(gateway.journal) == 4
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_session_fixture_pushes_in_first_test_using_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from application import send

        @pytest.fixture(scope="session")
        def application(pushgateway_session):
            send(pushgateway_session)
            return pushgateway_session

        def test_one(application):
            application.assert_pushed("backup_bytes")

        def test_two(application):
            application.assert_not_pushed()
            application.assert_exposed("backup_bytes")
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_pushes_while_the_environment_is_emptied_are_this_tests(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_one(pushgateway_session, monkeypatch):
            with monkeypatch.context() as patch:
                patch.delenv("PYTEST_CURRENT_TEST")
                send(pushgateway_session)
            assert pushgateway_session.assert_pushed("backup_bytes").test.endswith("::test_one")
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=1)


def test_section_of_failing_test_has_its_own_requests(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from application import send

        def test_one(pushgateway_session):
            send(pushgateway_session, "# TYPE a gauge\\na 1\\n", "/metrics/job/first")

        def test_two(pushgateway_session):
            send(pushgateway_session, "# TYPE a counter\\na 1\\n", "/metrics/job/second")
            assert False
        """
    )
    result = project.runpytest()

    result.stdout.fnmatch_lines(
        [
            "*one push and no other requests in this test",
            '  push 1 (PUT job="second") was answered 400: *',
            '*what push 1 (PUT job="first") brought*, in *::test_one',
        ]
    )


def test_pushes_of_an_earlier_test_that_were_dropped_are_not_missed(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\npushgateway_journal_limit = 2\n")
    project.makepyfile(
        """
        import pytest
        from application import send

        def test_one(pushgateway_session):
            for _ in range(3):
                send(pushgateway_session)
            with pytest.raises(AssertionError, match="cannot be told of one accepted push"):
                pushgateway_session.assert_not_pushed("backup_files")

        def test_two(pushgateway_session):
            send(pushgateway_session)
            pushgateway_session.assert_not_pushed("backup_files")
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=2)


def test_marker_unlike_session_gateway_is_rejected(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session")
        def application(pushgateway_session):
            return pushgateway_session

        @pytest.mark.pushgateway(lint=True)
        def test_alone(pushgateway_session):
            pass

        @pytest.mark.pushgateway(lint=True)
        def test_through_a_fixture(application):
            pass

        @pytest.mark.pushgateway(lint=False)
        def test_no_difference(application):
            pass
        """
    )
    result = project.runpytest("-p", "no:randomly")

    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "this test's options differ from those of pushgateway_session: lint (marker). "
            "Use the fixture pushgateway or make_pushgateway, which heed them"
        ]
        * 2
    )


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_options_of_one_directory_are_not_those_of_the_session(
    project: pytest.Pytester, order: tuple[str, str]
) -> None:
    write(project, NESTED)

    project.runpytest("-W", "error", "--import-mode=importlib", *order).assert_outcomes(passed=2)


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_options_of_a_directory_are_rejected_in_any_order(project: pytest.Pytester, order: tuple[str, str]) -> None:
    write(project, {**NESTED, "a/test_session.py": "def test_refused(application): pass\n"})
    result = project.runpytest("--import-mode=importlib", *order)

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["this test* pushgateway_session*", "ERROR *test_session.py::test_refused*"])


def test_options_that_all_tests_see_are_the_session_s(project: pytest.Pytester) -> None:
    write(project, {**NESTED, "a/test_session.py": "def test_allowed(application): pass\n"})

    project.runpytest("-W", "error", "--import-mode=importlib", "a").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    "fixture",
    ["pushgateway", "pushgateway_env", "make_pushgateway", "pushgateway_options", "pushgateway_session"],
)
def test_fixture_takes_no_parameters(project: pytest.Pytester, fixture: str) -> None:
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.usefixtures("pushgateway")
        @pytest.mark.parametrize("{fixture}", [{{"lint": True}}], indirect=True)
        def test_parametrised({fixture}):
            pass
        """
    )
    result = project.runpytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"{fixture} takes no parameters, but was parametrised with indirect=True. Give *"])


def test_options_can_be_parametrised_where_they_are_overridden(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session", params=["/one", "/two"])
        def pushgateway_options(request):
            return {"route_prefix": request.param}

        seen = set()

        def test_prefix(pushgateway, pushgateway_options):
            assert pushgateway.url.endswith(pushgateway_options["route_prefix"])
            seen.add(pushgateway.url)

        def test_both():
            assert len(seen) == 2
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=3)


def test_options_can_be_parametrised_directly(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("pushgateway_options", [{"lint": True}, {"lint": False}])
        def test_direct(pushgateway_options, pushgateway):
            assert pushgateway.settings.lint == pushgateway_options["lint"]

        def test_other(pushgateway):
            assert not pushgateway.settings.lint
        """
    )

    project.runpytest("-W", "error").assert_outcomes(passed=3)


def test_marker_without_fixture_emits_warning(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.pushgateway(lint=True)
        def test_without():
            pass

        @pytest.fixture
        def gateway(make_pushgateway):
            return make_pushgateway()

        @pytest.mark.pushgateway(lint=True)
        def test_through_a_fixture(gateway):
            assert gateway.settings.lint

        @pytest.mark.pushgateway(lint=True)
        class TestSome:
            def test_with(self, pushgateway):
                assert pushgateway.settings.lint

            def test_without(self):
                pass
        """
    )
    result = project.runpytest("-W", "default")

    result.assert_outcomes(passed=4, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*test_marker_without_fixture_emits_warning.py:3: PushgatewayWarning: @pytest.mark.pushgateway has no "
            "effect on test_without, which uses none of the fixtures pushgateway, pushgateway_env, make_pushgateway, "
            "pushgateway_session; request one, or remove the marker"
        ]
    )
    project.runpytest("-W", "error").assert_outcomes(errors=1)


def test_marker_without_names_is_an_error(project: pytest.Pytester) -> None:
    project.makepyfile("import pytest\n@pytest.mark.pushgateway(9091)\ndef test_without():\n    pass\n")
    result = project.runpytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*::test_without: @pytest.mark.pushgateway takes options by keyword only, not 9091"])


@pytest.mark.parametrize("where", ["function", "module"])
def test_unknown_marker_option_without_fixture_is_an_error(project: pytest.Pytester, where: str) -> None:
    mark = "pytest.mark.pushgateway(journal_limits=5)"
    project.makepyfile(
        f"import pytest\n{'pytestmark = ' if where == 'module' else '@'}{mark}\ndef test_without():\n    pass\n"
    )
    result = project.runpytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*::test_without: marker: unknown option 'journal_limits'; did you mean 'journal_limit'*"]
    )
