"""The grouping key in a push's URL: job, label names and values, base64 in all its oddities."""

from __future__ import annotations

import re

from pytest_pushgateway.exposition.labels import Labels
from pytest_pushgateway.exposition.names import LABEL_NAME
from pytest_pushgateway.golang.strconv import quote
from pytest_pushgateway.golang.url import escape
from pytest_pushgateway.golang.utf8 import is_utf8, text_of
from pytest_pushgateway.later import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.exposition import escaping
    from pytest_pushgateway.exposition.labels import Labels
else:
    escaping = later("pytest_pushgateway.exposition.escaping")

_SUFFIX = b"@base64"
_LABEL_NAME = re.compile(LABEL_NAME.encode())
_BASE64 = rb"[A-Za-z0-9_\-\r\n]*"


class GroupingError(ValueError):
    """The URL names no group; ``str()`` is the answer's text, without its final newline.

    ``message`` and ``fields`` are what the original logs of it.
    """

    def __init__(self, text: str, message: str, **fields: str) -> None:
        super().__init__(text)
        self.message = message
        self.fields = fields


class _CorruptBase64(ValueError):
    def __init__(self, decoded: bytes, position: int) -> None:
        super().__init__(f"illegal base64 data at input byte {position}")
        self.decoded = decoded
        """The part before the broken quantum."""


def decode_base64(text: bytes) -> bytes:
    """Decode URL-safe base64 as Pushgateway 1.11: padding optional, CR and LF skipped, spare bits ignored."""
    from base64 import urlsafe_b64decode

    text = text.rstrip(b"=")
    match = re.match(_BASE64, text)
    end = match.end() if match else 0
    good = text[:end].translate(None, b"\r\n")
    spare = len(good) % 4
    if end < len(text) or spare == 1:
        raise _CorruptBase64(urlsafe_b64decode(good[: len(good) - spare]), end if end < len(text) else len(text) - 1)
    return urlsafe_b64decode(good + b"=" * (-len(good) % 4))


def _is_name(name: bytes, utf8_names: bool) -> bool:
    if not utf8_names:
        return _LABEL_NAME.fullmatch(name) is not None
    return name != b"" and is_utf8(name)


def _split_labels(labels: bytes, utf8_names: bool) -> dict[bytes, bytes]:
    result: dict[bytes, bytes] = {}
    if len(labels) <= 1:
        return result
    components = labels[1:].split(b"/")
    if len(components) % 2:
        raise ValueError(f"odd number of components in label string {quote(labels)}")
    for raw_name, value in zip(components[::2], components[1::2], strict=True):
        escaped = raw_name.removesuffix(_SUFFIX)
        name = escaping.unescape_name(escaped) if utf8_names else escaped
        if not _is_name(name, utf8_names) or escaped.startswith(b"__"):
            raise ValueError(f"improper label name {quote(escaped)}")
        if escaped != raw_name:
            try:
                value = decode_base64(value)
            except _CorruptBase64 as problem:
                raise ValueError(
                    f"invalid base64 encoding for label {text_of(escaped)}={quote(value)}: {problem}"
                ) from None
        result[name] = value
    return result


def grouping_key(job: bytes, labels: bytes, job_base64: bool, *, utf8_names: bool) -> Labels:
    """Return the grouping key that a push's path names.

    ``labels`` is what follows the job in the decoded path, from its slash on.

    Raises:
        GroupingError: the key is invalid; with the answer of Pushgateway 1.11, in its order: the job's base64, the
            labels, an empty job.

    """
    if job_base64:
        try:
            job = decode_base64(job)
        except _CorruptBase64 as problem:
            message = "invalid base64 encoding in job name"
            text = f"{message} {quote(problem.decoded)}: {problem}"
            raise GroupingError(text, message, job=text_of(problem.decoded), err=str(problem)) from None
    try:
        result = _split_labels(labels, utf8_names)
    except ValueError as problem:
        raise GroupingError(str(problem), "failed to parse URL", url=text_of(labels), err=str(problem)) from None
    if not job:
        raise GroupingError("job name is required", "job name is required")
    result[b"job"] = job
    return tuple(sorted(result.items()))


GroupingKey = Labels
"""Sorted label pairs, ``job`` among them. ``{job}`` and ``{job, instance=""}`` are two groups."""


def group_path(key: GroupingKey) -> str:
    """Return the URL path of a group, below the route prefix: ``/metrics/job/backup/instance/db1``.

    Values that a path segment cannot carry, or that a proxy might fold, are written as ``@base64``.
    """
    labels = dict(key)
    job = labels.pop(b"job", b"")
    return "/metrics" + "".join(_segment(name, value) for name, value in [(b"job", job), *labels.items()])


def _segment(name: bytes, value: bytes) -> str:
    label = escape(name, safe="").decode()
    if value in (b"", b".", b"..") or b"/" in value or not is_utf8(value):
        import base64

        encoded = base64.urlsafe_b64encode(value).rstrip(b"=").decode() or "="
        return f"/{label}@base64/{encoded}"
    return f"/{label}/{escape(value, safe='').decode()}"
