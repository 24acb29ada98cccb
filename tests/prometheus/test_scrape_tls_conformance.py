"""TLS and authentication to our gateway: the series and the errors of a real Prometheus next to the simulation's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from pytest_pushgateway import Pushgateway, load
from pytest_pushgateway.prometheus.scrape.simulate import JobScraper
from pytest_pushgateway.prometheus.scrape.targets import job_targets
from tests import peers

from .real import run

pytestmark = pytest.mark.conformance

KEEP = [
    {"action": "keep", "source_labels": ["__name__"], "regex": "backup_.*|push_.*"},
    {"action": "replace", "source_labels": ["case"], "target_label": "case", "replacement": "CASE"},
]


def files(directory: Path) -> dict[str, str]:
    """A CA, a server's certificate for 127.0.0.1 and pushgateway.example, one for a name alone, and another CA."""
    ca, other = trustme.CA(), trustme.CA()
    found = {}

    def write(name: str, *blobs: trustme.Blob) -> None:
        path = directory / f"{name}.pem"
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        found[name] = str(path)

    both = ca.issue_cert("127.0.0.1", "pushgateway.example", "*.wild.example")
    named = ca.issue_cert("pushgateway.example")
    write("ca", ca.cert_pem)
    write("other", other.cert_pem)
    write("cert", *both.cert_chain_pems)
    write("key", both.private_key_pem)
    write("named_cert", *named.cert_chain_pems)
    write("named_key", named.private_key_pem)
    return found


def jobs(pems: dict[str, str], plain: str, tls: str, named: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def job(name: str, target: str, **more: Any) -> None:
        rules = json.loads(json.dumps(KEEP).replace("CASE", name))
        more = {"honor_labels": True, "static_configs": [{"targets": [target]}], **more}
        found.append({"job_name": name, "scrape_interval": "3s", "metric_relabel_configs": rules, **more})

    auth = {"basic_auth": {"username": "u", "password": "p"}}
    trusted = {"scheme": "https", "tls_config": {"ca_file": pems["ca"]}}
    job("plain", plain)
    job("plain_not_honoured", plain, honor_labels=False)
    job("plain_with_needless_password", plain, **auth)
    job("https_to_plain", plain, **trusted)
    job("no_password", tls, **trusted)
    job("wrong_password", tls, **trusted, basic_auth={"username": "u", "password": "q"})
    job("right", tls, **trusted, **auth)
    job("unknown_authority", tls, scheme="https", **auth)
    job("other_authority", tls, scheme="https", tls_config={"ca_file": pems["other"]}, **auth)
    job("unchecked", tls, scheme="https", tls_config={"insecure_skip_verify": True}, **auth)
    job(
        "server_name",
        tls,
        scheme="https",
        tls_config={"ca_file": pems["ca"], "server_name": "pushgateway.example"},
        **auth,
    )
    job("server_wild", tls, scheme="https", tls_config={"ca_file": pems["ca"], "server_name": "a.wild.example"}, **auth)
    job("wrong_name", tls, scheme="https", tls_config={"ca_file": pems["ca"], "server_name": "other.example"}, **auth)
    job("http_to_tls", tls, **auth)
    job("no_ip_in_certificate", named, **trusted)
    job("named", named, scheme="https", tls_config={"ca_file": pems["ca"], "server_name": "pushgateway.example"})
    job("versions", named, scheme="https", tls_config={"insecure_skip_verify": True, "max_version": "TLS12"})
    job("client_certificate", named, **trusted | {"tls_config": {
        "insecure_skip_verify": True, "cert_file": pems["cert"], "key_file": pems["key"]}})  # fmt: skip
    job("push_path", plain, metrics_path="/metrics/job/backup")
    job("trailing_slash", plain, metrics_path="/metrics/")
    return found


@pytest.mark.parametrize(("version", "binary"), [("3.5", peers.prometheus_binary), ("2.53", peers.prometheus_2_binary)])
def test_tls_and_passwords(version: str, binary: Callable[[], Path], tmp_path: Path) -> None:
    prometheus = binary()
    pems = files(tmp_path)
    both, named = ((pems[f"{prefix}cert"], pems[f"{prefix}key"], pems["ca"]) for prefix in ("", "named_"))
    with (
        Pushgateway() as plain,
        Pushgateway(tls=both, basic_auth=("u", "p")) as tls,
        Pushgateway(tls=named) as by_name,
    ):
        for gateway in (plain, tls):
            gateway.push("backup_bytes 7\n", job="backup", grouping_key={"instance": "db1"})
            gateway.push("backup_bytes 8\n", job="backup", grouping_key={"env": "prod"})
        targets = [f"{gateway.host}:{gateway.port}" for gateway in (plain, tls, by_name)]
        text = json.dumps({"scrape_configs": jobs(pems, *targets)})
        theirs, their_ends = run(prometheus, text, slow=set())
        ours: dict[Any, float] = {}
        our_ends: dict[str, set[tuple[str, str]]] = {}
        for job in load(text=text, version=version, lint="none").jobs:
            for scrape in JobScraper(job).scrape(job_targets(job)).targets:
                our_ends.setdefault(job.job_name, set()).add((scrape.health, scrape.error))
                ours.update({sample.labels: sample.value for sample in scrape.stored})
    # What the gateways count themselves differs from one scrape to the next.
    counted = ("scrape_samples_scraped", "scrape_duration_seconds")
    assert {key: samples[0][1] for key, samples in theirs.items() if dict(key)["__name__"] not in counted} == {
        key: value for key, value in ours.items() if dict(key)["__name__"] not in counted
    }
    assert our_ends == their_ends
    assert sum(end == {("up", "")} for end in our_ends.values()) >= 9
