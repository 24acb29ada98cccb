"""The verdict on a push: what clashes with what stands, in which words, what remains of it, and what cures it."""

from __future__ import annotations

from tests.conformance.protowire import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    SUMMARY,
    counter,
    delimited,
    family,
    gauge,
    histogram,
    metric,
    summary,
)
from tests.conformance.records import (
    PROTOBUF,
    Record,
    Request,
    Step,
    api,
    delete,
    get,
    looks,
    post,
    put,
    record,
    request,
    scrape,
)

HEALTH = (get("/-/healthy"), get("/-/ready"))
KINDS = {
    "counter": "# TYPE m counter\nm 1\n",
    "gauge": "# TYPE m gauge\nm 1\n",
    "untyped": "m 1\n",
    "summary": '# TYPE m summary\nm{quantile="0.5"} 1\nm_sum 2\nm_count 3\n',
    "histogram": '# TYPE m histogram\nm_bucket{le="1"} 1\nm_sum 2\nm_count 3\n',
    "gaugehistogram": '# TYPE m gaugehistogram\nm_bucket{le="1"} 1\nm_sum 2\nm_count 3\n',
}


def a(body: str, label: str = "") -> Request:
    return put(f"/metrics/job/a{label}", body)


def b(body: str, label: str = "") -> Request:
    return put(f"/metrics/job/b{label}", body)


def proto(path: str, *families: bytes) -> Request:
    return put(path, delimited(*families), {"Content-Type": PROTOBUF})


def _types() -> list[Record]:
    """Every kind against every other in another group; what Go's map order decides is a deviation of ours."""
    random = {(one, "gaugehistogram") for one in KINDS if "histogram" not in one}
    return [
        record(f"a {first} and then a {second} of one name", a(KINDS[first]), b(KINDS[second]))
        for first in KINDS
        for second in KINDS
        if (first, second) not in random and (second, first) not in random
    ]


def _suffixes() -> list[Record]:
    records = []
    for kind in ("summary", "histogram", "gaugehistogram"):
        for suffix in ("sum", "count", "bucket", "total", "created", "gcount", "gsum"):
            plain = f"m_{suffix} 5\n"
            records += [
                record(f"a {kind} and then its {suffix}", a(KINDS[kind]), b(plain)),
                record(f"a {suffix} and then its {kind}", a(plain), b(KINDS[kind])),
                record(f"a {kind} and its {suffix} in one push", a(plain + KINDS[kind]), a(plain)),
            ]
    return records


def _duplicates() -> list[Record]:
    return [
        record("the same sample twice", a("m 1\nm 2\n")),
        record("the same sample three times", a("m 1\nm 2\nm 3\n")),
        record("two samples twice", a('m{x="1"} 1\nm{x="2"} 2\nm{x="1"} 3\nm{x="2"} 4\n')),
        record("two families of duplicates", a("m 1\nn 1\nm 2\nn 2\n")),
        record("duplicates by the job of the group", a('m{job="1"} 1\nm{job="2"} 2\n')),
        record("duplicates by the instance of the group", a('m{instance="1"} 1\nm{instance="2"} 2\n', "/instance/i")),
        record("no duplicates by their own instance", a('m{instance="1"} 1\nm{instance="2"} 2\n')),
        record("own instance empty and missing", a('m{instance=""} 1\nm 2\n')),
        record(
            "duplicate summaries cannot be told in text", a('# TYPE s summary\ns_sum{job="1"} 1\ns_sum{job="2"} 2\n')
        ),
        record(
            "duplicate in another group by its own label",
            a("m 1\n"),
            b('m{x="1"} 1\n'),
            put("/metrics/job/b/x/1", "m 2\n"),
        ),
        record("duplicate by another group's own labels", put("/metrics/job/a/x/1", "m 1\n"), a('m{x="1"} 2\n')),
        record("duplicate by another group's instance", a("m 1\n", "/instance/i"), a('m{instance="i"} 2\n')),
        record(
            "duplicate histogram and summary of another group",
            put("/metrics/job/a/x/1", KINDS["histogram"]),
            a('# TYPE m histogram\nm_bucket{x="1",le="1"} 1\nm_sum{x="1"} 2\nm_count{x="1"} 3\n'),
            put("/metrics/job/a/x/1", KINDS["summary"]),
            a('# TYPE m summary\nm{x="1",quantile="0.5"} 1\nm_sum{x="1"} 2\nm_count{x="1"} 3\n'),
        ),
        record(
            "a duplicate replaced by its own group is none", a("m 1\n"), a("m 2\n"), post("/metrics/job/a", "m 3\n")
        ),
        record(
            "values print in the words of the error",
            *(a(f"m {v}\nm {v}\n") for v in ("1e6", "1e-7", "-0", "NaN", "+Inf", "0.1", "1e21")),
        ),
        record(
            "labels print in the words of the error",
            a('m{x="a\\"b\\\\c\\nd\te\u00e9\x01"} 1\nm{x="a\\"b\\\\c\\nd\te\u00e9\x01"} 1\n'),
        ),
        *(
            record(
                f"a duplicate {kind} prints in the words of the error",
                proto("/metrics/job/a", family("m", number, one, one)),
            )
            for kind, number, one in (
                ("summary", SUMMARY, metric({"l": "v"}, summary(3, 1.5, {0.5: 7, 0.9: 1e6}))),
                ("histogram", HISTOGRAM, metric({"l": "v"}, histogram(3, 1.5))),
                ("counter", COUNTER, metric({"l": "v"}, counter(1e6))),
                ("gauge", GAUGE, metric({}, gauge(1))),
            )
        ),
    ]


