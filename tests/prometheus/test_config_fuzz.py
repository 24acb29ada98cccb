"""Generated scrape jobs and relabel rules through promtool and through us.

``PUSHGATEWAY_CONFIG_CASES`` says how many (default 100; a long run is 5,000).
"""

from __future__ import annotations

import os
import re
import subprocess
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
numbers = words("0 1 10 1.9 1e3 0x1F 010 09 1_000 -1 '5' ~ many [] .nan 18446744073709551616 0b11 0o7")
sizes = words("1MB 10KiB 1.5GB 10 1kB -1MB 1KiB5B ~ '' 0 B 1GB1KiB")
pieces = st.text(alphabet=r"ab()[]{}|*+?.^$\dwsQE1,2-:=!<Pn> ", max_size=9)
regexps = st.one_of(plain, pieces.map(lambda text: "'" + text.replace("'", "''") + "'"))
names = st.lists(plain.filter(lambda text: text[:1] not in "[{"), max_size=3).map(lambda items: f"[{', '.join(items)}]")
actions = words(
    "replace keep drop keepequal dropequal hashmod labelmap labeldrop labelkeep lowercase uppercase REPLACE remove ~ ''"
)
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
client = {
    "basic_auth": mapping({"username": plain, "password": plain, "password_file": plain, "username_file": plain}),
    "authorization": mapping({"type": st.sampled_from(["Bearer", "basic", "''"]), "credentials": plain}),
    "bearer_token": plain,
    "tls_config": mapping({"ca": plain, "ca_file": plain, "insecure_skip_verify": booleans, "min_version": plain}),
    "proxy_url": st.sampled_from(["http://p", "':x'", "~", "'http://a b'", "p:1", "http://p:x"]),
    "no_proxy": plain,
    "proxy_from_environment": booleans,
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
        "sample_limit": numbers,
        "label_limit": numbers,
        "body_size_limit": sizes,
        "native_histogram_min_bucket_factor": numbers,
        "relabel_configs": listed(st.one_of(rule, rule, rule, plain)),
        "metric_relabel_configs": listed(rule),
        "static_configs": listed(st.one_of(group, group, group, plain)),
        "metric_name_validation_scheme": st.sampled_from(["legacy", "utf8", "x", "~"]),
        "metric_name_escaping_scheme": st.sampled_from(["underscores", "allow-utf-8", "x"]),
        **client,
    }
)
configuration = st.lists(job, min_size=1, max_size=3).map(
    lambda jobs: "scrape_configs:\n" + "".join(f"- job_name: j{n}\n  <<: {one}\n" for n, one in enumerate(jobs))
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
        failure_lines(text, f"{number}/prometheus.yml")
        if "  FAILED: " in text and "is valid prometheus" not in text
        else []
        for number, text in zip(answers[::2], answers[1::2], strict=True)
    ]


@settings(max_examples=max(1, CASES // BATCH), deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(configuration, rules_only), min_size=BATCH, max_size=BATCH))
def test_generated_configurations(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for number, text in enumerate(texts):
        (folder / str(number)).mkdir()
        (folder / str(number) / "prometheus.yml").write_text(text, encoding="utf-8")
    answers = ask(peers.promtool_binary(), folder, len(texts))
    for number, text in enumerate(texts):
        reason = disagreement(answers[number], load_in(folder / str(number), version="3.5"))
        assert reason == "", f"{text}\n{reason}"
