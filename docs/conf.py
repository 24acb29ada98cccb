"""Sphinx configuration; built with warnings as errors."""

from __future__ import annotations

from pytest_pushgateway._version import __version__

project = "pytest-pushgateway"
author = "The pytest-pushgateway developers"
copyright = "2026, the pytest-pushgateway developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pytest-pushgateway {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# What stands in other projects' manuals, or in signatures under a short name; all else must be found.
nitpick_ignore_regex = [
    (
        "py:class",
        r"(collections\.abc|datetime|os|re|pathlib|types|email\.message|typing|prometheus_client|werkzeug)\..*",
    ),
    ("py:class", r"Sample|Metrics|Headers|Message|PathLike|Global|Unsimulated|RulesError|Any|Parsed|MetricFamily"),
    ("py:class", r"Duration|Moment|When|Answers|AbstractContextManager|_T"),
    ("py:class", r"(pytest_pushgateway\.programs\.)?Program"),
    ("py:exc", "RulesError"),
    ("py:attr", "targets"),
    ("py:mod", r"pytest_pushgateway\.prometheus\.rules\.rule_test"),
]
