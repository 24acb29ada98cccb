"""The limit on open files, which bounds connections too."""

from __future__ import annotations

import sys

_OTHERS = 64
"""Other files than connections, and connections that are just being closed."""
_FEWEST = 16
_MACOS = 10_240
"""Files that macOS allows under an infinite limit."""


def connections_possible() -> int | None:
    """Return how many connections the limit on open files leaves room for; None if the system has none."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(_FEWEST, soft - _OTHERS)


def raise_limit() -> None:
    """Raise the limit on open files as far as this process may, as programs in Go do at their start."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, _MACOS):
        if soft != resource.RLIM_INFINITY and (wanted == resource.RLIM_INFINITY or wanted > soft):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                return
            except (ValueError, OSError):
                continue
