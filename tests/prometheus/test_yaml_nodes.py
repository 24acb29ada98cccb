"""YAML with positions, and yaml.v2's rules for scalars."""

from __future__ import annotations

import math

import pytest

from pytest_pushgateway.golang import yaml_v2 as yaml_nodes
from pytest_pushgateway.golang.yaml_v2 import SyntaxProblem, compose, is_null, position, resolve, string_value


@pytest.fixture(params=["libyaml", "pure"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pure":
        monkeypatch.setattr(yaml_nodes, "_Loader", yaml_nodes._PureLoader)
    elif yaml_nodes._Loader is yaml_nodes._PureLoader:
        pytest.skip("PyYAML was built without libyaml")
    return str(request.param)


@pytest.mark.usefixtures("loader")
def test_everything_has_a_place() -> None:
    root = compose(b"a: [b,\n    {c: d}]\n")
    assert root is not None
    ((key, value),) = root.value
    assert (position(key), position(value)) == ((1, 1), (1, 4))
    assert position(value.value[1].value[0][1]) == (2, 9)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("text", [b"", b"# x\n", b"---\n---\nx", b"\xef\xbb\xbf~"])
def test_empty_text(text: bytes) -> None:
    root = compose(text)
    assert root is None or is_null(root)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "at"),
    [
        (b"a: [", (1, 5)),
        (b"a: b: c", (1, 5)),
        (b"a: \x00", (1, 4)),
        (b"\xc3(", (1, 1)),
        (b"a: *zz", (1, 4)),
        (b"# x\n%YAML 1.2\n---\na: b", (2, 1)),
        (b"[" * 1000, (1, 501)),
        (b"a:\n\tb: c", (2, 1)),
    ],
)
def test_invalid_yaml(text: bytes, at: tuple[int, int], loader: str) -> None:
    with pytest.raises(SyntaxProblem) as raised:
        compose(text)
    if loader == "libyaml" and text != b"a: [":  # libyaml tells the end of the text, one line further
        assert raised.value.position == at
    assert raised.value.position is not None
    assert raised.value.position.line in (at[0], at[0] + 1)
    assert str(raised.value).startswith("yaml: ")


@pytest.mark.parametrize(
    ("text", "tag", "value"),
    [
        ("5", "!!int", 5),
        ("-5", "!!int", -5),
        ("010", "!!int", 8),
        ("0o10", "!!int", 8),
        ("0x1F", "!!int", 31),
        ("0b11", "!!int", 3),
        ("1_000", "!!int", 1000),
        ("18446744073709551615", "!!int", 18446744073709551615),
        ("18446744073709551616", "!!float", 1.8446744073709552e19),
        ("09", "!!float", 9.0),
        ("1e3", "!!float", 1000.0),
        (".5", "!!float", 0.5),
        (".inf", "!!float", math.inf),
        ("-.INF", "!!float", -math.inf),
        ("yes", "!!bool", True),
        ("OFF", "!!bool", False),
        ("yEs", "!!str", "yEs"),
        ('"yes"', "!!str", "yes"),
        ("~", "!!null", None),
        ("NULL", "!!null", None),
        ("nUll", "!!str", "nUll"),
        ("2001-12-14", "!!timestamp", "2001-12-14"),
        ("2001-12-14 21:59:43", "!!timestamp", "2001-12-14 21:59:43"),
        ("2001-13-14", "!!str", "2001-13-14"),
        ("1:30", "!!str", "1:30"),
        ("<<", "!!merge", "<<"),
        ("!!str 5", "!!str", "5"),
        ("!!float 5", "!!float", 5.0),
        ("!!binary aGk=", "!!binary", "hi"),
        ("!x 5", "!x", "5"),
    ],
)
def test_scalars(text: str, tag: str, value: object) -> None:
    node = compose(text.encode())
    assert isinstance(node, yaml_nodes.ScalarNode)
    assert resolve(node) == (tag, value)


@pytest.mark.parametrize(
    ("text", "reason"), [("!!int x", "cannot decode !!str `x` as a !!int"), ("!!binary '%'", "invalid base64 data")]
)
def test_tags_that_do_not_fit(text: str, reason: str) -> None:
    node = compose(text.encode())
    assert isinstance(node, yaml_nodes.ScalarNode)
    with pytest.raises(SyntaxProblem, match=reason):
        resolve(node)


@pytest.mark.parametrize(
    ("text", "value"), [("1.50", "1.50"), ("yes", "yes"), ("~", ""), ("'~'", "~"), ("!!null x", ""), ("!!int 5", "5")]
)
def test_strings_keep_their_text(text: str, value: str) -> None:
    node = compose(text.encode())
    assert isinstance(node, yaml_nodes.ScalarNode)
    if text == "!!null x":
        with pytest.raises(SyntaxProblem):
            string_value(node)
    else:
        assert string_value(node) == value
