"""How many files a process may have open, which bounds its connections too."""

from __future__ import annotations

_OTHERS = 64
"""Files that are no connections, and connections that are just being closed."""
_FEWEST = 16


def connections_possible() -> int | None:
    """Return how many connections the limit on open files leaves room for; None where nobody knows."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(_FEWEST, soft - _OTHERS)


def raise_limit() -> None:
    """Raise the limit on open files as far as this process may, as programs in Go do at their start."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, _MACOS):
        if soft != resource.RLIM_INFINITY and (wanted == resource.RLIM_INFINITY or wanted > soft):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                return
            except (ValueError, OSError):
                continue


_MACOS = 10_240
"""What macOS allows where it names no limit."""
