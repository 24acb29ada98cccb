"""Generated scrape jobs and relabel rules through promtool and through us.

``PUSHGATEWAY_CONFIG_CASES`` sets the number for each version (default 100; a long run is 5,000).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import peers
from tests.prometheus.promtool import disagreement, failure_lines, load_in

pytestmark = pytest.mark.conformance

BATCH = 25
CASES = int(os.environ.get("PUSHGATEWAY_CONFIG_CASES", "100"))


def words(text: str) -> st.SearchStrategy[str]:
    """Return one of the words of ``text``, in which ``+`` stands for a blank."""
    return st.sampled_from([word.replace("+", " ") for word in text.split()])


plain = words(
    """a b job instance __address__ __name__ __scheme__ a-b ä 1 1.5 true yes ~ null Null "" "null" 'x"y' [a] {a:+b} 0x10
    2020-01-01 1e3 1_000 .inf !!str+5 !!int+"5" __scrape_interval__ $1 ${1}_x ${a}-b $ a$ "a\\nb" {} [] -1"""
)
durations = words("15s 1m 0 0s 5m30s 1h2m 30m1h 1.5s 60 1x ~ 1w 10y 300y -1s [1m] 1ms '' 10s 2s")
booleans = words("""true false yes no on off y N "true" 1 ~ [true] TRUE tRUE""")
numbers = words("0 1 10 1.9 1e3 0x1F 010 09 1_000 -1 '5' ~ many [] .nan 18446744073709551616 0b11 0o7 -.inf -0.5 1e400")
sizes = words("1MB 10KiB 1.5GB 10 1kB -1MB 1KiB5B ~ '' 0 B 1GB1KiB")
pieces = st.text(alphabet=r"ab()[]{}|*+?.^$\dwsQE1,2-:=!<Pn> ", max_size=9)
regexps = st.one_of(plain, pieces.map(lambda text: "'" + text.replace("'", "''") + "'"))
names = st.lists(plain.filter(lambda text: text[:1] not in "[{"), max_size=3).map(lambda items: f"[{', '.join(items)}]")
actions = words(
    "replace keep drop keepequal dropequal hashmod labelmap labeldrop labelkeep lowercase uppercase REPLACE remove ~ ''"
)
protocols = words("PrometheusProto OpenMetricsText1.0.0 PrometheusText0.0.4 PrometheusText1.0.0 prometheusproto X ~ 1")
urls = words("""http://p ':x' ~ 'http://a+b' p:1 http://p:x https://[::1]:9/x '' http://u:p@h/ 'http://h/%zz' //x 'http://[::1'
    'http://%41/' mailto:a 'http://é/' 'ht tp://x' 'http://h:80:90/'""")
addresses = st.sampled_from(["a:1", "b", "http://a:1", "a/b", "", "::1", "[::1]:9", "a:99999", "${X}:1", "a b"])


def mapping(fields: dict[str, st.SearchStrategy[str]], required: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Return flow mappings with some of ``fields``, seldom one twice."""

    @st.composite
    def draw(pick: st.DrawFn) -> str:
        keys = [*required, *pick(st.lists(st.sampled_from(sorted(fields)), max_size=4, unique_by=lambda key: key))]
        if pick(st.integers(0, 30)) == 0:
            keys.append(pick(st.sampled_from(sorted({*fields, "nonsense"}))))
        return "{" + ", ".join(f"{key}: {pick(fields.get(key, plain))}" for key in keys) + "}"

    return draw()


