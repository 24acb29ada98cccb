"""Names: no public class is called as another, and what the API page documents can be imported from the package."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import pytest_pushgateway

pytestmark = pytest.mark.once

PACKAGE = Path(pytest_pushgateway.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
API = DOCS / "api_site.md"
ARCHITECTURE = DOCS / "architecture.md"


def test_public_class_names_are_unique() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(PACKAGE)))

    assert len(homes) > 100
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_everything_on_api_page_is_exported() -> None:
    documented = re.findall(r"^\.\. (?:auto\w+|data):: ([\w.]+)", API.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(documented) == sorted(pytest_pushgateway.__all__)


def test_each_export_is_found_in_its_listed_module() -> None:
    for name in set(pytest_pushgateway.__all__) - {"__version__"}:
        value = getattr(pytest_pushgateway, name)
        assert value.__module__ == f"pytest_pushgateway.{pytest_pushgateway._HOMES[name]}"


FOLDERS = sorted({path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: str(one.relative_to(PACKAGE)))
def test_folder_has_at_most_a_dozen_modules(folder: Path) -> None:
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]

    assert 3 <= len(modules) <= 12, modules


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: str(one.relative_to(PACKAGE)))
def test_folder_docstring_lists_its_contents(folder: Path) -> None:
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""

    assert docstring.count(".") >= 2, docstring


def test_architecture_page_names_each_folder_and_each_module_outside_of_them() -> None:
    page = ARCHITECTURE.read_text(encoding="utf-8")
    top = [path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("_")]
    folders = [f"{path.relative_to(PACKAGE).as_posix()}/" for path in FOLDERS]
    assert [name for name in [*top, *folders] if f"`{name}`" not in page] == []


def test_architecture_page_names_no_module_that_is_gone() -> None:
    named = set(re.findall(r"`(?:python )?([\w/]+\.py)`", ARCHITECTURE.read_text(encoding="utf-8")))
    files = [path.as_posix() for place in (PACKAGE, DOCS, DOCS.parent / "tests") for path in place.rglob("*.py")]
    assert len(named) > 50
    assert [name for name in named if not any(file.endswith(f"/{name}") for file in files)] == []
