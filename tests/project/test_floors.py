"""The floors of the house: an import never runs upward, and only the plugin knows pytest."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_pushgateway"

# What each room may import of the package, besides itself.
ALLOWED: dict[str, set[str]] = {
    "_version": set(),
    "settings": set(),
    "warnings": set(),
    "exposition": set(),
    "gateway": {"exposition", "settings", "_version"},
    "prometheus": {"exposition", "settings", "_version"},
    "harness": {"gateway", "exposition", "settings", "warnings", "_version"},
    "commands": {"harness", "gateway", "prometheus", "exposition", "settings", "_version"},
    "cli": {"commands", "settings", "_version"},
    "__main__": {"cli"},
    "pause": {"harness"},
    "summary": {"harness"},
    "plugin": {
        "pause",
        "summary",
        "harness",
        "gateway",
        "prometheus",
        "exposition",
        "settings",
        "warnings",
        "_version",
    },
    "__init__": {"harness", "gateway", "prometheus", "exposition", "settings", "warnings", "_version"},
}
WITHOUT_PYTEST = {"settings", "warnings", "exposition", "gateway", "prometheus", "harness", "commands", "cli"}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return the absolute names of all modules that a file imports, wherever the import stands."""
    package = ["pytest_pushgateway", *path.relative_to(PACKAGE).parts[:-1]]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def rooms_entered(path: Path) -> set[str]:
    entered = {name.split(".")[1] for name in imported(path) if name.startswith("pytest_pushgateway.")}
    return {name for name in entered if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}


def test_every_room_has_its_rule() -> None:
    assert {room(path) for path in modules()} <= set(ALLOWED)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_never_run_upward(path: Path) -> None:
    here = room(path)
    assert rooms_entered(path) - ALLOWED[here] - {here} == set()


@pytest.mark.parametrize("path", [path for path in modules() if room(path) in WITHOUT_PYTEST], ids=str)
def test_only_the_plugin_knows_pytest(path: Path) -> None:
    assert {name for name in imported(path) if name.split(".")[0] in {"pytest", "_pytest"}} == set()


def test_the_rule_catches_an_upward_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pytest_pushgateway"
    (package / "gateway").mkdir(parents=True)
    (package / "harness").mkdir()
    culprit = package / "gateway" / "store.py"
    culprit.write_text("def late():\n    from ..harness import journal\n")
    monkeypatch.setitem(globals(), "PACKAGE", package)
    assert rooms_entered(culprit) == {"harness"}
