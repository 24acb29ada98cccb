"""Sphinx configuration; built with warnings as errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_pushgateway._version import __version__

project = "pytest-pushgateway"
author = "The pytest-pushgateway developers"
copyright = "2026, the pytest-pushgateway developers"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
exclude_patterns = ["_build", "api_site.md"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"pytest-pushgateway {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
default_role = "py:obj"  # `name` in a docstring is a link
autodoc_preserve_defaults = True  # a signature shows "..." as the code has it
# What the pages refer to of other manuals: a build without a network links to them. Written by docs/inventories.py.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", "inventories/python.inv"),
    "pytest": ("https://docs.pytest.org/en/stable", "inventories/pytest.inv"),
    "werkzeug": ("https://werkzeug.palletsprojects.com/en/stable", "inventories/werkzeug.inv"),
}
HERE = Path(__file__).parent
# Pages that are files of the repository; on a forge their readers follow a link.
COPIES = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md", "security": "SECURITY.md"}
# The pages below a page, in their order, with a caption for each part of the navigation.
CHAPTERS = {
    "index": {
        "First steps": "quickstart tutorial migrating comparison",
        "In tests": "howto/index recipes faq fixtures gateway options warnings prometheus",
        "Without tests": "command-line web-page systemd lint/index",
        "Reference": "api deviations design performance reliability security",
        "The project": "supported-versions upgrading changelog contributing architecture",
    },
    "howto/index": {
        "": "broken-gateway retries slow-gateway rejected waiting whole-text compare time-and-restarts address "
        "fixed-address asyncio tls-and-auth late-pushes xdist unittest ci report container"
    },
    "command-line": {"": "test-api"},
    "deviations": {"": "odd-names"},
    "lint/index": {"": "PG* evidence"},
}
# Names that signatures have in short, or that are in none of them.
IN_FULL = {
    "AbstractContextManager": "contextlib.AbstractContextManager",
    "Headers": "werkzeug.datastructures.Headers",
    "PathLike": "os.PathLike",
}
nitpick_ignore_regex = [("py:class", r"(.*\.)?(_T|Global|Program|re\.Pattern|prometheus_client\.Metric)")]
# A copied session of a console has the commands alone, without the prompt and what they print.
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"


def give_full_name(app: Any, env: Any, node: Any, content: Any) -> None:
    """Let Sphinx look for the full name if it did not find the short one."""
    node["reftarget"] = IN_FULL.get(node["reftarget"], node["reftarget"])


def adapt_to_site(app: Any, name: str, source: list[str]) -> None:
    """Add what a page has on the site and a reader of plain Markdown, as on a forge, does not need."""
    if name == "api":
        source[0] = HERE.joinpath("api_site.md").read_text(encoding="utf-8")
    elif name == "performance":
        table = "```{include} ../benchmarks/results/results.md\n```"
        source[0] = source[0].replace("The table is in [results.md](../benchmarks/results/results.md).", table)
    elif name in COPIES:
        source[0] = f"```{{include}} ../{COPIES[name]}\n```\n"
    for caption, pages in CHAPTERS.get(name, {}).items():
        options = (f":caption: {caption}\n" if caption else "") + ":hidden:\n:glob:\n"
        source[0] += f"\n```{{toctree}}\n{options}\n{chr(10).join(pages.split())}\n```\n"


def setup(app: Any) -> None:
    """Connect the above: names in full before other manuals are asked."""
    app.connect("missing-reference", give_full_name, priority=100)
    app.connect("source-read", adapt_to_site)
