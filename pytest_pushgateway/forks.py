"""Hooks for the child of a fork, on systems that fork."""

from __future__ import annotations

import os
from collections.abc import Callable


def call_in_child(function: Callable[[], None]) -> None:
    """Call a function in every child of a fork, after those registered earlier; Windows has no forks.

    Args:
        function: takes no arguments.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
