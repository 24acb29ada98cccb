"""Files for other programs, on a page or in the repository: for CI services, pre-commit, tox, containers."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests import peers

from . import snippets
from .test_other_projects import RECIPES as SNAPSHOTS
from .tools import need

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILES = [block for page in PAGES for block in snippets.blocks(page) if block.file_name]

# A recipe for another package says "not run: needs NAME"; those that write snapshots have a test of their kind.
NEEDED = sorted(
    {
        (needed[1], page)
        for page in PAGES
        for block in snippets.blocks(page)
        if block.file_name.startswith("test_")
        and (needed := re.fullmatch(r"needs ([\w-]+)", block.not_run))
        and needed[1] not in SNAPSHOTS
    }
)
SCHEMAS = {
    ".github/workflows/tests.yml": ["vendor.github-workflows"],
    ".gitlab-ci.yml": ["vendor.gitlab-ci", "--data-transform=gitlab-ci"],
}


def named(name: str) -> snippets.Block:
    """Return the one file of that name that no page runs."""
    (found,) = [block for block in FILES if block.file_name == name and block.not_run]
    return found


def run(folder: Path, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TOX_", "COV_"))}
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=folder,
        env={**inherited, "NO_COLOR": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def write_up_to(recipe: snippets.Block, page: Path, folder: Path) -> None:
    """Write the recipe and the modules that stand before it on its page."""
    for block in snippets.blocks(page):
        if block == recipe or (block.language == "python" and block.file_name and not block.not_run):
            folder.joinpath(block.file_name).parent.mkdir(exist_ok=True)
            folder.joinpath(block.file_name).write_text(block.text, encoding="utf-8")
        if block == recipe:
            return


@pytest.mark.package
@pytest.mark.parametrize(("needed", "page"), NEEDED, ids=lambda part: getattr(part, "name", part))
def test_recipe_that_needs_another_package(needed: str, page: Path, tmp_path: Path) -> None:
    if needed == "curl":
        assert shutil.which("curl") or not os.environ.get("CI"), "curl is not installed"
        if not shutil.which("curl"):
            pytest.skip("curl is not installed")
    else:
        need(needed.replace("-", "_"))
    recipes = [block for block in snippets.blocks(page) if block.not_run == f"needs {needed}"]
    for recipe in recipes:
        write_up_to(recipe, page, tmp_path)
    tests = [recipe.file_name for recipe in recipes if recipe.file_name.startswith("test_")]
    done = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert tests
    assert done.returncode == 0, done.stdout


@pytest.mark.conformance
def test_migrating_from_a_container(tmp_path: Path) -> None:
    """The test as it was, with the original in the container's place."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    original = subprocess.Popen(
        [peers.pushgateway_binary(), "--persistence.file=", f"--web.listen-address={address}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert original.stderr is not None
        assert any("Listening on" in line for line in original.stderr)
        recipe = named("test_before_container.py")
        write_up_to(recipe, ROOT / "docs" / "migrating.md", tmp_path)
        done = run(tmp_path, "pytest", "-q", recipe.file_name, GATEWAY=address)
    finally:
        original.terminate()
        original.communicate(timeout=30)
    assert done.returncode == 0, done.stdout


def check_schema(path: Path, *schema: str) -> None:
    need("check_jsonschema")
    done = run(path.parent, "check_jsonschema", f"--builtin-schema={schema[0]}", *schema[1:], path)
    assert done.returncode == 0, done.stdout


@pytest.mark.package
@pytest.mark.parametrize("name", SCHEMAS)
def test_recipe_for_service_fits_its_schema(name: str, tmp_path: Path) -> None:
    path = tmp_path / Path(name).name
    path.write_text(named(name).text, encoding="utf-8")
    check_schema(path, *SCHEMAS[name])


OURS = {
    ".github/workflows/*.yml": ["vendor.github-workflows", "custom.github-workflows-require-timeout"],
    ".github/dependabot.yml": ["vendor.dependabot"],
    ".github/ISSUE_TEMPLATE/[!c]*.yml": ["vendor.github-issue-forms"],
    ".github/ISSUE_TEMPLATE/config.yml": ["vendor.github-issue-config"],
    ".readthedocs.yaml": ["vendor.readthedocs"],
}


@pytest.mark.package
@pytest.mark.parametrize("pattern", OURS)
def test_files_for_services_fit_their_schemas(pattern: str) -> None:
    paths = sorted(ROOT.glob(pattern))
    assert paths
    for path in paths:
        for schema in OURS[pattern]:
            check_schema(path, schema)


def test_actions_are_named_by_commit() -> None:
    """A tag can be moved to other code; what it was when somebody looked stands behind it for people and dependabot."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")]
    used = [line.split("uses: ")[1] for text in texts for line in text.splitlines() if "uses: " in line]
    assert len(used) > 10
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []
    assert len(set(used)) == len({one.partition("@")[0] for one in used}), "one action at two versions"


def test_system_is_claimed_only_if_job_runs_on_it() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    claimed = set(re.findall(r'"Operating System :: (?:[\w:]+ :: )?(\w+)"', project))
    names = {"Linux": "ubuntu", "MacOS": "macos", "macOS": "macos", "Windows": "windows"}
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    systems = jobs["systems"]["strategy"]["matrix"]["system"] + [job["runs-on"] for job in jobs.values()]
    assert claimed
    assert {name for name in claimed if not any(system.startswith(names[name]) for system in systems)} == set()


def test_interpreter_is_claimed_only_if_job_runs_it() -> None:
    """And the page of versions has a line for whatever is claimed."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "supported-versions.md").read_text(encoding="utf-8")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    others = {one["python"] for one in jobs["interpreters"]["strategy"]["matrix"]["include"]}

    claimed = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    assert claimed == jobs["tox"]["strategy"]["matrix"]["python"]
    assert set(claimed) == set(re.findall(r"3\.\d+", "".join(re.findall(r"^\| CPython 3[^|]*", page, re.MULTILINE))))
    assert '"Programming Language :: Python :: Free Threading"' in project
    assert '"Programming Language :: Python :: Implementation :: PyPy"' in project
    assert others == {"3.13t", "3.14t", "pypy3.11"}
    assert [name for name in ("3.13t", "3.14t", "PyPy", "Linux on ARM", "macOS, Windows") if name not in page] == []


@pytest.mark.parametrize(
    ("place", "left_out"),
    [
        ("CPython linux x86_64", set()),
        ("CPython linux aarch64", set()),
        ("CPython linux armv7l", {"re2"}),
        ("CPython linux s390x", {"re2"}),
        ("CPython darwin arm64", set()),
        ("CPython darwin x86_64", set()),
        ("CPython win32 AMD64", set()),
        ("CPython win32 ARM64", {"promql"}),
        ("PyPy linux x86_64", {"re2", "promql"}),
        ("PyPy win32 AMD64", {"re2", "promql"}),
    ],
)
def test_all_leaves_out_extras_without_wheels(place: str, left_out: set[str]) -> None:
    names = ("platform_python_implementation", "sys_platform", "platform_machine")
    environment = dict(zip(names, place.split(), strict=True))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = dict(re.findall(r'^(re2|promql|snappy|auth|xdist) = \["([^"]+)"\]', project, re.MULTILINE))
    assert f'all = ["pytest-pushgateway[{",".join(wanted)}]"]' in project
    markers = {extra: Requirement(text).marker for extra, text in wanted.items()}
    assert {extra for extra, marker in markers.items() if marker and not marker.evaluate(environment)} == left_out


def test_justfile_has_the_commands_that_the_pages_name() -> None:
    recipes = set(
        re.findall(r"^([a-z]\w*)[^:=\n]*:(?!=)", (ROOT / "justfile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    pages = [ROOT / "CONTRIBUTING.md", ROOT / ".github" / "pull_request_template.md"]
    named = {name for page in pages for name in re.findall(r"`just (\w+)`", page.read_text(encoding="utf-8"))}
    assert recipes == {"test", "check", "fix", "docs", "constraints"}
    assert named
    assert named <= recipes


@pytest.mark.package
def test_files_that_fit_no_schema_are_found(tmp_path: Path) -> None:
    path = tmp_path / "workflow.yml"
    path.write_text("on: [push]\njobs: {a: {runs-on: x, step: []}}\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="step"):
        check_schema(path, "vendor.github-workflows")


def workflow_environments() -> set[str]:
    """Return the tox environments that the workflows run."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    return {name for names in re.findall(r"tox run -e ([\w,-]+)", text) for name in names.split(",")}


@pytest.mark.package
def test_workflows_and_recipes_name_environments_that_there_are(tmp_path: Path) -> None:
    need("tox")
    listed = run(ROOT, "tox", "list", "--no-desc", "-q", "--workdir", tmp_path).stdout.split()
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    matrix = jobs["tox"]["strategy"]
    assert workflow_environments() - {"coverage", "py-pytest9-xdist"} <= set(listed)
    assert {one["environment"] for one in jobs["interpreters"]["strategy"]["matrix"]["include"]} <= set(listed)
    for python in matrix["matrix"]["python"]:
        for pytest_version in matrix["matrix"]["pytest"]:
            for workers in matrix["matrix"]["workers"]:
                assert f"py{python.replace('.', '')}-{pytest_version}-{workers}" in listed

    tmp_path.joinpath("tox.ini").write_text(named("tox.ini").text, encoding="utf-8")
    assert run(tmp_path, "tox", "list", "--no-desc", "-q").stdout.split() == [f"py3{minor}" for minor in range(10, 15)]


def test_container_runs_existing_command(tmp_path: Path) -> None:
    (recipe,) = [
        block for block in snippets.blocks(ROOT / "docs" / "howto" / "container.md") if block.language == "dockerfile"
    ]
    instructions = dict(line.split(" ", 1) for line in recipe.text.splitlines())
    extras = re.search(r'"pytest-pushgateway\[([\w,]+)\]"', instructions["RUN"])
    assert extras is not None
    assert set(extras[1].split(",")) <= {"re2", "promql", "snappy", "auth", "xdist", "all"}
    python, *command = json.loads(instructions["ENTRYPOINT"]) + json.loads(instructions["CMD"])
    assert python == "python"
    command = [part.replace("/home/pushgateway", str(tmp_path)) for part in command]

    served = subprocess.Popen(
        [sys.executable, *command, "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    )
    limit = threading.Timer(60, served.kill)
    limit.start()
    try:
        assert served.stderr is not None
        assert any("Listening on" in line for line in served.stderr)
        served.terminate()
        served.communicate()
    finally:
        limit.cancel()
    assert served.returncode == 0
    assert (tmp_path / "pushgateway.db").is_file()


@pytest.mark.package
def test_pre_commit_hook(tmp_path: Path) -> None:
    """The hook that the documentation names, in a repository of ours and for one of a user."""
    need("pre_commit")
    (page,) = [block for block in FILES if block.file_name == ".pre-commit-config.yaml"]
    ((hook,),) = [repository["hooks"] for repository in yaml.safe_load(page.text)["repos"]]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    shutil.copytree(ROOT / "pytest_pushgateway", ours / "pytest_pushgateway")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, ours / name)
    config = "scrape_configs:\n- job_name: pushgateway\n  static_configs:\n  - targets: ['pushgateway:9091']\n"
    theirs.mkdir()
    theirs.joinpath("prometheus.yml").write_text(config)
    theirs.joinpath("prometheus-good.yml").write_text(config.replace("  static", "  honor_labels: true\n  static"))
    theirs.joinpath("other.yml").write_text("not: a configuration\n")
    for folder in (ours, theirs):
        author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "All"]):
            subprocess.run(["git", *command], cwd=folder, check=True)

    command = ["pre_commit", "try-repo", str(ours), hook["id"], "--all-files"]
    done = run(theirs, *command, PRE_COMMIT_HOME=str(tmp_path / "home"))

    assert done.returncode == 1, done.stdout
    assert "prometheus.yml:2:3: error: honor_labels is not set" in done.stdout
    assert "1 error in 2 files" in done.stdout


@pytest.mark.package
def test_our_own_hooks_of_pre_commit_pass(tmp_path: Path) -> None:
    need("pre_commit")
    ours = tmp_path / "ours"
    listed = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if (ROOT / name).is_file():
            (ours / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, ours / name)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=ours, check=True)

    done = run(ours, "pre_commit", "run", "--all-files", PRE_COMMIT_HOME=str(tmp_path / "home"))

    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Passed") == 3
