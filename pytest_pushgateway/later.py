"""The law of the imports, for the package's own modules: at the top, but for those that few users of another need.

A test's first push would pay for the words of failures, faults, the strict parser, the scrape's side, the web page and
the linter, and nearly all tests end without them. Such a module is named at the top like any other, and imported with
the first use of something in it::

    if TYPE_CHECKING:
        from pytest_pushgateway.harness.messages import failures
    else:
        failures = later("pytest_pushgateway.harness.messages.failures")

Modules that are heavy by nature (they need yaml, ssl, sqlite3 or google.protobuf) are imported inside functions, as
those foreign modules are themselves. ``tests/project/test_imports.py`` lists both kinds, and what each saves.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Later:
    def __init__(self, name: str) -> None:
        self._name = name
        self._module: Any = None

    def __getattr__(self, attribute: str) -> Any:
        if self._module is None:
            self._module = import_module(self._name)
        # Not kept: a test may replace what a module has.
        return getattr(self._module, attribute)


def later(name: str) -> Any:
    """Return a stand-in for the module ``name``, which is imported when something of it is first asked for."""
    return _Later(name)