REQUESTS_HELP = (
    "# HELP pushgateway_http_requests_total Total HTTP requests processed by the Pushgateway, excluding scrapes.\n"
)


def _own_names() -> list[Record]:
    fresh = [
        record(
            f"the first push carries {body!r}",
            a(body),
            scrape(),
            a("x 1\n"),
            delete("/metrics/job/a"),
            a("x 1\n"),
            fresh=True,
        )
        for body in (
            "pushgateway_http_requests_total 1\n",
            "# TYPE pushgateway_http_requests_total counter\npushgateway_http_requests_total 1\n",
            REQUESTS_HELP + "# TYPE pushgateway_http_requests_total counter\npushgateway_http_requests_total 1\n",
            "pushgateway_http_push_size_bytes 1\n",
            "# TYPE pushgateway_http_push_duration_seconds summary\npushgateway_http_push_duration_seconds_count 1\n",
            "pushgateway_http_push_size_bytes_count 1\n",
        )
    ]
    return [
        *(
            record(f"own metric: {body!r}", a(body), scrape(), delete("/metrics/job/a"))
            for body in (
                "go_goroutines 1\n",
                "# TYPE go_goroutines gauge\ngo_goroutines 1\n",
                "# HELP go_goroutines mine\n# TYPE go_goroutines gauge\ngo_goroutines 1\n",
                "# HELP go_goroutines Number of goroutines that currently exist.\n"
                "# TYPE go_goroutines gauge\ngo_goroutines 1\n",
                "# TYPE go_info gauge\ngo_info 1\n",
                "# TYPE go_threads counter\ngo_threads 1\n",
                "go_gc_duration_seconds 1\n",
                "go_gc_duration_seconds_sum 1\n",
                "go_gc_duration_seconds_count 1\n",
                "go_gc_duration_seconds_bucket 1\n",
                "# TYPE go_gc_duration_seconds summary\ngo_gc_duration_seconds_count 1\n",
                "go_memstats_alloc_bytes 1\ngo_memstats_frees_total 1\ngo_memstats_mallocs_total 1\n",
                "# TYPE go_memstats_alloc_bytes_total counter\ngo_memstats_alloc_bytes_total 1\n",
                "go_memstats_lookups_total 1\n",
                "go_memstats_gc_cpu_fraction 1\n",
                "go_something_else 1\n",
                "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1\n",
                "process_cpu_seconds_total 1\n",
                "# HELP process_open_fds other\n# TYPE process_open_fds gauge\nprocess_open_fds 1\n",
                "process_max_fds 1\nprocess_resident_memory_bytes 1\nprocess_start_time_seconds 1\n",
                "process_virtual_memory_bytes 1\nprocess_virtual_memory_max_bytes 1\n",
                "process_network_receive_bytes_total 1\nprocess_network_transmit_bytes_total 1\n",
                "process_threads 1\n",
                "# TYPE pushgateway_build_info gauge\npushgateway_build_info 1\n",
                "pushgateway_build_info 1\n",
                "pushgateway_something 1\n",
                "promhttp_metric_handler_requests_total 1\n",
                "python_info 1\n",
            )
        ),
        *(
            record(
                f"own metric that has been used: {body!r}",
                a("x 1\n"),
                b(body),
                scrape(),
                delete("/metrics/job/b"),
                fresh=True,
            )
            for body in (
                "pushgateway_http_requests_total 1\n",
                "# TYPE pushgateway_http_requests_total counter\npushgateway_http_requests_total 1\n",
                REQUESTS_HELP + "# TYPE pushgateway_http_requests_total counter\npushgateway_http_requests_total 1\n",
                "pushgateway_http_push_size_bytes_count 1\n",
                "pushgateway_http_push_duration_seconds_sum 1\n",
            )
        ),
        *fresh,
        record(
            "every go_memstats gauge as untyped",
            *(a(f"go_memstats_{name} 1\n") for name in MEMSTATS),
            delete("/metrics/job/a"),
        ),
        record(
            "every go_memstats gauge as gauge",
            a("".join(f"# TYPE go_memstats_{name} gauge\ngo_memstats_{name} 1\n" for name in MEMSTATS)),
            scrape(),
        ),
        record(
            "every other gauge of the runtime",
            a("".join(f"# TYPE go_{name} gauge\ngo_{name} 1\n" for name in RUNTIME)),
            *(a(f"go_{name} 1\n") for name in RUNTIME),
        ),
    ]


