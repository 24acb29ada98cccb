"""push() and scrape(): what they take, how they get through, what they return and raise."""

from __future__ import annotations

import errno
import http.client

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from pytest_pushgateway import Family, MakePushgateway, Push, Pushgateway, PushRejected, Scrape


def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("backup_bytes", "Size", ["disk"], registry=registry).labels("sda").set(7)
    return registry


def test_text(pushgateway: Pushgateway) -> None:
    push = pushgateway.push("backup_bytes 7\n", job="backup", grouping_key={"instance": "db1", "shard": 3})

    assert isinstance(push, Push)
    assert (push.status, push.origin, push.number) == (200, "test", 1)
    assert push.grouping_key == {"job": "backup", "instance": "db1", "shard": "3"}
    assert pushgateway.pushes == [push]
    pushgateway.assert_exposed("backup_bytes", 7, instance="db1", shard=3)


@pytest.mark.parametrize(
    "metrics",
    [
        b'backup_bytes{disk="sda"} 7\n',
        {'backup_bytes{disk="sda"}': 7},
        registry(),
        list(registry().collect()),
        next(iter(registry().collect())),
    ],
)
def test_push_accepts_more_than_text(pushgateway: Pushgateway, metrics: object) -> None:
    pushgateway.push(metrics, "backup")  # type: ignore[arg-type]

    pushgateway.assert_exposed("backup_bytes", 7, disk="sda")


def test_families_of_the_gateway_can_be_pushed_again(pushgateway: Pushgateway) -> None:
    counter = CollectorRegistry()
    Counter("backups", "Runs\\of\nthe job", registry=counter).inc(3)
    pushgateway.push(counter, job="backup")
    families = pushgateway.families
    pushgateway.reset()

    pushgateway.push(families, job="backup")
    pushgateway.push(families[0], job="again", method="POST")

    assert pushgateway.families[0].name == families[0].name
    assert pushgateway.group(job="backup").families == families
    assert pushgateway.pushes[1].method == "POST"


@pytest.mark.parametrize("metrics", [7, None, [7], [Family("a", "gauge", "", ()), 7]])
def test_push_rejects_other_types(pushgateway: Pushgateway, metrics: object) -> None:
    with pytest.raises(TypeError, match=r"push\(\) takes text, bytes, a registry, metric families or a mapping"):
        pushgateway.push(metrics, job="backup")  # type: ignore[arg-type]


def test_only_put_and_post_push(pushgateway: Pushgateway) -> None:
    with pytest.raises(ValueError, match=r"push\(\) needs PUT or POST, not 'DELETE'"):
        pushgateway.push("", job="backup", method="DELETE")


@pytest.mark.parametrize("value", ["a/b", "", "ü %&?#", ".", "..", "@base64", "a\nb"])
def test_grouping_key_may_hold_any_value(pushgateway: Pushgateway, value: str) -> None:
    push = pushgateway.push("backup_bytes 7\n", job="backup", grouping_key={"path": value})

    assert push.grouping_key == {"job": "backup", "path": value}


def test_rejected_push_raises_with_reason_and_provenance(pushgateway: Pushgateway) -> None:
    pushgateway.push({"backup_bytes": 7}, job="nightly")
    with pytest.raises(PushRejected) as caught:
        pushgateway.push("# TYPE backup_bytes gauge\nbackup_bytes 7\n", job="backup")

    assert caught.value.push is pushgateway.pushes[1]
    assert caught.value.status == 400
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("the gateway answered 400: pushed metrics are invalid or inconsistent")
    assert lines[1].startswith(
        'backup_bytes is of type gauge here, of type untyped in what push 1 (PUT job="nightly") (sent by the test'
    )


def test_check_false_does_not_raise(pushgateway: Pushgateway) -> None:
    push = pushgateway.push("backup_bytes", job="backup", check=False)

    assert (push.status, push.error) == (400, "text format parsing error in line 1: unexpected end of input stream")


def test_text_without_last_newline(pushgateway: Pushgateway) -> None:
    with pytest.raises(PushRejected) as caught:
        pushgateway.push("backup_bytes 7", job="backup")

    assert str(caught.value).splitlines() == [
        "the gateway answered 400: text format parsing error in line 1: unexpected end of input stream",
        "the body must end with a newline",
    ]


def test_value_is_not_a_number(pushgateway: Pushgateway) -> None:
    with pytest.raises(TypeError, match="the value of backup_bytes must be a number, not 'big'"):
        pushgateway.push({"backup_bytes": "big"}, job="backup")  # type: ignore[arg-type]


