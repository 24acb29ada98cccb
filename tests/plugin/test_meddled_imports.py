"""Tests that meddle with imports: the package's modules are the same objects for the whole run."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

BEGINNING = """
import sys
from unittest import mock
import pytest
from application import send

"""

USED = """
    assert send(gateway) == 200
    gateway.assert_exposed("backup_bytes", 7)
    assert send(gateway, "not metrics") == 400
    gateway.assert_rejected(status=400)
    gateway.restart()
    assert "backup_bytes" in gateway.scrape().text
"""

AFTERWARDS = """

def test_classes_are_the_same(pushgateway):
    import pytest_pushgateway
    from pytest_pushgateway.warnings import RejectedPushWarning

    assert type(pushgateway) is pytest_pushgateway.Pushgateway
    assert send(pushgateway, "not metrics") == 400
    assert [type(push) for push in pushgateway.pushes] == [pytest_pushgateway.Push]
    with pytest.raises(AssertionError, match="expected no rejected push"):
        pushgateway.assert_no_rejections()
    pushgateway.assert_rejected(status=400)
    with pytest.raises(pytest_pushgateway.PushRejected):
        pushgateway.push("not metrics", job="b")
    with pushgateway.faults.error(503):
        assert send(pushgateway) == 503
    pushgateway.restart()
    assert send(pushgateway) == 200

def test_warnings_are_there(pushgateway):
    send(pushgateway, "not metrics")

def test_section_is_shown(pushgateway):
    send(pushgateway)
    assert 0
"""

MEDDLERS = {
    "patch.dict, first use inside": """
@mock.patch.dict(sys.modules, {"boto3": mock.MagicMock()})
def test_meddles(request):
    gateway = request.getfixturevalue("pushgateway")
USED
""",
    "a fixture that patches": """
@pytest.fixture
def patched():
    with mock.patch.dict(sys.modules, {"boto3": mock.MagicMock()}):
        yield

def test_meddles(patched, pushgateway):
    gateway = pushgateway
USED
""",
    "a fixture that deletes what is new": """
@pytest.fixture
def clean():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]

def test_meddles(clean, pushgateway):
    gateway = pushgateway
USED
""",
    "all of ours are deleted": """
def test_meddles(pushgateway):
    gateway = pushgateway
USED
    for name in [name for name in sys.modules if name.startswith("pytest_pushgateway")]:
        del sys.modules[name]
""",
    "each third of ours is deleted, in between": """
def test_meddles(pushgateway):
    gateway = pushgateway
    for number in range(3):
        for name in [name for name in sorted(sys.modules) if name.startswith("pytest_pushgateway")][number::3]:
            del sys.modules[name]
USED
        gateway.reset()
""",
    "ours are reloaded": """
import importlib

def test_meddles(pushgateway):
    gateway = pushgateway
    for name in [name for name in sorted(sys.modules) if name.startswith("pytest_pushgateway.")]:
        importlib.reload(sys.modules[name])
USED
""",
    "modules of the standard library are replaced": """
def test_meddles(request):
    names = ("os", "os.path", "io", "time", "threading", "pathlib", "shutil", "tempfile")
    with mock.patch.dict(sys.modules, {name: mock.MagicMock() for name in names}):
        gateway = request.getfixturevalue("pushgateway")
        gateway.persistence_file
    gateway = gateway
USED
""",
    "nothing can be imported": """
def test_meddles(monkeypatch, pushgateway):
    for _ in range(2):  # Python's own encodings, and what a group needs that is pushed to again
        assert send(pushgateway) == 200
    with monkeypatch.context() as patched:
        patched.setattr(sys, "meta_path", [])
        patched.setattr(sys, "path", [])
        assert send(pushgateway) == 200
        pushgateway.assert_exposed("backup_bytes", 7)
    gateway = pushgateway
USED
""",
}


@pytest.mark.parametrize("meddler", MEDDLERS.values(), ids=MEDDLERS)
def test_modules_are_loaded_once(project: pytest.Pytester, meddler: str) -> None:
    used = USED.strip("\n")
    if "for number" in meddler:
        used = used.replace("    ", "        ")
    project.makepyfile(test_it=BEGINNING + meddler.replace("USED", used) + AFTERWARDS)
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=3, failed=1, warnings=1)
    result.stdout.fnmatch_lines(["*def test_section_is_shown*", "*- pushgateway -*", "*push 1*answered 200*"])
    result.stdout.fnmatch_lines(["*test_it.py:*RejectedPushWarning: push 1*"])
