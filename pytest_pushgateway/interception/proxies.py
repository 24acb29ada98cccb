"""Hosts that clients reach without the proxy that the environment names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Variables that name a proxy."""
_VARIABLES = ("no_proxy", "NO_PROXY")


def without_proxy(hosts: Iterable[str]) -> Callable[[], None]:
    """Add hosts to the variables that name those to reach without a proxy; return what takes them out again."""
    ours = list(hosts)
    if any(os.environ.get(name) for name in PROXIES):
        # For IPv6 urllib compares with brackets, requests without; httpx cannot read them with brackets.
        ours += [f"[{host}]" for host in ours if ":" in host]
    steps = [_extend(name, ours) for name in _VARIABLES]

    def undo() -> None:
        for step in reversed(steps):
            step()

    return undo


def _extend(name: str, hosts: list[str]) -> Callable[[], None]:
    before = os.environ.get(name)
    known = _parts(before)
    added = [host for host in dict.fromkeys(hosts) if host not in known]
    after = ",".join([*known, *added])
    os.environ[name] = after

    def undo() -> None:
        now = os.environ.get(name)
        if now == after and before is not None:
            os.environ[name] = before
        elif now is not None:
            left = [host for host in _parts(now) if host not in added]
            os.environ[name] = ",".join(left)
            if not left and before is None:
                del os.environ[name]

    return undo


def _parts(value: str | None) -> list[str]:
    return [part.strip() for part in (value or "").split(",") if part.strip()]
