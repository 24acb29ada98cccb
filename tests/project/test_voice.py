"""English as it is spoken: some turns never, others no more often than they are now."""

from __future__ import annotations

import pytest

from . import voice

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", voice.NEVER)
def test_phrase_does_not_occur(name: str) -> None:
    assert voice.places(voice.NEVER[name]) == []


def test_other_phrases_only_become_fewer() -> None:
    allowed, found = voice.allowed(), voice.counts()

    assert set(allowed) == set(found)
    assert {name: number for name, number in found.items() if number > allowed[name]} == {}
