"""The facts of a run as one HTML file, made of the web page's modules and those next to this one."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pytest_pushgateway.gateway.app import page as web_page
from pytest_pushgateway.gateway.app.page.assets import bundle
from pytest_pushgateway.plugin.report.collect import FAILING

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

_ENTRY = "report.js"


def render(facts: Json) -> str:
    """Return the text of the file: styles, scripts and facts inside, and nothing fetched from elsewhere."""
    theme, script = _read("theme.js"), '"use strict";\n' + bundle(_ENTRY, _read)
    parts = {
        "title": html.escape(_title(facts)),
        "policy": _policy(theme, script),
        "icon": "data:image/svg+xml;base64," + base64.b64encode(_read("favicon.svg").encode()).decode(),
        "style": _read("app.css") + _read("report.css"),
        "theme": theme,
        "symbols": _symbols(),
        "plain": "".join(_plain(facts)),
        "facts": as_data(_packed(facts)),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _read("report.html"))


def as_data(value: Any) -> str:
    """Return JSON whose texts cannot end a script element; it is ASCII, which also escapes U+2028."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(name: str) -> str:
    own = files(__package__).joinpath(name)
    place = own if own.is_file() else files(web_page.__name__).joinpath(name)
    return place.read_text(encoding="utf-8")


def _symbols() -> str:
    """Return the icons that the web page defines."""
    found = re.search(r"<svg hidden.*?</svg>", _read("index.html"), re.DOTALL)
    assert found is not None
    return found[0]


def _policy(*scripts: str) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _packed(facts: Json) -> Json:
    """Return the facts with each body and each list of headers written once."""
    tables: dict[str, dict[str, int]] = {"headers": {}, "bodies": {}}

    def index(table: str, value: Any) -> int:
        return tables[table].setdefault(json.dumps(value), len(tables[table]))

    def pack(mark: Json) -> Json:
        if "headers" not in mark:
            return mark
        body = mark["body"]
        return {
            **{name: value for name, value in mark.items() if value is not None and value not in ([], "")},
            "headers": index("headers", mark["headers"]),
            "body": None if body is None else index("bodies", body),
        }

    tests = [{**test, "marks": [pack(mark) for mark in test["marks"]]} for test in facts["tests"]]
    texts = {table: [json.loads(value) for value in known] for table, known in tables.items()}
    return {**facts, "tests": tests, **texts}


def _title(facts: Json) -> str:
    failing = sum(facts["counts"][outcome] for outcome in FAILING)
    state = f"{failing} failing" if failing else "no failures"
    return f"{facts['project']}: {state}, Pushgateway report"


def _plain(facts: Json) -> Iterator[str]:
    """Yield the text for browsers without scripts, such as the artefact viewers of some CI servers."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in facts["counts"].items() if count)
    yield f"<h1>{html.escape(facts['project'])}</h1><p>{counts or 'No test ran'}.</p>"
    yield "<p>This page needs JavaScript: download the file and open it in a browser.</p>"
    for problem in facts["problems"]:
        yield f"<pre>{html.escape(problem)}</pre>"
    for test in facts["tests"]:
        if test["outcome"] in FAILING:
            yield f"<h2>{html.escape(test['outcome'])}: {html.escape(_printable(test['id']))}</h2>"
            for failure in test["failures"]:
                yield f"<pre>{html.escape(_printable(failure['text']))}</pre>"


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
