"""Names of the classic text format, as regular expressions; before Prometheus 3 there were no others."""

from __future__ import annotations

METRIC_NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL_NAME = "[a-zA-Z_][a-zA-Z0-9_]*"