def test_push_rejected_behind_202_also_raises(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway(consistency_check=False)

    with pytest.raises(PushRejected, match=r"the gateway answered 202: .* pushed metrics must not have timestamps"):
        gateway.push("backup_bytes 7 1700000000000\n", job="backup")


def test_proxy_is_bypassed(pushgateway: Pushgateway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert pushgateway.push("backup_bytes 7\n", job="backup").status == 200


def test_credentials_and_tls_are_seen_to(make_pushgateway: MakePushgateway, certificate: tuple[str, str]) -> None:
    gateway = make_pushgateway(tls=certificate, basic_auth=("scott", "tiger"), route_prefix="/gateway")

    assert gateway.url == gateway.address == f"https://127.0.0.1:{gateway.port}/gateway"
    assert gateway.push("backup_bytes 7\n", job="backup").status == 200
    assert gateway.scrape().status == 200


def test_missing_credentials_are_rejected(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway(basic_auth=("scott", "tiger"))
    connection = http.client.HTTPConnection(gateway.host, gateway.port)
    connection.request("PUT", "/metrics/job/backup", "backup_bytes 7\n")

    assert connection.getresponse().status == 401
    assert gateway.assert_rejected(status=401).error == "Unauthorized"
    connection.close()


def test_scrape_equals_that_of_prometheus(pushgateway: Pushgateway) -> None:
    pushgateway.push(registry(), job="backup")
    scrape = pushgateway.scrape()

    assert isinstance(scrape, Scrape)
    assert repr(scrape).startswith("<Scrape: 200, ")
    assert scrape.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'backup_bytes{disk="sda",instance="",job="backup"} 7\n' in scrape.text
    assert {"backup_bytes", "push_time_seconds", "pushgateway_build_info"} <= {
        family.name for family in scrape.families
    }
    info = next(sample for sample in scrape.samples if sample.name == "pushgateway_build_info")
    assert "instance" not in info.labels
    assert [(request.kind, request.origin) for request in pushgateway.requests] == [
        ("push", "test"),
        ("scrape", "test"),
    ]


def test_scrape_in_protobuf_has_same_families(pushgateway: Pushgateway) -> None:
    pushgateway.push(registry(), job="backup")
    scrape = pushgateway.scrape(
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    )

    assert scrape.content_type.startswith("application/vnd.google.protobuf")
    assert next(each for each in scrape.families if each.name == "backup_bytes") == pushgateway.families[0]


def test_scrape_in_human_readable_format(pushgateway: Pushgateway) -> None:
    scrape = pushgateway.scrape("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text")

    with pytest.raises(ValueError, match=r"no families can be read from .*: use \.text"):
        scrape.families  # noqa: B018


def test_failing_scrape(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway(consistency_check=False)
    gateway.push("a 1\na 2\n", job="backup")
    scrape = gateway.scrape()

    assert scrape.status == 500
    with pytest.raises(ValueError, match="the scrape was answered 500: An error has occurred while serving metrics"):
        scrape.samples  # noqa: B018


def test_stopped_gateway_refuses(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    gateway.stop()

    reason = r"\[Errno \d+\] the gateway cannot be reached: it is stopped; call start\(\) to have it back\Z"
    with pytest.raises(ConnectionRefusedError, match=reason):
        gateway.push("a 1\n", job="b")
    with pytest.raises(ConnectionRefusedError, match=reason) as caught:
        gateway.scrape()
    assert caught.value.errno == errno.ECONNREFUSED


def test_stopped_gateway_does_not_ask_new_owner_of_its_port(make_pushgateway: MakePushgateway) -> None:
    gateway = make_pushgateway()
    gateway.stop()
    with Pushgateway(port=gateway.port) as other, pytest.raises(ConnectionRefusedError, match="it is stopped"):
        gateway.push("a 1\n", job="b")

    assert other.requests == []


def test_never_started_gateway_raises() -> None:
    with pytest.raises(ConnectionRefusedError, match=r"it was never started; call start\(\), or use it in a with stat"):
        Pushgateway().scrape()


def test_refusing_gateway_names_fault(pushgateway: Pushgateway) -> None:
    reason = r"cannot be reached: the fault refuse\(\) is active; remove\(\) it, or end its with statement"
    with pushgateway.faults.refuse():
        with pytest.raises(ConnectionRefusedError, match=reason):
            pushgateway.push("a 1\n", job="b")
        with pytest.raises(ConnectionRefusedError, match=reason):
            pushgateway.scrape()

    assert pushgateway.scrape().status == 200
