"""The options of a gateway as type checkers know them; what each means stands in the option table in `settings`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Sequence

    from pytest_pushgateway.durations import Duration

    StrPath = str | os.PathLike[str]


class PushgatewayOptions(TypedDict, total=False):
    """The options of `Pushgateway`, ``make_pushgateway`` and the fixture ``pushgateway_options``, by name."""

    host: str
    port: int
    telemetry_path: str
    route_prefix: str
    external_url: str
    persistence_file: StrPath | None
    persistence_interval: Duration
    consistency_check: bool
    utf8_names: bool
    enable_admin_api: bool
    enable_lifecycle: bool
    tls: ssl.SSLContext | Sequence[StrPath] | None
    basic_auth: tuple[str, str] | str | None
    web_config_file: StrPath | None
    journal_limit: int
    lint: bool
    max_body_size: int
    max_decoded_body_size: int
    max_header_size: int
    max_headers: int
    max_request_line: int
    max_connections: int
    request_timeout: Duration
    idle_timeout: Duration
