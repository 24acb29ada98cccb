"""Back up a directory into a compressed archive and tell a Pushgateway how it went.

    python backup.py SOURCE ARCHIVE

The Pushgateway's address comes from PUSHGATEWAY_URL. That it cannot be reached is logged, and no reason for a good
backup to count as failed.
"""

from __future__ import annotations

import logging
import os
import sys
import tarfile
import time
from pathlib import Path
from urllib.error import HTTPError

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, push_to_gateway, pushadd_to_gateway

JOB = "backup"
PUSH_TIMEOUT = 5.0
ATTEMPTS = 3

log = logging.getLogger("backup")


class Metrics:
    """What one run measures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.size = Gauge("backup_archive_bytes", "Size of the archive.", registry=self.registry)
        self.seconds = Gauge("backup_duration_seconds", "Time that the backup took.", registry=self.registry)
        self.success = Gauge(
            "backup_last_success_timestamp_seconds", "When a backup last succeeded.", registry=self.registry
        )
        self.files = Counter("backup_files", "Files that went into the archive.", ["kind"], registry=self.registry)
        self.file_size = Histogram(
            "backup_file_bytes",
            "Sizes of the files.",
            buckets=(1_000, 100_000, 10_000_000),
            registry=self.registry,
        )


class Failure:
    """What a run that failed says, beside what the last good one said."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.time = Gauge("backup_last_failure_timestamp_seconds", "When a backup last failed.", registry=self.registry)


def back_up(source: Path, archive: Path, metrics: Metrics) -> None:
    """Write ``archive`` and measure it; nothing is left of it when that fails."""
    started = time.monotonic()
    unfinished = archive.with_suffix(".part")
    try:
        with tarfile.open(unfinished, "w:gz") as tar:
            for path in sorted(source.rglob("*")):
                tar.add(path, path.relative_to(source), recursive=False)
                metrics.files.labels("directory" if path.is_dir() else "file").inc()
                if path.is_file():
                    metrics.file_size.observe(path.stat().st_size)
        unfinished.replace(archive)
    finally:
        unfinished.unlink(missing_ok=True)
    metrics.size.set(archive.stat().st_size)
    metrics.seconds.set(time.monotonic() - started)
    metrics.success.set_to_current_time()


def push(registry: CollectorRegistry, dataset: str, *, replace: bool) -> bool:
    """Push to the gateway, some times if need be; tell whether it took it."""
    send = push_to_gateway if replace else pushadd_to_gateway
    for attempt in range(1, ATTEMPTS + 1):
        try:
            send(
                os.environ["PUSHGATEWAY_URL"],
                job=JOB,
                registry=registry,
                grouping_key={"dataset": dataset},
                timeout=PUSH_TIMEOUT,
            )
        except HTTPError as error:
            with error:  # It holds the connection.
                log.warning("attempt %s to push metrics failed: %s: %s", attempt, error, error.read().decode().strip())
        except OSError as error:
            log.warning("attempt %s to push metrics failed: %s", attempt, error)
        else:
            return True
    return False


def main(arguments: list[str]) -> int:
    """Run the backup: 0 if it succeeded, 1 if it did not, 2 for wrong arguments."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, archive = map(Path, arguments)
    metrics = Metrics()
    try:
        if not source.is_dir():
            raise NotADirectoryError(f"{source} is no directory")
        back_up(source, archive, metrics)
    except OSError as error:
        log.error("backup of %s failed: %s", source, error)
        failure = Failure()
        failure.time.set_to_current_time()
        # Added, not replaced: what the last good backup said must stay.
        push(failure.registry, source.name, replace=False)
        return 1
    push(metrics.registry, source.name, replace=True)
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    sys.exit(main(sys.argv[1:]))
