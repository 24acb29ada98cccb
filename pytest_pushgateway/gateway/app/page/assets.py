"""The page's own files as browsers get them: the modules joined into one script, all named by a digest, compressed.

A page of fourteen modules that import each other takes four round trips to start, one of a single script takes one.
The modules are written so that joining them is simple: they import names from each other, not themselves, and export
functions and constants where they define them. ``tests/ui/test_static_files.py`` holds them to that.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_ENTRY = "app.js"
_FILES = {"app.css": ("app.css",), "early.js": ("early.js", "theme.js"), "favicon.svg": ("favicon.svg",)}
"""Files that are served, each of one or two; a request names one of these or the script of all modules, and no path is
ever built from it."""
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|const) (\w+)", re.MULTILINE)


class Asset(NamedTuple):
    """A file to send."""

    content_type: str
    plain: bytes
    packed: bytes
    """With gzip."""


class Assets(NamedTuple):
    """Everything that the page consists of."""

    digest: str
    """Another one for each version of the page."""
    page: Asset
    files: Mapping[str, Asset]


@cache
def assets() -> Assets:
    """Return the page's files; they are read, joined and compressed once."""
    folder = files(__package__)

    def read(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")  # whatever ends the lines in a checkout

    content = {name: "".join(map(read, parts)) for name, parts in _FILES.items()}
    content["page.js"] = bundle(_ENTRY, read)
    html = read("index.html")
    digest = hashlib.sha256("\0".join([html, *content.values()]).encode()).hexdigest()[:16]
    page = _asset("index.html", html.replace("{{digest}}", digest))
    return Assets(digest, page, {name: _asset(name, text) for name, text in content.items()})


def _asset(name: str, text: str) -> Asset:
    plain = text.encode()
    return Asset(_TYPES[name[name.rindex(".") :]], plain, gzip.compress(plain, mtime=0))


def bundle(entry: str, read: Callable[[str], str]) -> str:
    """Return one script that does what a module and those that it imports do.

    Each module becomes a function, called once, that returns its exports.

    Args:
        entry: the name of the module that starts everything.
        read: returns the text of a module.
    """
    joined: dict[str, str] = {}

    def add(name: str) -> None:
        text = read(name)
        for found in _IMPORT.finditer(text):
            if found[2] not in joined:
                add(found[2])
        text = _IMPORT.sub(_destructured, text)
        exported = ", ".join(found[2] for found in _EXPORT.finditer(text))
        text = _EXPORT.sub(r"\1 \2", text)
        joined[name] = f"const {_variable(name)} = (() => {{\n{text}return {{ {exported} }};\n}})();\n"

    add(entry)
    return "".join(joined.values())


def _destructured(found: re.Match[str]) -> str:
    return f"const {{ {found[1].replace(' as ', ': ')} }} = {_variable(found[2])};\n"


def _variable(name: str) -> str:
    return f"module_{name.removesuffix('.js')}"
