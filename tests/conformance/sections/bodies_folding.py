"""Summaries and histograms in the text format: which lines fold into one metric, and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.records import PROTOBUF, Record, post, put, record, scrape

SUMMARY = "# TYPE s summary\n"
HISTOGRAM = "# TYPE h histogram\n"

BODIES: Mapping[str, str] = {
    # Summaries.
    "summary": SUMMARY + 's{quantile="0.5"} 1\ns{quantile="0.9"} 2\ns_sum 3\ns_count 4\n',
    "summary with labels": SUMMARY + 's{l="a",quantile="0.5"} 1\ns_sum{l="a"} 3\ns_count{l="a"} 4\ns_count{l="b"} 5\n',
    "summary of quantiles out of order": SUMMARY + 's{quantile="0.9"} 2\ns{quantile="0.1"} 1\ns{quantile="0.5"} 3\n',
    "summary of a quantile twice": SUMMARY + 's{quantile="0.5"} 1\ns{quantile="0.50"} 2\n',
    "summary of quantile NaN": SUMMARY + 's{quantile="NaN"} 1\ns_count 1\n',
    "summary of infinite quantiles": SUMMARY + 's{quantile="+Inf"} 1\ns{quantile="-Inf"} 1\ns_count 1\n',
    "summary of odd quantiles": SUMMARY + 's{quantile="-1"} 1\ns{quantile="1e3"} 2\ns{quantile="00.10"} 2\n',
    "summary quantile is no number": SUMMARY + 's{quantile="x"} 1\n',
    "summary quantile is empty": SUMMARY + 's{quantile=""} 1\n',
    "summary quantile is hexadecimal": SUMMARY + 's{quantile="0x1p-2"} 1\n',
    "summary quantile with a space": SUMMARY + 's{quantile=" 0.5"} 1\n',
    "summary without quantile label": SUMMARY + "s 2\n",
    "summary of a plain line and others": SUMMARY + 's 2\ns{quantile="0.5"} 1\ns_sum 1\n',
    "summary of a count only": SUMMARY + "s_count 4\n",
    "summary of a sum only": SUMMARY + "s_sum 4\n",
    "summary of a fractional count": SUMMARY + "s_count 4.7\ns_sum 1\n",
    "summary of a negative count": SUMMARY + "s_count -4\n",
    "summary of a count of NaN": SUMMARY + "s_count NaN\n",
    "summary of an infinite count": SUMMARY + "s_count +Inf\n",
    "summary of a large count": SUMMARY + "s_count 1e18\n",
    "summary of a huge count": SUMMARY + "s_count 1e20\n",
    "summary of a count at 2^63": SUMMARY + "s_count 9223372036854775808\n",
    "summary of a count at 2^64": SUMMARY + "s_count 18446744073709551616\n",
    "summary of a count given twice": SUMMARY + "s_count 1\ns_count 2\n",
    "summary of a sum given twice": SUMMARY + "s_sum 1\ns_sum 2\n",
    "summary of a count with a quantile": SUMMARY + 's_count{quantile="0.5"} 1\n',
    "summary of NaN values": SUMMARY + 's{quantile="0.5"} NaN\ns_sum NaN\ns_count 0\n',
    "summary with le": SUMMARY + 's{le="1"} 1\ns_count{le="1"} 2\n',
    "summary with a bucket line": SUMMARY + 's_bucket{le="1"} 1\ns_count 2\n',
    "summary interleaved": SUMMARY
    + 's{l="a",quantile="0.5"} 1\ns{l="b",quantile="0.5"} 2\ns_sum{l="a"} 3\ns_sum{l="b"} 4\n',
    "summary with a created line": SUMMARY + "s_count 4\ns_created 1.6e9\n",
    "summary without TYPE": 's{quantile="0.5"} 1\ns_sum 3\ns_count 4\n',
    "summary with TYPE in the middle": 's_sum 3\n# TYPE s summary\ns_count 4\ns{quantile="0.5"} 1\n',
    "summary with TYPE at the end": "s_sum 3\ns_count 4\n# TYPE s summary\n",
    "summary with its HELP and others": "# HELP s text\n" + SUMMARY + "s_count 4\n# HELP s_sum other\ns_sum 3\n",
    "summary with TYPE for its sum": SUMMARY + "# TYPE s_sum gauge\ns_sum 3\ns_count 1\n",
    "summary with a type for its sum before": "# TYPE s_sum gauge\n" + SUMMARY + "s_sum 3\ns_count 1\n",
    "summary with a sum before its type": "s_sum 3\n" + SUMMARY + 's{quantile="0.5"} 1\n',
    "summary of a name ending in _count": '# TYPE x_count summary\nx_count_count 1\nx_count{quantile="0.5"} 1\n',
    "summary of a name ending in _sum": "# TYPE x_sum summary\nx_sum_count 1\nx_sum 2\n",
    "summary of the name _sum": "# TYPE _sum summary\n_sum_sum 1\n_sum 1\n",
    "lines called _sum and _count": "_sum 1\n_count 2\n_bucket 3\n",
    "summary with a timestamp": SUMMARY + "s_count 4 1\n",
    "summary of an error in the middle": SUMMARY + "s_count 4\ns_sum x\n",
    "summary made of escapes": SUMMARY + 's{l="\\"\\\\\\n",quantile="0.5"} 1\ns_count{l="\\"\\\\\\n"} 1\n',
    "summary with a quoted quantile": SUMMARY + 's{"quantile"="0.5"} 1\ns_count 1\n',
    "summary overridden by the group": SUMMARY + 's_count{job="x"} 1\ns_sum{job="y"} 2\n',
    "summary differing by job alone": SUMMARY + 's_count{job="x"} 1\ns_count{job="y"} 2\n',
    # Histograms.
    "histogram": HISTOGRAM + 'h_bucket{le="1"} 1\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 4\nh_sum 5\nh_count 4\n',
    "histogram with labels": HISTOGRAM
    + 'h_bucket{l="a",le="1"} 1\nh_sum{l="a"} 5\nh_count{l="a"} 4\nh_count{l="b"} 1\n',
    "histogram without +Inf": HISTOGRAM + 'h_bucket{le="1"} 1\nh_sum 5\nh_count 4\n',
    "histogram of buckets out of order": HISTOGRAM
    + 'h_bucket{le="+Inf"} 4\nh_bucket{le="2"} 3\nh_bucket{le="1"} 1\nh_count 4\n',
    "histogram of buckets not cumulative": HISTOGRAM + 'h_bucket{le="1"} 9\nh_bucket{le="2"} 3\nh_count 1\n',
    "histogram of a bucket twice": HISTOGRAM + 'h_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\nh_count 2\n',
    "histogram of le in all spellings": HISTOGRAM
    + "".join(
        f'h_bucket{{le="{bound}"}} {n}\n'
        for n, bound in enumerate(("1e6", "1000001", "1e-5", "-1", "-Inf", "inf", "NaN"))
    )
    + "h_count 9\n",
    "histogram of +Inf unlike count": HISTOGRAM + 'h_bucket{le="+Inf"} 4\nh_count 5\n',
    "histogram of +Inf and no count": HISTOGRAM + 'h_bucket{le="+Inf"} 4\n',
    "histogram of a count only": HISTOGRAM + "h_count 4\n",
    "histogram of a sum only": HISTOGRAM + "h_sum 4\n",
    "histogram of a plain line": HISTOGRAM + "h 2\n",
    "histogram of a plain line with le": HISTOGRAM + 'h{le="1"} 2\n',
    "histogram of a bucket without le": HISTOGRAM + "h_bucket 2\n",
    "histogram of a bucket without le among others": HISTOGRAM + 'h_bucket 2\nh_bucket{le="1"} 1\nh_count 3\n',
    "histogram le is no number": HISTOGRAM + 'h_bucket{le="x"} 2\n',
    "histogram le is empty": HISTOGRAM + 'h_bucket{le=""} 2\n',
    "histogram of a fractional bucket": HISTOGRAM + 'h_bucket{le="1"} 1.5\nh_count 2\n',
    "histogram of a fractional count": HISTOGRAM + 'h_bucket{le="1"} 1\nh_count 2.5\nh_sum 1\n',
    "histogram of fractions without +Inf": HISTOGRAM + 'h_bucket{le="1"} 0.5\nh_bucket{le="2"} 1\nh_count 2.5\n',
    "histogram of a negative count": HISTOGRAM + "h_count -4\n",
    "histogram of a negative bucket": HISTOGRAM + 'h_bucket{le="1"} -4\n',
    "histogram of a negative sum": HISTOGRAM + "h_sum -4\n",
    "histogram of minus zero": HISTOGRAM + 'h_bucket{le="1"} -0\nh_count -0\n',
    "histogram of a count of NaN": HISTOGRAM + "h_count NaN\n",
    "histogram of an infinite count": HISTOGRAM + "h_count +Inf\n",
    "histogram of a bucket of NaN": HISTOGRAM + 'h_bucket{le="1"} NaN\nh_count 1\n',
    "histogram of a huge count": HISTOGRAM + 'h_count 1e20\nh_bucket{le="1"} 1e19\n',
    "histogram of a count at 2^53": HISTOGRAM + "h_count 9007199254740993\n",
    "histogram without TYPE": 'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    "histogram with TYPE in the middle": 'h_bucket{le="1"} 1\n' + HISTOGRAM + "h_count 2\n",
    "histogram with quantile": HISTOGRAM + 'h_bucket{quantile="1",le="1"} 1\nh_count{quantile="1"} 1\n',
    "histogram with a created line": HISTOGRAM + "h_count 4\nh_created 1.6e9\n",
    "histogram of OpenMetrics with exemplars": HISTOGRAM + 'h_bucket{le="1"} 1 # {a="b"} 1\n',
    "histogram interleaved": HISTOGRAM
    + 'h_bucket{l="a",le="1"} 1\nh_bucket{l="b",le="1"} 2\nh_count{l="a"} 3\nh_count{l="b"} 4\n',
    "histogram with its HELP": "# HELP h text\n" + HISTOGRAM + "h_count 4\n",
    "histogram with a type for its bucket": HISTOGRAM + '# TYPE h_bucket counter\nh_bucket{le="1"} 3\n',
    "histogram with a type for its count before": "# TYPE h_count counter\n" + HISTOGRAM + "h_count 3\n",
    "histogram and a summary of one name": HISTOGRAM + "# TYPE h summary\n",
    "histogram with le in the group": HISTOGRAM + 'h_bucket{le="1"} 1\nh_count 1\n',
    "histogram of a timestamp": HISTOGRAM + "h_count 4\nh_sum 3 1\n",
    "gaugehistogram": '# TYPE g gaugehistogram\ng_bucket{le="1"} 1\ng_bucket{le="+Inf"} 2\ng_gsum 3\ng_gcount 2\n',
    "gaugehistogram with sum and count": '# TYPE g gaugehistogram\ng_bucket{le="1"} 1\ng_sum 3\ng_count 2\n',
    "gaugehistogram of negative buckets": '# TYPE g gaugehistogram\ng_bucket{le="1"} -1\ng_count 2\n',
    "gaugehistogram of negative counts": "# TYPE g gaugehistogram\ng_count -2\n",
    "gaugehistogram of fractions": '# TYPE g gaugehistogram\ng_bucket{le="1"} 1.5\ng_count 2.5\n',
    "gaugehistogram of a plain line": "# TYPE g gaugehistogram\ng 1\n",
    "gauge_histogram": '# TYPE g gauge_histogram\ng_bucket{le="1"} 1\ng_count 2\n',
    "GaugeHistogram": '# TYPE g GaugeHistogram\ng_bucket{le="1"} 1\ng_count 2\n',
    "counter with suffixes of others": "# TYPE c counter\nc 1\nc_sum 2\nc_count 3\nc_bucket 4\n",
    "many histograms": "".join(
        f'# TYPE h{n} histogram\nh{n}_bucket{{le="{n}"}} {n}\nh{n}_sum {n}\nh{n}_count {n}\n' for n in range(20)
    ),
}


def _by_all_formats() -> list[Record]:
    """A push of every kind, looked at in every format of a scrape."""
    body = (
        HISTOGRAM
        + 'h_bucket{l="a",le="1"} 1\nh_bucket{l="a",le="2.5"} 3\nh_sum{l="a"} 5.5\nh_count{l="a"} 4\n'
        + SUMMARY
        + 's{quantile="0.5"} NaN\ns{quantile="0.9"} 2\ns_sum 3\ns_count 4\n'
        + "# TYPE f histogram\n"
        + 'f_bucket{le="1"} 0.5\nf_sum 3\nf_count 4.5\n'
        + '# TYPE g gaugehistogram\ng_bucket{le="1"} 1\ng_sum 3\ng_count 2\n'
        + "# HELP c text\n# TYPE c counter\nc 1\n# TYPE u untyped\nu -Inf\n"
    )
    kinds = ("delimited", "text", "compact-text")
    formats = [PROTOBUF.replace("delimited", kind) for kind in kinds]
    return [
        record(
            "every kind in every format",
            put("/metrics/job/a", body),
            scrape(),
            *(scrape(accept) for accept in formats),
            *(scrape(f"{accept}; escaping=allow-utf-8") for accept in formats),
        ),
    ]


def _replacing() -> list[Record]:
    return [
        record(
            "a histogram is replaced as a whole",
            put("/metrics/job/a", BODIES["histogram"]),
            post("/metrics/job/a", HISTOGRAM + 'h_bucket{le="8"} 1\nh_count 1\n'),
            post("/metrics/job/a", "h_sum 5\n"),
        ),
        record(
            "types change within their own group",
            put("/metrics/job/a", BODIES["histogram"]),
            put("/metrics/job/a", "# TYPE h gauge\nh 1\n"),
            post("/metrics/job/a", "# TYPE h summary\nh_count 1\n"),
            post("/metrics/job/a", BODIES["histogram"]),
        ),
        record("le as a grouping label of a histogram", put("/metrics/job/a/le/5", BODIES["histogram"])),
        record("quantile as a grouping label of a summary", put("/metrics/job/a/quantile/5", BODIES["summary"])),
        record("le as a grouping label of a gauge", put("/metrics/job/a/le/5", "a 1\n")),
        record("quantile as a grouping label of a histogram", put("/metrics/job/a/quantile/5", BODIES["histogram"])),
        record("le as a grouping label of a summary", put("/metrics/job/a/le/5", BODIES["summary"])),
    ]


RECORDS = [
    *(record(name, put("/metrics/job/fold", body)) for name, body in BODIES.items()),
    *_by_all_formats(),
    *_replacing(),
]
