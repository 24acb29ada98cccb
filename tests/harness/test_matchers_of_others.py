"""Matchers and numbers of other packages, as values and as labels; skipped for those that are not installed."""

from __future__ import annotations

from typing import Any

import pytest

from .messages import failure
from .play import Play


@pytest.fixture
def play() -> Play:
    play = Play()
    play.put('rows{disk="sda",shard="3"} 7\nratio{disk="sda",shard="3"} 0.5\n')
    return play


def test_dirty_equals(play: Play) -> None:
    dirty: Any = pytest.importorskip("dirty_equals")

    for seven in (dirty.IsPositive, dirty.IsPositive(), dirty.IsInt(), dirty.IsApprox(7), dirty.IsOneOf(7, 8)):
        assert play.assert_exposed("rows", seven).value == 7
        assert failure(play.assert_not_exposed, "rows", seven)
    for disk in (dirty.IsStr, dirty.IsStr(regex="sd."), dirty.IsOneOf("sda", "sdb"), ~dirty.IsStr(regex="x.*")):
        assert play.assert_exposed("rows", disk=disk)
        assert failure(play.assert_not_exposed, "rows", disk=disk)
    assert play.assert_not_exposed("rows", dirty.IsNegative)
    assert play.assert_not_exposed("ratio", dirty.IsInt)
    assert play.assert_not_exposed("rows", disk=dirty.IsStr(regex="hd."))
    assert play.assert_not_exposed("rows", jobs=dirty.IsStr())
    assert play.groups[0] == {
        'rows{job="backup",disk="sda",shard="3"}': dirty.IsPositiveInt,
        'ratio{job="backup",disk="sda",shard="3"}': dirty.IsPositiveFloat(),
    }


def test_numpy(play: Play) -> None:
    numpy: Any = pytest.importorskip("numpy")

    for seven in (numpy.int64(7), numpy.float32(7), numpy.array(7.0)):
        assert play.assert_exposed("rows", seven)
        assert failure(play.assert_not_exposed, "rows", seven)
    for wrong in (numpy.array([7.0]), numpy.array([]), numpy.bool_(True), numpy.str_("7")):
        with pytest.raises(TypeError):
            play.assert_not_exposed("rows", wrong)
    assert play.assert_exposed("rows", shard=numpy.int64(3), disk=numpy.str_("sda"))
    assert play.assert_not_exposed("rows", shard=numpy.int64(4))
    with pytest.raises(TypeError):
        play.assert_not_exposed("rows", shard=numpy.array([3]))
    play.put("nothing NaN\n")
    assert play.assert_exposed("nothing", numpy.float32("nan"))


def test_hamcrest(play: Play) -> None:
    hamcrest: Any = pytest.importorskip("hamcrest")

    for given in ({"disk": hamcrest.starts_with("sd")}, {"shard": hamcrest.anything()}):
        with pytest.raises(TypeError, match="hamcrest's matchers have no ==, those of dirty_equals have"):
            play.assert_not_exposed("rows", **given)
    with pytest.raises(TypeError, match="an object that equals one"):
        play.assert_not_exposed("rows", hamcrest.greater_than(8))
