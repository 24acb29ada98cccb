"""A running Prometheus: the process, its API, its end."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from pytest_pushgateway.monotonic import monotonic

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

_LISTENING = re.compile(r'msg="Listening on".* address=(?P<address>\S+)')
_ENDING = 5.0
"""Seconds that a Prometheus has to end."""


class PrometheusError(RuntimeError):
    """Prometheus did not start, did not answer in time, or answered with an error; the text has what it said."""


class TargetState(NamedTuple):
    """One target as a running Prometheus reports it.

    Attributes:
        job: the name of the job in the configuration; the label ``job`` may differ.
        labels: the labels after relabelling.
        discovered_labels: the labels before relabelling.
        url: the URL that is scraped.
        health: ``"up"``, ``"down"`` or ``"unknown"`` (not scraped yet).
        error: the error of the last scrape; empty if there was none.
        last_scrape: the time of the last scrape, as RFC 3339 has it.

    """

    job: str
    labels: dict[str, str]
    discovered_labels: dict[str, str]
    url: str
    health: str
    error: str
    last_scrape: str


class PrometheusProcess:
    """A Prometheus with a configuration given as text, on a free port of 127.0.0.1, storing into a temporary directory.

    Usable as a context manager. :meth:`stop` ends the process and removes the directory; should nobody call it, that
    happens when Python exits.
    """

    def __init__(self, binary: str | Path, config: str, *, start_timeout: float = 30.0) -> None:
        self.binary: str = str(binary)
        self.config = config
        self.url: str = ""
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: Path | None = None
        self._open = build_opener(ProxyHandler({})).open

    def __enter__(self) -> PrometheusProcess:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            PrometheusError: the process ended; with its log.

        """
        self._directory = Path(tempfile.mkdtemp(prefix="pytest-pushgateway-prometheus-"))
        atexit.register(self.stop)
        path = self._directory / "prometheus.yml"
        path.write_text(self.config, encoding="utf-8")
        command = [
            self.binary,
            f"--config.file={path}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            "--web.listen-address=127.0.0.1:0",
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self._directory
        )
        log = _Log(self._process)
        try:
            self.url = f"http://{log.address(self._start_timeout)}"
            self._wait_until_ready()
        except PrometheusError:
            self.stop()
            raise

    def _wait_until_ready(self) -> None:
        deadline = monotonic() + self._start_timeout
        while True:
            try:
                with self._open(f"{self.url}/-/ready", timeout=5):
                    return
            except OSError as problem:
                if monotonic() > deadline:
                    raise PrometheusError(f"{self.binary} is not ready after {self._start_timeout:g} s") from problem
            time.sleep(0.02)

    def stop(self) -> None:
        """End the process and remove what it stored; nothing happens if it is not running."""
        atexit.unregister(self.stop)
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_ENDING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stderr is not None:
                process.stderr.close()
        directory, self._directory = self._directory, None
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def api(self, path: str, **parameters: str) -> Any:
        """Return the ``data`` of an answer of ``/api/v1``.

        Raises:
            PrometheusError: Prometheus answered an error, or did not answer.

        """
        body = urlencode(parameters).encode() if parameters else None
        try:
            with self._open(f"{self.url}/api/v1/{path}", body, timeout=30) as answer:
                return json.load(answer)["data"]
        except HTTPError as problem:
            with problem:
                text = problem.read().decode(errors="replace")
            try:
                text = json.loads(text)["error"]
            except (ValueError, KeyError):
                text = f"{problem.code} {text}"
            raise PrometheusError(text) from None
        except OSError as problem:
            raise PrometheusError(f"Prometheus at {self.url} does not answer: {problem}") from problem

    def query(self, expression: str, *, at: float | None = None) -> list[Sample]:
        """Evaluate a PromQL expression, now or at a Unix time in seconds; a scalar is one sample without a name.

        Raises:
            PrometheusError: the expression is not valid; in Prometheus's words.

        """
        parameters = {"query": expression} if at is None else {"query": expression, "time": repr(at)}
        return [sample for samples in samples_of(self.api("query", **parameters)) for sample in samples]

    def targets(self) -> list[TargetState]:
        """Return the active targets of all jobs."""
        return [
            TargetState(
                job=target["scrapePool"],
                labels=target["labels"],
                discovered_labels=target["discoveredLabels"],
                url=target["scrapeUrl"],
                health=target["health"],
                error=target["lastError"],
                last_scrape=target["lastScrape"],
            )
            for target in self.api("targets?state=active")["activeTargets"]
        ]


class _Log:
    """The log of a Prometheus: read to its end, so that the process never blocks; the last lines kept for messages."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._address = ""
        self._told = threading.Event()
        threading.Thread(target=self._read, name="prometheus-log", daemon=True).start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        try:
            for raw in self._process.stderr:
                line = raw.decode(errors="replace").rstrip()
                self._lines = [*self._lines[-19:], line]
                match = None if self._address else _LISTENING.search(line)
                if match:
                    self._address = match["address"]
                    self._told.set()
        except ValueError:  # closed by stop() while we were reading
            pass
        self._told.set()

    def address(self, timeout: float) -> str:
        """Return ``host:port`` once Prometheus has logged that it listens there."""
        at_end = self._told.wait(timeout)
        if not self._address:
            try:  # a process closes its log a moment before it has ended
                fate = f"ended with exit status {self._process.wait(_ENDING if at_end else 0)}"
            except subprocess.TimeoutExpired:
                fate = f"does not listen after {timeout:g} s"
            raise PrometheusError("\n".join([f"Prometheus {fate}; its log:", *self._lines]))
        return self._address


def samples_of(data: Any) -> list[list[Sample]]:
    """Turn a query's answer into prometheus_client's samples: one list for each series, timestamps in seconds."""
    from prometheus_client.samples import Sample

    if data["resultType"] in ("scalar", "string"):
        time_, value = data["result"]
        return [[Sample("", {}, float(value) if data["resultType"] == "scalar" else value, time_)]]
    found = []
    for series in data["result"]:
        labels = dict(series["metric"])
        name = labels.pop("__name__", "")
        points = series.get("values") or [series["value"]]
        found.append([Sample(name, labels, float(value), time_) for time_, value in points])
    return found
