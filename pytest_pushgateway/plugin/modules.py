"""Sees to it that the package's modules are loaded once in a run, and as they are, whatever a test does to imports.

A test that puts ``sys.modules`` back as it was would otherwise leave a second copy of every class: what the first one
raises and records the second one does not know.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

_PACKAGE = "pytest_pushgateway"
_loaded: dict[str, tuple[ModuleType, dict[str, Any]]] = {}
"""Every module of the package that has been loaded in this process, and its attributes that imports set."""
_SET_BY_IMPORTS = ("__name__", "__loader__", "__package__", "__spec__", "__path__", "__file__", "__cached__")
_OFTEN_REPLACED = ("io", "os", "os.path", "pathlib", "posix", "shutil", "tempfile", "threading", "time")
_genuine = {name: sys.modules[name] for name in _OFTEN_REPLACED if name in sys.modules}
"""Modules that tests like to replace, as they were when pytest started."""


class OnceAndAsTheyAre:
    """Finds the package's modules before pytest and anybody else does; to be put first into ``sys.meta_path``.

    pytest would rewrite the assertions of all that comes with a plugin. Theirs help no test, and to parse and
    compile them again would be most of what a first use costs. pytest's own way to prevent it, a word in each module's
    docstring, spares little of that.
    """

    def __init__(self) -> None:
        for name, module in list(sys.modules.items()):
            if _is_ours(name) and name not in _loaded:
                _note(module)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a module of the package; leave all others to others."""
        if not _is_ours(name):
            return None
        if name in _loaded:
            return ModuleSpec(name, _Again(), is_package=hasattr(_loaded[name][0], "__path__"))
        found = PathFinder.find_spec(name, path, target)
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _Once(name, found.loader.path)
        return found


class _Once(SourceFileLoader):
    """Loads a module for the first time."""

    def exec_module(self, module: ModuleType) -> None:
        with _genuine_modules():
            super().exec_module(module)
        _note(module)


class _Again(Loader):
    """Loads a module that has been loaded before and is not in ``sys.modules`` any more, or is to be reloaded."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _loaded[spec.name][0]

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(_loaded[module.__name__][1])


def _is_ours(name: str) -> bool:
    return name == _PACKAGE or name.startswith(f"{_PACKAGE}.")


def _note(module: ModuleType) -> None:
    attributes = {name: vars(module)[name] for name in _SET_BY_IMPORTS if name in vars(module)}
    _loaded[module.__name__] = module, attributes


@contextmanager
def _genuine_modules() -> Iterator[None]:
    """Let what is imported meanwhile see no module in another's place, which it would keep for the whole run."""
    replaced = {name: sys.modules.get(name) for name, one in _genuine.items() if sys.modules.get(name) is not one}
    if not replaced:
        yield
        return
    sys.modules.update((name, _genuine[name]) for name in replaced)
    try:
        yield
    finally:
        for name, module in replaced.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
