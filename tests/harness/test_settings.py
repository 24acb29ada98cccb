"""Options: what they may be, which source wins, and the error for a misspelt one."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from pytest_pushgateway import Settings, SettingsError
from pytest_pushgateway.plugin.options import check_flags, from_command_line, from_environment, from_ini, templates
from pytest_pushgateway.settings import EXPECTED, OPTIONS, options_of, parse, resolve


def test_every_option_has_a_kind_a_help_and_a_default() -> None:
    fields = set(Settings.__annotations__) - {"sources"}

    assert set(OPTIONS) == fields
    assert {option.kind for option in OPTIONS.values()} <= set(EXPECTED)
    assert [name for name, option in OPTIONS.items() if not option.help or option.name != name] == []


def test_option_shows_its_default_as_a_reader_wants_it() -> None:
    shown = {name: OPTIONS[name].shown_default for name in ("tls", "lint", "consistency_check", "max_body_size")}

    assert shown == {"tls": "none", "lint": "no", "consistency_check": "yes", "max_body_size": "256 MiB"}


def test_without_options_all_is_default() -> None:
    settings = Settings()

    assert (settings.host, settings.port, settings.telemetry_path) == ("127.0.0.1", 0, "/metrics")
    assert settings.consistency_check is True
    assert settings.journal_limit == 10_000
    assert dict(settings.sources) == {}


def test_later_layer_wins_option_by_option() -> None:
    settings = resolve(
        [
            ("ini file", {"port": 9091, "lint": True, "host": "::1"}),
            ("command line", {"port": 9092}),
            ("marker", {"host": "127.0.0.2"}),
        ]
    )

    assert (settings.port, settings.lint, settings.host) == (9092, True, "127.0.0.2")
    assert settings.sources == {"port": "command line", "lint": "ini file", "host": "marker"}
    assert options_of(settings) == {"port": 9092, "lint": True, "host": "127.0.0.2"}


def test_falsy_value_of_later_layer_wins() -> None:
    settings = resolve(
        [("ini file", {"consistency_check": True, "port": 9091}), ("marker", {"consistency_check": False})]
    )

    assert settings.consistency_check is False


def test_settings_are_equal_when_their_options_are_wherever_they_came_from() -> None:
    one = resolve([("ini file", {"lint": True})])
    other = resolve([("marker", {"lint": True})])

    assert one == other
    assert hash(one) == hash(other)
    assert one != Settings()
    assert Settings().__eq__("x") is NotImplemented


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1


def test_repr_shows_settings_without_password() -> None:
    settings = resolve([("marker", {"basic_auth": ("scott", "tiger"), "port": 9091})])

    assert repr(settings) == "Settings(basic_auth=... (marker), port=9091 (marker))"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("prot", "marker: unknown option 'prot'; did you mean 'port'?"),
        ("persistance_file", "marker: unknown option 'persistance_file'; did you mean 'persistence_file'?"),
        ("zzz", "marker: unknown option 'zzz'"),
    ],
)
def test_unknown_option_gets_a_suggestion(name: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve([("marker", {name: 1})])

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("port", "9091", "marker: port must be a whole number, not '9091'"),
        ("port", True, "marker: port must be a whole number, not True"),
        ("port", -1, "marker: port must not be negative, got -1"),
        ("port", 65536, "marker: port must be at most 65535, got 65536"),
        ("host", None, "marker: host must be a string, not None"),
        ("lint", 1, "marker: lint must be true or false, not 1"),
        ("idle_timeout", "5s", "marker: idle_timeout must be a number of seconds, not '5s'"),
        ("idle_timeout", float("nan"), "marker: idle_timeout must not be negative, got nan"),
        ("telemetry_path", "metrics", "marker: telemetry_path must begin with '/', got 'metrics'"),
        (
            "basic_auth",
            {"scott": "tiger"},
            "marker: basic_auth must be a pair of user and password (user:password), not dict",
        ),
        (
            "tls",
            ("cert",),
            "marker: tls must be an ssl.SSLContext or the paths of certificate, key and, if wanted, CA, not tuple",
        ),
    ],
)
def test_invalid_value_lists_valid_ones(name: str, value: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve([("marker", {name: value})])

    assert str(caught.value) == message


def test_values_are_brought_into_one_form() -> None:
    settings = Settings(
        persistence_file=Path("/tmp/x"),
        idle_timeout=5,
        tls=[Path("cert.pem"), "key.pem"],
        basic_auth=["scott", "tiger"],
    )

    assert settings.persistence_file == "/tmp/x"
    assert type(settings.idle_timeout) is float
    assert settings.tls == ("cert.pem", "key.pem")
    assert settings.basic_auth == ("scott", "tiger")


def test_tls_takes_a_context() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    assert Settings(tls=context).tls is context


def test_web_config_file_excludes_options_it_sets() -> None:
    with pytest.raises(SettingsError) as caught:
        resolve([("ini file", {"web_config_file": "web.yml"}), ("marker", {"basic_auth": ("scott", "tiger")})])

    assert str(caught.value) == (
        "web_config_file (ini file) excludes basic_auth (marker): the file already says who may connect and how"
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", " 9091 ", 9091),
        ("persistence_interval", "0.5", 0.5),
        ("lint", "Yes", True),
        ("lint", "off", False),
        ("basic_auth", "scott:ti:ger", ("scott", "ti:ger")),
        ("tls", "cert.pem, key.pem", ("cert.pem", "key.pem")),
        ("host", "::1", "::1"),
    ],
)
def test_text_is_read_by_type_of_option(name: str, text: str, value: object) -> None:
    assert parse(name, text, "ini option") == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("port", "x", "--flag: port must be a whole number, not 'x'"),
        ("lint", "perhaps", "--flag: lint must be true or false, not 'perhaps'"),
        ("basic_auth", "scott", "--flag: basic_auth must be a pair of user and password (user:password), not 'scott'"),
        ("prot", "1", "--flag: unknown option 'prot'; did you mean 'port'?"),
    ],
)
def test_invalid_text_lists_valid_values(name: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(name, text, "--flag")

    assert str(caught.value) == message


def test_misspelt_flag_gets_a_suggestion() -> None:
    check_flags(["--pushgateway-port=1", "--no-pushgateway-lint", "--pushgateway-summary", "-x", "tests"])
    with pytest.raises(
        SettingsError, match="unknown option --no-pushgateway-lnit; did you mean '--no-pushgateway-lint'"
    ):
        check_flags(["--no-pushgateway-lnit"])


def test_paths_of_the_command_line_are_relative_to_where_it_was_typed() -> None:
    given = {
        "pushgateway_web_config_file": "web.yml",
        "pushgateway_tls": "cert.pem,/etc/key.pem",
        "pushgateway_lint": True,
    }

    assert from_command_line(given.get, Path("/here")) == {
        "web_config_file": "/here/web.yml",
        "tls": ("/here/cert.pem", "/etc/key.pem"),
        "lint": True,
    }


def test_ini_file_may_give_text_or_values() -> None:
    given = {"addopts": "-x", "pushgateway_port": 9091, "pushgateway_lint": "yes", "pushgateway_env_vars": ["A=b"]}

    assert from_ini(given, given.__getitem__, Path("/here")) == {"port": 9091, "lint": True}


def test_ini_value_that_pytest_cannot_convert_names_option() -> None:
    with pytest.raises(
        SettingsError, match="ini option pushgateway_port: port must be a whole number: invalid literal"
    ):
        from_ini({"pushgateway_port": "x"}, lambda key: int("x"), Path("/here"))


def test_environment_sets_host_and_port_only() -> None:
    given = {"PYTEST_PUSHGATEWAY_HOST": "::1", "PYTEST_PUSHGATEWAY_PORT": "9091", "PATH": "/bin"}

    assert from_environment(given) == {"host": "::1", "port": 9091}
    with pytest.raises(SettingsError) as caught:
        from_environment({"PYTEST_PUSHGATEWAY_PROT": "9091"})
    assert str(caught.value) == (
        "environment: unknown variable PYTEST_PUSHGATEWAY_PROT; did you mean 'PYTEST_PUSHGATEWAY_PORT'? "
        "(only PYTEST_PUSHGATEWAY_HOST, PYTEST_PUSHGATEWAY_PORT and PYTEST_PUSHGATEWAY_CONNECT are read)"
    )


def test_templates_of_environment_variables() -> None:
    assert templates(["URL={url}", " HOST = {host} "]) == [("URL", "{url}"), ("HOST", "{host}")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("URL", "expected NAME=template, not 'URL'"),
        ("URL={ulr}", "unknown field {ulr} in 'URL={ulr}'; did you mean 'url'?"),
        ("URL={url", "'URL={url': expected '}' before end of string"),
    ],
)
def test_broken_template_is_named(line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        templates([line])

    assert str(caught.value) == f"ini option pushgateway_env_vars: {message}"