MEMSTATS_NAMES = """
alloc_bytes buck_hash_sys_bytes gc_sys_bytes heap_alloc_bytes heap_idle_bytes heap_inuse_bytes heap_objects
heap_released_bytes heap_sys_bytes last_gc_time_seconds mcache_inuse_bytes mcache_sys_bytes mspan_inuse_bytes
mspan_sys_bytes next_gc_bytes other_sys_bytes stack_inuse_bytes stack_sys_bytes sys_bytes
"""
MEMSTATS = MEMSTATS_NAMES.split()
RUNTIME_NAMES = """
gc_gogc_percent gc_gomemlimit_bytes goroutines info sched_gomaxprocs_threads threads
"""
RUNTIME = RUNTIME_NAMES.split()


def _labels() -> list[Record]:
    return [
        record("a reserved label name", a('m{__x="1"} 1\n')),
        record("two reserved label names", a('m{__x="1",__y="2"} 1\nn{__x="1"} 1\n')),
        record("a reserved label name on a histogram", a('# TYPE m histogram\nm_bucket{__x="1",le="1"} 1\n')),
        record("quantile in the group of a summary", put("/metrics/job/a/quantile/1", KINDS["summary"])),
        record("quantile in the group of a gauge", put("/metrics/job/a/quantile/1", KINDS["gauge"])),
        record("le in the group of a histogram", put("/metrics/job/a/le/1", KINDS["histogram"])),
        record("le in the group of a gauge", put("/metrics/job/a/le/1", KINDS["gauge"])),
        record(
            "a group that is not UTF-8 poisons, its deletion cures",
            put("/metrics/job/a/x/%FF", "m 1\n"),
            b("n 1\n"),
            scrape(),
            *HEALTH,
            api(),
            delete("/metrics/job/a/x/%FF"),
            b("n 1\n"),
        ),
        record(
            "an empty push of a group that is not UTF-8",
            put("/metrics/job/%FF", ""),
            b("n 1\n"),
            delete("/metrics/job/%FF"),
        ),
        record(
            "a timestamp in a group that is not UTF-8",
            put("/metrics/job/%FF", "m 1 1\n"),
            b("n 1\n"),
            delete("/metrics/job/%FF"),
        ),
        record(
            "job with and without an empty instance poison each other",
            a("m 1\n"),
            put("/metrics/job/a/instance@base64/=", "n 1\n"),
            b("n 1\n"),
            post("/metrics/job/a", "m 2\n"),
            scrape(),
            *HEALTH,
            delete("/metrics/job/a/instance@base64/="),
            b("n 1\n"),
        ),
        record(
            "either of the two that poison each other may go",
            a("m 1\n"),
            put("/metrics/job/a/instance@base64/=", "n 1\n"),
            delete("/metrics/job/a"),
            b("n 1\n"),
            put("/metrics/job/a/instance@base64/=", "n 1\n"),
        ),
        record(
            "an empty label beside none is another series",
            a("m 1\n"),
            put("/metrics/job/a/foo@base64/=", "m 1\n"),
            put("/metrics/job/a/foo@base64/=/bar@base64/=", "m 1\n"),
        ),
        record("a rejected push leaves its group with both times", a("m 1\nm 1\n"), b("n 1\n")),
        record("a rejected push into a full group", a("m 1\n"), a("m 1\nm 1\n"), post("/metrics/job/a", "n 1\n")),
        record("a rejected push and then an accepted one", a("m 1\nm 1\n"), a("m 1\n")),
    ]


