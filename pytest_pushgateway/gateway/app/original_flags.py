"""Settings as the original's command line flags: what its status page and API show."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_pushgateway.golang.duration import format_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_pushgateway.settings import Settings


def as_flags(
    settings: Settings,
    listen: Sequence[str],
    prefix: str,
    *,
    log_level: str = "info",
    log_format: str = "logfmt",
    systemd_socket: bool = False,
) -> dict[str, str]:
    """Return each of the original's flags with its value, the route prefix as computed, sorted by name."""

    def boolean(value: bool) -> str:
        return "true" if value else "false"

    return {
        "log.format": log_format,
        "log.level": log_level,
        "persistence.file": settings.persistence_file or "",
        "persistence.interval": format_duration(settings.persistence_interval),
        "push.disable-consistency-check": boolean(not settings.consistency_check),
        "push.enable-utf8-names": boolean(settings.utf8_names),
        "web.config.file": settings.web_config_file or "",
        "web.enable-admin-api": boolean(settings.enable_admin_api),
        "web.enable-lifecycle": boolean(settings.enable_lifecycle),
        "web.external-url": settings.external_url,
        "web.listen-address": ",".join(listen),
        "web.route-prefix": prefix,
        "web.systemd-socket": boolean(systemd_socket),
        "web.telemetry-path": settings.telemetry_path,
    }
