"""Scrape jobs and what they meet: every case is a job of one configuration, scraped by a real Prometheus and by us.

``NAME`` in a body is the case's name, so that no two cases store the same series.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from .exposer import Page


class Case(NamedTuple):
    name: str
    job: dict[str, Any]
    page: Page
    since: str = "2"
    """``"3"``: only in Prometheus 3."""


GROUPS = """\
# TYPE NAME_bytes gauge
NAME_bytes{instance="",job="backup"} 1024
NAME_bytes{instance="db1",job="backup"} 2048
NAME_bytes{instance="db1",job="backup",env="prod"} 4096
# TYPE NAME_failures_total counter
NAME_failures_total{instance="",job="import",exported_job="x"} 3
NAME_failures_total{job=""} NaN
push_time_seconds_NAME{instance="",job="backup"} 1.7e+09
"""

HISTOGRAM = """\
# HELP NAME_seconds A histogram.
# TYPE NAME_seconds histogram
NAME_seconds_bucket{job="a",le="0.50"} 1
NAME_seconds_bucket{job="a",le="1"} 2
NAME_seconds_bucket{job="a",le="+Inf"} 3
NAME_seconds_sum{job="a"} 4.5
NAME_seconds_count{job="a"} 3
# TYPE NAME_size summary
NAME_size{quantile="0"} 1
NAME_size{quantile="1e6"} -Inf
NAME_size{le="1"} 7
NAME_size_sum 3
NAME_other{quantile="1",le="1"} 5
"""


def cases() -> list[Case]:
    """All cases; timestamps in them are around now."""
    found: list[Case] = []

    def case(name: str, body: str | bytes | Page = GROUPS, *, since: str = "2", **job: Any) -> None:
        if not isinstance(body, Page):
            content = body.encode() if isinstance(body, str) else body
            body = Page(content.replace(b"NAME", name.encode()))
        else:
            body.body = body.body.replace(b"NAME", name.encode())
        found.append(Case(name, job, body, since))

    def rules(*items: dict[str, Any]) -> dict[str, Any]:
        return {"metric_relabel_configs": list(items)}

    # Whose labels win
    case("plain")
    case("honoured", honor_labels=True)
    case("static_labels", static_labels={"env": "test", "region": "eu", "__tmp": "x"})
    case("static_honoured", static_labels={"env": "test", "region": "eu"}, honor_labels=True)
    case("static_exported", static_labels={"exported_job": "tj", "job": "static_exported"})
    case("static_exported_honoured", static_labels={"exported_job": "tj"}, honor_labels=True)
    case("static_instance", static_labels={"instance": "gateway"}, honor_labels=True)
    chain = 'NAME{job="a",exported_job="b",exported_exported_job="c",instance="i",exported_instance=""} 1\n'
    case("chain", chain)
    case("chain_static", chain, static_labels={"exported_job": "s", "exported_instance": "t"})
    case("chain_honoured", chain, honor_labels=True)
    case("empty_values", 'NAME{a="",b="1"} 1\nNAME_2{foo=""} 2\n', static_labels={"foo": "bar", "a": "x"})
    case(
        "empty_honoured",
        'NAME{a="",b="1"} 1\nNAME_2{foo=""} 2\n',
        static_labels={"foo": "bar", "a": "x"},
        honor_labels=True,
    )

    # Targets
    case("relabelled", relabel_configs=[{"target_label": "shard", "replacement": "7"}])
    case(
        "instance_renamed",
        relabel_configs=[{"source_labels": ["__address__"], "regex": "(.*):.*", "target_label": "instance"}],
        static_labels={"case": "instance_renamed"},
    )
    case(
        "job_removed",
        relabel_configs=[{"target_label": "job", "replacement": ""}, {"target_label": "instance", "replacement": "jr"}],
    )
    case("instance_emptied", relabel_configs=[{"target_label": "instance", "replacement": ""}])
    case("dropped_target", relabel_configs=[{"action": "drop", "source_labels": ["job"], "regex": "dropped.*"}])
    case("params", params={"a": ["1", "2"], "b c": ["ä&"]}, static_labels={"__param_a": "x"})
    case("meta", static_labels={"__meta_zone": "z"}, relabel_configs=[{"action": "labelmap", "regex": "__meta_(.*)"}])
    case("path_by_label", metrics_path="/nowhere", static_labels={"__metrics_path__": "/path_by_label"})
    case("interval_by_label", static_labels={"__scrape_interval__": "2s", "__scrape_timeout__": "1s"})
    case("interval_zero", static_labels={"__scrape_interval__": "0s"}, relabel_configs=[])
    case("timeout_too_long", relabel_configs=[{"target_label": "__scrape_timeout__", "replacement": "1h"}])
    case("no_address", relabel_configs=[{"target_label": "__address__", "replacement": ""}])
    case("slash_in_address", relabel_configs=[{"target_label": "__address__", "replacement": "a/b"}])
    case("two_targets", targets=2, honor_labels=True)
    case("two_equal_targets", targets=-2)
    case("target_limit", targets=2, target_limit=1)

    # Metric relabelling
    case("drop", **rules({"action": "drop", "source_labels": ["__name__"], "regex": ".*_total"}))
    case("keep", **rules({"action": "keep", "source_labels": ["env"], "regex": "prod"}))
    case("rename", **rules({"source_labels": ["__name__"], "regex": "(.*)_bytes", "target_label": "__name__"}))
    case(
        "job_back",
        **rules(
            {"source_labels": ["exported_job"], "regex": "(.+)", "target_label": "job"},
            {"action": "labeldrop", "regex": "exported_.*"},
        ),
    )
    case("collapse", honor_labels=True, **rules({"action": "labeldrop", "regex": "instance|env"}))
    case("temporary", **rules({"target_label": "__tmp_y", "replacement": "1"}))
    case("no_name", **rules({"action": "labeldrop", "regex": ".*"}))
    case("no_name_left", **rules({"target_label": "__name__", "replacement": ""}))
    case("hashmod", **rules({"action": "hashmod", "source_labels": ["job", "env"], "target_label": "h", "modulus": 97}))
    case("upper", **rules({"action": "uppercase", "source_labels": ["job"], "target_label": "up"}))
    case("labelmap", **rules({"action": "labelmap", "regex": "(job|env|exported_job)", "replacement": "x_$1"}))
    case("labelmap_clash", 'NAME{a_x="1",b_x="2"} 1\n', **rules({"action": "labelmap", "regex": "._(.)"}))
    case("keepequal", **rules({"action": "keepequal", "source_labels": ["env"], "target_label": "nothing"}))
    case("all_dropped", **rules({"action": "drop"}))
    case("bad_name", **rules({"target_label": "__name__", "replacement": "a-b"}), since="3")
    case("bad_name_2", **rules({"target_label": "__name__", "replacement": "a-b"}))
    case(
        "empty_label_name",
        'NAME{x_="1"} 1\n',
        **rules({"action": "labelmap", "regex": "x_(.*)", "replacement": "$1"}),
        since="3",
    )

    # What is exposed
    case("histogram", HISTOGRAM)
    case("histogram_honoured", HISTOGRAM, honor_labels=True)
    case("tmp_exposed", 'NAME{__tmp="1",__x="y"} 1\n')
    case("no_types", 'NAME_bucket{le="1"} 1\n')
    case("empty", "")
    case("only_comments", "# nothing\n")
    case("twice", 'NAME{a="1"} 1\nNAME{a="1"} 2\n')
    case("twice_differently", 'NAME{a="1",b="2"} 1\nNAME{b="2",a="1"} 2\nNAME{b="2", a="1"} 3\n')
    case("label_twice", 'NAME_ok 1\nNAME{a="1",a="2"} 1\n')
    case("label_twice_dropped", 'NAME{a="1",a="2"} 1\n', **rules({"action": "labeldrop", "regex": "a"}))
    case(
        "up_pushed", 'up{job="x"} 5\nup{job="up_pushed"} 7\nscrape_series_added{job="up_pushed"} 9\n', honor_labels=True
    )
    case("up_pushed_plain", 'up{job="y"} 5\n')
    case("own_up", 'up{job="own_up",instance="INSTANCE"} 5\n', honor_labels=True)
    case("escapes", 'NAME{a="\\"\\\\\\n",b="ß日本"} 1\n')
    case("utf8_names", '{"NAME.x","a b"="1"} 1\n{"NAME"} 2\nNAME{"é"="x"} 3\n', since="3")
    case("utf8_names_2", '{"NAME.x","a b"="1"} 1\n')
    case("leading_blank", " NAME 1\n", since="3")
    case("leading_blank_2", " NAME 1\n")
    case("gaugehistogram", "# TYPE NAME gaugehistogram\nNAME 1\n")
    case("invalid_value", "NAME_1 1\nNAME_2 one\n")
    case("no_value", 'NAME{a="1"}\n')
    case("unfinished", 'NAME 1\nNAME{a="1\nNAME_2 2\n')
    case("bad_utf8", b'NAME{a="\xff"} 1\n')
    case("bad_help", b"# HELP NAME \xff\nNAME 1\n")
    case("quoted_bad_utf8", b'{"NAME\xff"} 1\n')
    case("name_twice", '{"NAME","NAME"} 1\n')
    case("no_name_at_all", '{a="1"} 1\n')
    case("values", "NAME_1 0x10\n")
    case("values_2", "NAME_1 1_0\n")
    case("values_3", "NAME_1 1e400\n")
    case("values_4", "NAME_1 +Inf\nNAME_2 -inf\nNAME_3 nan\nNAME_4 -0\nNAME_5 1e-400\nNAME_6 .5\nNAME_7 infinity\n")
    case("nul", "NAME 1\n\0NAME_2 2\n")
    case("type_of_another", '# TYPE other histogram\nNAME{le="1"} 1\n# TYPE NAME_2 gauge\nNAME_2{le="1"} 1\n')
    case("type_unknown", "# TYPE NAME untyped\n# HELP NAME x \\n y\nNAME 1\n# TYPE NAME_2 unknown\nNAME_2 1\n")
    case("type_blank", "# TYPE NAME  gauge\nNAME 1\n")
    case("help_empty", "# HELP NAME\nNAME 1\n")
    case("commas", 'NAME{a="1",} 1\nNAME_2{,} 1\n')
    case("commas_2", 'NAME{a="1"b="2"} 1\nNAME_2{} 2\n')
    case("crlf", "NAME 1\r\n")
    case("bad_label", 'NAME{1a="x"} 1\n')
    case("after_value", "NAME 1 x\n")
    case("brace_after", 'NAME{a="1"}{ 1\n')

    # Timestamps
    now = int(time.time() * 1000)
    times = f'NAME{{a="now"}} 1 {now}\nNAME{{a="old"}} 2 {now - 240_000}\nNAME{{a="ahead"}} 3 {now + 300_000}\n'
    times += f'NAME{{a="far"}} 4 {now + 3_600_000}\nNAME{{a="zero"}} 5 0\n'
    case("timestamps", times)
    case("timestamps_off", times, honor_timestamps=False)
    case("timestamps_twice", f"NAME 1 {now - 2000}\nNAME 2 {now - 1000}\nNAME 3 {now - 1000}\n")
    case("timestamp_too_big", "NAME 1 99999999999999999999\n")

    # Limits
    case("sample_limit", sample_limit=3)
    case("sample_limit_exact", sample_limit=6)
    case("sample_limit_after", sample_limit=2, **rules({"action": "keep", "source_labels": ["env"], "regex": "prod"}))
    case("sample_limit_twice", "NAME 1\nNAME 2\nNAME_2 3\n", sample_limit=2)
    case("label_limit", label_limit=4)
    case("label_limit_honoured", label_limit=3, honor_labels=True)
    case("name_length", label_name_length_limit=8)
    case("value_length", 'NAME{a="äöü"} 1\n', label_value_length_limit=5)
    case("body_limit", body_size_limit="10B")
    case("body_limit_exact", Page(b"a" * 9 + b" 1\n"), body_size_limit="12B")
    case("body_limit_enough", Page(b"a" * 9 + b" 1\n"), body_size_limit="13B")
    case("body_limit_gzip", Page(b"NAME 1\n" * 100, gzipped=True), body_size_limit="300B")

    # HTTP
    case("gzipped", Page(b"NAME 1\n", gzipped=True))
    case("no_content_type", Page(b"NAME 1\n", content_type=None))
    case("other_content_type", Page(b"NAME 1\n", content_type="text/html; charset=utf-8"))
    case(
        "fallback",
        Page(b"NAME 1\n", content_type="text/html"),
        fallback_scrape_protocol="PrometheusText0.0.4",
        since="3",
    )
    case("not_found", metrics_path="/nothing/here")
    case("status_500", Page(b"oops", status=500))
    case("status_405", Page(b"oops", status=405))
    case("redirected", Page(status=302, headers={"Location": "/plain"}), honor_labels=True, static_labels={"r": "1"})
    case("not_redirected", Page(status=302, headers={"Location": "/plain"}), follow_redirects=False)
    case("redirect_loop", Page(status=301, headers={"Location": "/redirect_loop"}))
    case("cut", Page(b"NAME 1\n", cut=True))
    case("hanging", Page(hang=True), scrape_timeout="300ms")
    case("unauthorized", Page(b"NAME 1\n", user="u:p"))
    case("basic_auth", Page(b"NAME 1\n", user="u:p"), basic_auth={"username": "u", "password": "p"})
    case("wrong_password", Page(b"NAME 1\n", user="u:p"), basic_auth={"username": "u", "password": "q"})
    bearer = {"Authorization": "Bearer tok"}
    case("bearer", Page(b"NAME 1\n", needs=bearer), authorization={"credentials": "tok"})
    case("bearer_token", Page(b"NAME 1\n", needs=bearer), bearer_token="tok")
    case("refused", address="127.0.0.1:1")
    case("port_too_big", address="127.0.0.1:70000")
    case("port_bad", address="h:abc")
    case("user_in_host", address="user@h:9091")
    case("blank_in_host", address="h 1:9091")
    case("many_colons", address="127.0.0.1:1:2")
    case("other_scheme", scheme="ftp", relabel_configs=[])
    case("scheme_upper", scheme="HTTP")
    case("https_to_http", scheme="https")
    return found
