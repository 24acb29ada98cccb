"""The options of a gateway: one frozen dataclass. Standard library only, cheap to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Every option of a gateway. Sizes are bytes, durations seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    telemetry_path: str = "/metrics"
    route_prefix: str = ""
    external_url: str = ""
    persistence_file: str | None = None
    persistence_interval: float = 0.0
    consistency_check: bool = True
    utf8_names: bool = False
    enable_admin_api: bool = False
    enable_lifecycle: bool = False
    tls: Any = None
    basic_auth: tuple[str, str] | None = None
    web_config_file: str | None = None
    journal_limit: int = 10_000
    lint: bool = False
    max_body_size: int = 256 * 1024 * 1024
    max_decoded_body_size: int = 1024 * 1024 * 1024
    max_header_size: int = 1024 * 1024
    max_headers: int = 1000
    max_request_line: int = 1024 * 1024
    max_connections: int = 5000
    request_timeout: float = 300.0
    idle_timeout: float = 300.0
