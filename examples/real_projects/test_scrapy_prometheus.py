"""scrapy-prometheus: `PrometheusStatsCollector`. Its source distribution has no tests."""

from __future__ import annotations

import socket

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy_prometheus import PrometheusStatsCollector

from pytest_pushgateway import Pushgateway


class Mail(Spider):
    name = "mail"


def collector(gateway: Pushgateway, **settings: object) -> PrometheusStatsCollector:
    return PrometheusStatsCollector(Crawler(Mail, {"PROMETHEUS_PUSHGATEWAY": gateway.address, **settings}))


def crawl(gateway: Pushgateway, **settings: object) -> PrometheusStatsCollector:
    """Collect what a crawl of one spider collects."""
    stats, spider = collector(gateway, **settings), Mail()
    stats.open_spider(spider)
    stats.set_value("log_count/INFO", 3, spider=spider)
    stats.inc_value("item_scraped_count", spider=spider)
    stats.close_spider(spider, "finished")
    return stats


def test_closed_spider_pushes_once_under_its_name(pushgateway: Pushgateway) -> None:
    crawl(pushgateway)

    (push,) = pushgateway.pushes
    assert push.accepted
    assert push.method == "POST"
    assert push.grouping_key == {"job": "scrapy", "spider": "mail", "instance": socket.gethostname()}


def test_but_nothing_is_in_the_push(pushgateway: Pushgateway) -> None:
    """prometheus_client refuses its `labels=None` with a TypeError, and a bare `except` hides that."""
    stats = crawl(pushgateway)

    assert stats.get_value("log_count/INFO", spider=None) == 3
    (push,) = pushgateway.pushes
    assert push.body == b""
    pushgateway.assert_not_exposed()


def test_missing_gateway_does_not_stop_spider(pushgateway: Pushgateway) -> None:
    with pushgateway.faults.refuse():
        crawl(pushgateway)
    pushgateway.assert_not_pushed()
