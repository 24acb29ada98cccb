"""How the project writes, in patterns: those that must not occur at all, and those that may only become fewer.

``python -m tests.project.voice`` lowers the counts in ``voice.json`` to those of today; it never raises one.
"""

from __future__ import annotations

import functools
import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
COUNTS = Path(__file__).with_name("voice.json")

NEVER = {
    "of its own": r"\bof (its|their|our|the \w+'s) own\b",
    "Tell whether": r"^Tell whether",
    "anew": r"\banew\b",
    "so many": r"\bso many\b",
    "let go": r"\blets? go\b",
    "test_a_": r"^test (a|an|the) ",
}
FEWER = {
    "says, told": r"\b(says?|said|tells?|told)\b",
    "What ...": r"^(What|Who|Where|How) ",
    "of what": r"\b(of|with|in|by|than|for|shows|lists|has|not|as) what\b",
    "where there": r"\bwhere (there|it|they|none|no|an?|the|its|nothing)\b",
    "stands": r"\b(stands?|stood|standing)\b",
    "is no": r"\b(?<!there )(is|are|was|be|that) no [a-z]|\b(is|are) none\b",
    "whoever": r"\b(whoever|nobody|somebody|anybody|who (asks|wants|sees))\b",
    "alone": r"\b\w+ alone\b",
    "beside": r"\bbeside\b",
    "any more": r"\bany more\b|\ball else\b",
    "midst": r"\b(midst|for ever|hindrance|mend(s|ed)?|thereby|lives? on|bears?|in vain|astray|(at|in) hand|kin)\b",
    "in its place": r"\bin (the|its) place( of)?\b",
    "brings": r"\bbrings?\b",
    ", too": r", too[.;,]",
    "of which": r"\b(of|in|with|for|to) which\b",
}


@functools.cache
def units() -> list[str]:
    """Return everything written: lines of pages; comments, strings and names of Python."""
    return list(_units())


def _units() -> Iterator[str]:
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(page for page in (ROOT / "docs").rglob("*.md") if page.name != "api.md"),  # that one repeats the docstrings
        *(ROOT / "news").glob("*.md"),
    ]
    for page in pages:
        yield from page.read_text(encoding="utf-8").splitlines()
    for folder in ("pytest_pushgateway", "tests", "benchmarks", "docs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(__file__):
                yield from _of_python(path.read_text(encoding="utf-8"))


def _of_python(source: str) -> Iterator[str]:
    names = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")
        elif token.type == tokenize.STRING:
            text = re.sub(r"^[rbfuRBFU]*(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$", "", token.string)
            yield from (line.strip() for line in text.splitlines())
        elif token.type == tokenize.NAME:
            names.add(token.string)
    yield from (name.strip("_").replace("_", " ") for name in sorted(names) if "_" in name)


def places(pattern: str) -> list[str]:
    """Return what matches a pattern."""
    search = re.compile(pattern).search
    return [unit for unit in units() if search(unit)]


def counts() -> dict[str, int]:
    """Return how often each pattern of `FEWER` is found today."""
    searches = {name: re.compile(pattern).search for name, pattern in FEWER.items()}
    found = Counter(name for unit in units() for name, search in searches.items() if search(unit))
    return {name: found[name] for name in FEWER}


def allowed() -> dict[str, int]:
    """Return how often each may be found."""
    recorded: dict[str, int] = json.loads(COUNTS.read_text(encoding="utf-8"))
    return recorded


if __name__ == "__main__":
    before = allowed() if COUNTS.exists() else {}
    lowered = {name: min(number, before.get(name, number)) for name, number in counts().items()}
    COUNTS.write_text(json.dumps(lowered, indent=2) + "\n", encoding="utf-8")
