"""Sphinx configuration; built with warnings as errors."""

from __future__ import annotations

from pytest_pushgateway._version import __version__

project = "pytest-pushgateway"
author = "The pytest-pushgateway developers"
copyright = "2026, the pytest-pushgateway developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pytest-pushgateway {release}"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