def _several() -> list[Record]:
    return [
        record("two kinds of error", a("m 1\nm 2\ngo_goroutines 1\n")),
        record("every kind of error", a('m 1\nm 2\ngo_goroutines 1\nn{__x="1"} 1\ngo_info 2\n')),
        record(
            "a type error for each metric",
            a("# TYPE m gauge\nm 1\n"),
            b('# TYPE m counter\nm{x="1"} 1\nm{x="2"} 1\nm{x="3"} 1\n'),
        ),
        record("errors in a group that is not UTF-8", put("/metrics/job/%FF", 'm{x="1"} 1\nm{x="2"} 1\n')),
        record(
            "nothing of a rejected push is stored",
            a("good 1\nm 1\nm 1\n"),
            post("/metrics/job/a", "fine 1\nm 1\nm 1\n"),
        ),
        record("a POST that clashes with its own group", a("m_sum 1\n"), post("/metrics/job/a", KINDS["summary"])),
        record("a PUT that would clash with what it replaces", a("m_sum 1\n"), a(KINDS["summary"]), a("m_count 1\n")),
        record(
            "a type replaced by PUT while another group holds it",
            a(KINDS["gauge"]),
            b(KINDS["gauge"]),
            a(KINDS["counter"]),
            delete("/metrics/job/b"),
            a(KINDS["counter"]),
        ),
    ]


def _unchecked() -> list[Record]:
    def with_flag(name: str, *steps: Step) -> Record:
        return record(name, *steps, flags="unchecked")

    return [
        with_flag("unchecked: a good push", a("m 1\n"), post("/metrics/job/a", "n 1\n"), delete("/metrics/job/a")),
        with_flag("unchecked: an empty push", a(""), post("/metrics/job/b", "")),
        with_flag("unchecked: a parse error", a("garbage\n"), a("a 1")),
        with_flag("unchecked: a bad URL", put("/metrics/job/a/b", "m 1\n"), put("/metrics/job@base64/!", "m 1\n")),
        with_flag("unchecked: a timestamp", a("m 1\n"), a("m 2 1\n"), post("/metrics/job/b", "m 1 1\n")),
        with_flag(
            "unchecked: types clash",
            a(KINDS["gauge"]),
            b(KINDS["counter"]),
            scrape(),
            *HEALTH,
            delete("/metrics/job/b"),
        ),
        with_flag(
            "unchecked: a duplicate", a("m 1\nm 2\n"), scrape(PROTOBUF), scrape(None, {"Accept-Encoding": "gzip"})
        ),
        with_flag("unchecked: several errors", a("m 1\nm 2\nn 1\nn 2\n"), scrape()),
        with_flag("unchecked: a suffix", a(KINDS["summary"]), b("m_sum 1\n"), scrape(), a(""), scrape()),
        with_flag("unchecked: not UTF-8", put("/metrics/job/%FF", "m 1\n"), scrape(), delete("/metrics/job/%FF")),
        with_flag(
            "unchecked: own metric", a("go_goroutines 1\n"), scrape(), request("PUT", "/api/v1/admin/wipe"), scrape()
        ),
        with_flag(
            "unchecked: an empty instance beside none",
            a("m 1\n"),
            put("/metrics/job/a/instance@base64/=", "n 1\n"),
            scrape(),
        ),
        with_flag("unchecked: reserved label", a('m{__x="1"} 1\n'), scrape()),
        with_flag("unchecked: status", request("GET", "/api/v1/status")),
        with_flag("unchecked: gzip errors", put("/metrics/job/a", "", {"Content-Encoding": "gzip"})),
    ]


RECORDS = [
    *_types(),
    *_suffixes(),
    *_duplicates(),
    *_own_names(),
    *_labels(),
    *_several(),
    *_unchecked(),
    record("a consistent gateway scrapes", a("m 1\n"), look=looks()),
]