def listed(items: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(items, max_size=most).map(lambda found: f"[{', '.join(found)}]")


rule = mapping(
    {
        "source_labels": names,
        "separator": plain,
        "regex": regexps,
        "modulus": numbers,
        "target_label": plain,
        "replacement": plain,
        "action": actions,
    }
)
group = mapping(
    {
        "targets": listed(addresses.map(repr)),
        "labels": mapping({"a": plain, "job": plain, "a-b": plain, "__scrape_interval__": durations}),
    }
)
proxy = {
    "proxy_url": urls,
    "no_proxy": plain,
    "proxy_from_environment": booleans,
    "proxy_connect_header": mapping({"a": listed(plain), "true": listed(plain)}),
}
tls = mapping(
    {
        **dict.fromkeys(("ca", "ca_file", "ca_ref", "cert", "cert_file", "cert_ref", "key", "key_file"), plain),
        "insecure_skip_verify": booleans,
        "min_version": words("TLS10 TLS13 TLS9 tls12 ~ ''"),
    }
)
client = {
    **proxy,
    "basic_auth": mapping({"username": plain, "password": plain, "password_file": plain, "username_file": plain}),
    "oauth2": mapping(
        {
            **proxy,
            **dict.fromkeys(("client_id", "client_secret", "client_secret_file", "client_certificate_key"), plain),
            "scopes": listed(plain),
            "token_url": urls,
            "tls_config": tls,
            "grant_type": words("client_credentials urn:ietf:params:oauth:grant-type:jwt-bearer x ~"),
            "signature_algorithm": words("RS256 ES256 ~"),
        }
    ),
    "http_headers": mapping(
        dict.fromkeys(
            ("Host", "x-a", "User-Agent", "accept"),
            mapping(dict.fromkeys(("values", "secrets", "files"), listed(plain))),
        )
    ),
    "enable_http2": booleans,
    "authorization": mapping({"type": st.sampled_from(["Bearer", "basic", "''"]), "credentials": plain}),
    "bearer_token": plain,
    "tls_config": tls,
    "follow_redirects": booleans,
}
job = mapping(
    {
        "honor_labels": booleans,
        "honor_timestamps": booleans,
        "scrape_interval": durations,
        "scrape_timeout": durations,
        "metrics_path": plain,
        "scheme": plain,
        "params": mapping({"a": names, "b": names}),
        **dict.fromkeys(
            (
                *("sample_limit", "target_limit", "label_limit", "label_name_length_limit", "keep_dropped_targets"),
                *("native_histogram_bucket_limit", "native_histogram_min_bucket_factor"),
            ),
            numbers,
        ),
        **dict.fromkeys(
            (
                *("track_timestamps_staleness", "enable_compression", "scrape_classic_histograms"),
                *("always_scrape_classic_histograms", "convert_classic_histograms_to_nhcb"),
            ),
            booleans,
        ),
        "body_size_limit": sizes,
        "scrape_protocols": listed(protocols),
        "fallback_scrape_protocol": protocols,
        "scrape_failure_log_file": plain,
        "file_sd_configs": listed(
            mapping({"files": listed(words("a*b*.yml a.txt '' ~ x/*.json")), "refresh_interval": durations})
        ),
        "dns_sd_configs": listed(mapping({"names": listed(plain), "type": words("A SRV a X ~"), "port": numbers})),
        "http_sd_configs": listed(mapping({"url": urls, **client}), most=1),
        "relabel_configs": listed(st.one_of(rule, rule, rule, plain)),
        "metric_relabel_configs": listed(rule),
        "static_configs": listed(st.one_of(group, group, group, plain)),
        "metric_name_validation_scheme": st.sampled_from(["legacy", "utf8", "x", "~"]),
        "metric_name_escaping_scheme": st.sampled_from(["underscores", "allow-utf-8", "x"]),
        **client,
    }
)
elsewhere = st.one_of(
    st.just(""),
    mapping(
        {
            **dict.fromkeys(
                ("scrape_interval", "scrape_timeout", "evaluation_interval", "rule_query_offset"), durations
            ),
            "scrape_protocols": listed(protocols),
            "external_labels": mapping({"a": plain, "a-b": plain}),
            "body_size_limit": sizes,
            "sample_limit": numbers,
            "metric_name_validation_scheme": words("legacy utf8 x ~"),
            "always_scrape_classic_histograms": booleans,
        }
    ).map(lambda one: f"global: {one}\n"),
    mapping(
        {"url": urls, "write_relabel_configs": listed(rule), "name": plain, "headers": mapping({"a": plain}), **client}
    ).map(lambda one: f"remote_write: [{one}]\n"),
    mapping(
        {"url": urls, "required_matchers": mapping({"a": plain, "a-b": plain}), "read_recent": booleans, **client}
    ).map(lambda one: f"remote_read: [{one}]\n"),
    mapping(
        {
            **client,
            "static_configs": listed(group),
            "timeout": durations,
            "api_version": words("v1 v2 v3 ~"),
            "relabel_configs": listed(rule),
        }
    ).map(lambda one: f"alerting: {{alertmanagers: [{one}]}}\n"),
)
configuration = st.tuples(elsewhere, st.lists(job, min_size=1, max_size=3)).map(
    lambda both: (
        f"{both[0]}scrape_configs:\n" + "".join(f"- job_name: j{n}\n  <<: {one}\n" for n, one in enumerate(both[1]))
    )
)
rules_only = st.lists(rule, min_size=1, max_size=3).map(
    lambda rules: (
        "scrape_configs:\n- job_name: j\n  static_configs: [{targets: ['a:1', b]}]\n  relabel_configs:\n"
        + "".join(f"  - {one}\n" for one in rules)
    )
)


def ask(binary: Path, folder: Path, count: int) -> list[list[str]]:
    """Return promtool's findings for every file of a batch, which takes hardly longer than one."""
    files = [f"{number}/prometheus.yml" for number in range(count)]
    done = subprocess.run(
        [str(binary), "check", "config", *files],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    answers = re.split(r"^Checking (\d+)/prometheus\.yml\n", done.stdout, flags=re.MULTILINE)[1:]
    assert [int(number) for number in answers[::2]] == list(range(count)), done.stdout
    return [
        [
            line.replace(f'"{number}/', '"').replace(f" {number}/", " ")
            for line in failure_lines(text, f"{number}/prometheus.yml")
        ]
        if "  FAILED: " in text and "is valid prometheus" not in text
        else []
        for number, text in zip(answers[::2], answers[1::2], strict=True)
    ]


@pytest.mark.parametrize(("version", "binary"), [("3.5", peers.promtool_binary), ("2.53", peers.promtool_2_binary)])
@settings(
    max_examples=max(1, CASES // BATCH),
    deadline=None,
    database=None,
    derandomize="PUSHGATEWAY_CONFIG_CASES" not in os.environ,  # a change fails here for what it does, not by chance
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.one_of(configuration, rules_only), min_size=BATCH, max_size=BATCH))
def test_generated_configurations(
    tmp_path_factory: pytest.TempPathFactory, version: str, binary: Callable[[], Path], texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for number, text in enumerate(texts):
        (folder / str(number)).mkdir()
        (folder / str(number) / "prometheus.yml").write_text(text, encoding="utf-8")
    answers = ask(binary(), folder, len(texts))
    for number, text in enumerate(texts):
        reason = disagreement(answers[number], load_in(folder / str(number), version=version))
        assert reason == "", f"{text}\n{reason}"
