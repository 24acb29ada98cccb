"""Errors in JSON, in Go's words and at the character that Go blames, whichever Python reads it."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from pytest_pushgateway import load
from pytest_pushgateway.golang.json_syntax import find_error
from tests import peers

# Python blames the comma since 3.13, the bracket before, and since 3.10.7 no number has more than 4,300 digits.
CASES = {
    "[1,]": ("invalid character ']' looking for beginning of value", 3),
    '[{"targets": ["a",]}]': ("invalid character ']' looking for beginning of value", 18),
    '[{"targets": ["a"],}]': ("invalid character '}' looking for beginning of object key string", 19),
    "[1 2]": ("invalid character '2' after array element", 3),
    "[01]": ("invalid character '1' after array element", 2),
    '{"a": 1 "b"}': ("invalid character '\"' after object key:value pair", 8),
    '{"a" 1}': ("invalid character '1' after object key", 5),
    "[NaN]": ("invalid character 'N' looking for beginning of value", 1),
    "[-Infinity]": ("invalid character 'I' in numeric literal", 2),
    "[] x": ("invalid character 'x' after top-level value", 3),
    "[nul]": ("invalid character ']' in literal null (expecting 'l')", 4),
    "[": ("unexpected end of JSON input", 1),
    "": ("unexpected end of JSON input", 0),
}
VALUE, NUMBER = "looking for beginning of value", "numeric literal"
# With Go's second implementation of JSON, and with the first.
BY_VERSION = {
    "[tru": ("unexpected end of JSON input", "invalid character ' ' in literal true (expecting 'e')"),
    '["\\x"]': ("invalid escape sequence `\\x` in string", "invalid character 'x' in string escape code"),
    '["\\u1"]': (
        'invalid escape sequence `\\u1"]` in string',
        "invalid character '\"' in \\u hexadecimal character escape",
    ),
    '["\n"]': ("invalid character '\\n' in string", "invalid character '\\n' in string literal"),
    "[1.]": (f"invalid character ']' in {NUMBER}", f"invalid character ']' after decimal point in {NUMBER}"),
    "[1e+]": (f"invalid character ']' in {NUMBER}", f"invalid character ']' in exponent of {NUMBER}"),
    "[é]": (f"invalid character 'é' {VALUE}", f"invalid character 'Ã' {VALUE}"),
}
LETTERS = '[]{},:"\\ truefalsn01.9-+eE\n\tux/aé\x01'
RIGHT = ["[1,2]", '{"a":[1,"b\\u00e9",null,true,-1.5e+3]}', '[{"targets":["a:1"],"labels":{"x":"y"}}]']


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_character_blamed_by_go(text: str, expected: tuple[str, int]) -> None:
    for old in (False, True):
        error = find_error(text, old=old)
        assert error is not None
        assert (str(error), error.offset) == expected


@pytest.mark.parametrize(("text", "expected"), BY_VERSION.items())
def test_messages_of_both_implementations(text: str, expected: tuple[str, str]) -> None:
    assert (str(find_error(text)), str(find_error(text, old=True))) == expected


def mutants(seed: int, count: int) -> list[str]:
    """Return texts that are JSON but for a character or two, some of them still JSON."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        text = list(chance.choice(RIGHT))
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(text) + 1)
            text[at : at + chance.randint(0, 2)] = chance.choice(LETTERS) if chance.random() < 0.7 else ""
        found.append("".join(text))
    return found


def refuse(constant: str) -> None:
    raise ValueError(constant)


def test_python_refuses_the_same_texts() -> None:
    verdicts = set()
    for text in mutants(seed=5, count=20_000):
        try:
            json.loads(text, parse_int=float, parse_constant=refuse)
        except ValueError:
            verdicts.add(False)
            assert find_error(text) is not None, text
        else:
            verdicts.add(True)
            assert find_error(text) is None, text
    assert verdicts == {True, False}


def problem(folder: Path, targets: str) -> str:
    """Return the problems of a file of targets."""
    (folder / "t.json").write_text(targets, encoding="utf-8")
    config = folder / "prometheus.yml"
    config.write_text("scrape_configs: [{job_name: a, file_sd_configs: [{files: [t.json]}]}]\n")
    (found,) = load(config, lint="none").problems
    return str(found)


def test_target_file_error_names_place(tmp_path: Path) -> None:
    said = problem(tmp_path, '[\n  {"targets": ["a:1"]},\n]\n')
    assert "t.json:3:1: error: " in said
    assert said.endswith("invalid character ']' looking for beginning of value")


def test_number_too_long_for_python_is_a_number(tmp_path: Path) -> None:
    said = problem(tmp_path, f"[{'9' * 5000}]")
    assert "t.json:1:2: error: " in said
    assert "json: cannot unmarshal number into Go value" in said


@pytest.mark.conformance
@pytest.mark.parametrize("old", [False, True], ids=["promtool 3.5", "promtool 2.53"])
def test_promtool_reports_the_same(tmp_path: Path, old: bool) -> None:
    promtool = peers.promtool_2_binary() if old else peers.promtool_binary()
    (tmp_path / "p.yml").write_text("scrape_configs: [{job_name: a, file_sd_configs: [{files: [t.json]}]}]\n")
    texts = [text for text in [*CASES, *BY_VERSION, *mutants(seed=6, count=100)] if find_error(text) is not None]
    assert len(texts) > 80
    for text in texts:
        (tmp_path / "t.json").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [promtool, "check", "config", "p.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.stderr.strip().endswith(f'checking SD file "t.json": {find_error(text, old=old)}'), text
