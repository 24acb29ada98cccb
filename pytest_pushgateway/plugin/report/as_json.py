"""The facts of a run as a JSON file."""

from __future__ import annotations

import json
from typing import Any


def render(facts: dict[str, Any]) -> str:
    """Return the text of the file. It is ASCII: test names and bodies may hold what is not Unicode text."""
    return json.dumps(facts, indent=1) + "\n"
