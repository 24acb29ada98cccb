"""The messages of ``io.prometheus.client``, built at run time in their own descriptor pool.

A separate pool cannot clash with what the application under test has registered. Strings are declared as ``bytes``
and the metric type as ``int32``: the original keeps text that is no UTF-8 and types that it does not know, and so do
these. Fields are declared in the order in which Go's text format prints them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "io.prometheus.client"

_LABELS = {"optional": 1, "repeated": 3}
_SCALARS = {"double": 1, "int64": 3, "uint64": 4, "int32": 5, "bytes": 12, "uint32": 13, "sint32": 17, "sint64": 18}
_MESSAGE = 11

_SCHEMA = """
Timestamp: int64 seconds 1, int32 nanos 2
LabelPair: bytes name 1, bytes value 2
Gauge: double value 1
Exemplar: repeated LabelPair label 1, double value 2, Timestamp timestamp 3
Counter: double value 1, Exemplar exemplar 2, Timestamp created_timestamp 3
Quantile: double quantile 1, double value 2
Summary: uint64 sample_count 1, double sample_sum 2, repeated Quantile quantile 3, Timestamp created_timestamp 4
Untyped: double value 1
Bucket: uint64 cumulative_count 1, double cumulative_count_float 4, double upper_bound 2, Exemplar exemplar 3
BucketSpan: sint32 offset 1, uint32 length 2
Histogram: uint64 sample_count 1, double sample_count_float 4, double sample_sum 2, repeated Bucket bucket 3,
 Timestamp created_timestamp 15, sint32 schema 5, double zero_threshold 6, uint64 zero_count 7,
 double zero_count_float 8, repeated BucketSpan negative_span 9, repeated sint64 negative_delta 10,
 repeated double negative_count 11, repeated BucketSpan positive_span 12, repeated sint64 positive_delta 13,
 repeated double positive_count 14, repeated Exemplar exemplars 16
Metric: repeated LabelPair label 1, Gauge gauge 2, Counter counter 3, Summary summary 4, Untyped untyped 5,
 Histogram histogram 7, int64 timestamp_ms 6
MetricFamily: bytes name 1, bytes help 2, int32 type 3, repeated Metric metric 4, bytes unit 5
"""


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package=_PACKAGE, syntax="proto2")
    for line in _SCHEMA.strip().replace("\n ", " ").splitlines():
        name, _, fields = line.partition(": ")
        message = file.message_type.add(name=name)
        for declaration in fields.split(", "):
            *repeated, kind, field_name, number = declaration.split()
            field = message.field.add(name=field_name, number=int(number))
            field.label = _LABELS[repeated[0] if repeated else "optional"]  # type: ignore[assignment]
            if kind in _SCALARS:
                field.type = _SCALARS[kind]  # type: ignore[assignment]
            else:
                field.type = _MESSAGE  # type: ignore[assignment]
                field.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{message.name}"))
        for message in file.message_type
    }


_MESSAGES = _build()
Metric = _MESSAGES["Metric"]
MetricFamily = _MESSAGES["MetricFamily"]
