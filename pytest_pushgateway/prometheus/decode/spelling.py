"""Suggestions for misspelt fields."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_RENAMED = {
    "target_groups": "'target_groups' was removed in Prometheus 1.0; it is called 'static_configs' now",
    "scrape_classic_histograms": "since Prometheus 3.0 it is called 'always_scrape_classic_histograms'",
    "labels": "'labels' belongs under 'static_configs', next to 'targets'",
    "targets": "'targets' belongs under 'static_configs'",
}


def hint(name: str, known: Iterable[str], go_type: str) -> dict[str, str]:
    """Return ``hint`` and ``hint_rule`` for the unknown field ``name`` of ``go_type``, or nothing."""
    names = list(known)
    text = None
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    if name in _RENAMED and (name != "labels" or "static_configs" in names):
        text = _RENAMED[name]
    elif snake != name and snake in names:
        text = f"did you mean {snake!r}?"
        if re.search(r"[a-z][A-Z]", name):
            text += " Prometheus itself does not read the operator's camelCase"
    else:
        from difflib import get_close_matches

        close = get_close_matches(snake, names, n=1, cutoff=0.75)
        if close:
            text = f"did you mean {close[0]!r}?"
        elif go_type.startswith("struct {") and name in ("honor_labels", "metrics_path", "scheme", "job_name"):
            text = f"{name!r} belongs one level up, next to 'static_configs'"
    return {"hint": text, "hint_rule": "PG026"} if text else {}
