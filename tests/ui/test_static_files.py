"""``respond()`` serves the page's files: one script of all modules, compressed, kept by browsers, and nothing else."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import NoReturn

import pytest

import pytest_pushgateway
from pytest_pushgateway.gateway.app import page as ui
from pytest_pushgateway.gateway.app.page.assets import bundle

FOLDER = Path(ui.__file__).parent
PACKAGE = Path(pytest_pushgateway.__file__).parent
MODULES = sorted(path.name for path in FOLDER.glob("*.js") if path.name not in ("early.js", "theme.js"))
TEXTS = {name: (FOLDER / name).read_text(encoding="utf-8") for name in MODULES}
DYNAMIC = ["post", "put"]
"""Classes that are made of a request's method."""
KEPT = "private, max-age=31536000, immutable"


def imported(text: str) -> list[str]:
    return [name for names in re.findall(r"^import \{ (.+) \}", text, re.MULTILINE) for name in names.split(", ")]


def exported(text: str) -> list[str]:
    return re.findall(r"^export (?:(?:async )?function\*?|const) (\w+)", text, re.MULTILINE)


def never() -> NoReturn:
    raise AssertionError("a file needs neither the state nor the groups")


def get(path: str, packed: bool = False, known: str = "") -> tuple[int, dict[str, str], bytes]:
    answer = ui.respond(ui.Asked(path, "", packed, known), never, never)
    assert answer is not None
    assert len(dict(answer.headers)) == len(answer.headers)
    return answer.status, dict(answer.headers), b"".join(answer.blocks)


def named() -> list[str]:
    """Return the paths of the files that the page names."""
    return re.findall(r'(?:src|href)="\.(/static/[^"]+)"', get("/")[2].decode())


@pytest.mark.parametrize("path", ["/", "/status"])
def test_page_is_served_at_both_addresses(path: str) -> None:
    status, headers, body = get(path)
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "text/html; charset=utf-8", "no-cache")
    assert body.startswith(b"<!doctype html>")
    assert b"{{" not in body


@pytest.mark.parametrize("path", ["/", "/static/page.js"])
def test_every_answer_confines_the_page_to_this_host(path: str) -> None:
    _, headers, _ = get(path)
    assert headers["Content-Security-Policy"].split("; ")[0] == "default-src 'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_page_names_four_files_that_browsers_keep_for_good() -> None:
    assert [path.rpartition("/")[2] for path in named()] == ["favicon.svg", "app.css", "early.js", "page.js"]
    for path in named():
        status, headers, _ = get(path)
        assert (status, headers["Cache-Control"]) == (200, KEPT)
    assert get("/static/page.js")[1]["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/status", *named()])
def test_files_are_compressed_for_clients_that_take_it(path: str) -> None:
    _, plain, body = get(path)
    _, headers, packed = get(path, packed=True)
    assert gzip.decompress(packed) == body
    assert headers == {**plain, "Content-Encoding": "gzip"}
    assert plain["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/", *named()])
@pytest.mark.parametrize("packed", [True, False])
def test_known_file_is_not_sent_again(path: str, packed: bool) -> None:
    _, headers, _ = get(path, packed)
    tag = headers["ETag"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        status, again, body = get(path, packed, known)
        assert (status, body) == (304, b"")
        # What a cache keeps of the answer 200 holds for the answer 304 too.
        assert again == {name: headers[name] for name in headers.keys() - {"Content-Type", "Content-Encoding"}}
        assert "Vary" in again
    for unknown in ("", '"other"', tag.strip("W/").strip('"'), f'W/"{tag}"'):
        assert get(path, packed, unknown)[0] == 200


def test_script_has_all_modules_and_imports_none() -> None:
    script = get("/static/page.js")[2].decode()
    assert re.findall(r"^const module_(\w+) = ", script, re.MULTILINE)[-1] == "app"
    assert sorted(re.findall(r"^const module_(\w+) = ", script, re.MULTILINE)) == [name[:-3] for name in MODULES]
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)


def test_modules_are_written_so_that_they_can_be_joined() -> None:
    for name, text in TEXTS.items():
        for line in text.splitlines():
            if line.startswith("import"):
                assert re.fullmatch(r'import \{ \w+( as \w+)?(, \w+( as \w+)?)* \} from "\./\w+\.js";', line), (
                    name,
                    line,
                )
            if "export" in line.split():
                assert re.match(r"export ((async )?function\*? |const )\w+", line), (name, line)


def test_joined_modules_are_in_the_order_of_their_imports() -> None:
    modules = {
        "a.js": 'import { b, c as e } from "./b.js";\nimport { d } from "./d.js";\nb(e, d);\n',
        "b.js": 'import { d } from "./d.js";\nexport const c = 1;\nexport async function b() {}\n',
        "d.js": "export function* d() {}\n",
    }
    assert bundle("a.js", modules.__getitem__).split("const module_") == [
        "",
        "d = (() => {\nfunction* d() {}\nreturn { d };\n})();\n",
        "b = (() => {\nconst { d } = module_d;\nconst c = 1;\nasync function b() {}\nreturn { c, b };\n})();\n",
        "a = (() => {\nconst { b, c: e } = module_b;\nconst { d } = module_d;\nb(e, d);\nreturn {  };\n})();\n",
    ]


def test_everything_that_is_exported_or_defined_has_a_user() -> None:
    users = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.js")]
    asked_for = {name for text in users for name in imported(text)}
    for module, text in TEXTS.items():
        assert [name for name in exported(text) if name not in asked_for] == [], module
        names = re.findall(r"^(?:async )?(?:function\*?|const|let) (\w+)", text, re.MULTILINE) + imported(text)
        assert [name for name in names if len(re.findall(rf"\b{name}\b", text)) == 1] == [], module


def test_every_class_in_the_style_sheet_has_a_user() -> None:
    markup = "\n".join([*TEXTS.values(), (FOLDER / "index.html").read_text(encoding="utf-8")])
    style = re.sub(r"/\*.*?\*/", "", (FOLDER / "app.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    classes = set(re.findall(r"\.([a-z][\w-]*)(?=[^{}]*\{)", style))
    assert [name for name in sorted(classes) if not re.search(rf"[\"'`\s]{name}[\"'`\s$]", markup)] == DYNAMIC


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nope.js",
        "app.js",
        "__init__.py",
        "index.html",
        "../__init__.py",
        "../../settings.py",
        "..%2f..%2fsettings.py",
        "....//settings.py",
        "/etc/passwd",
        "page.js/",
        "PAGE.JS",
        "page.js\0.css",
        "0123456789abcdef/page.js",
        "\\..\\settings.py",
    ],
)
def test_no_path_leads_out(name: str) -> None:
    assert ui.respond(ui.Asked(f"/static/{name}"), never, never) is None


@pytest.mark.parametrize("path", ["", "/metrics", "/index.html", "/static", "/status/", "/-/healthy", "/api/v1/status"])
def test_other_paths_are_left_to_the_gateway(path: str) -> None:
    assert ui.respond(ui.Asked(path), never, never) is None


def test_page_weighs_less_than_40_kilobytes() -> None:
    assert sum(len(get(path, packed=True)[2]) for path in ("/", *named())) < 40_000


def test_no_module_builds_markup_from_text() -> None:
    for script in FOLDER.glob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), (
            script
        )
