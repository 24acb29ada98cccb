"""``python -m tests.stress.atheris_fuzz PARSER CORPUS [libFuzzer options]``: one parser under atheris."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

with atheris.instrument_imports(include=["pytest_pushgateway"]):
    from tests.stress.parser_targets import TARGETS

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
