"""The gateway in another process that the fixtures give, if the run names one: ``--pushgateway-connect``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_pushgateway.plugin.options import CONNECT
from pytest_pushgateway.settings import SettingsError

if TYPE_CHECKING:
    from pytest_pushgateway.harness.pushgateway import Pushgateway
    from pytest_pushgateway.settings import Settings

_WORKER = "{worker}"


class Connecting:
    """The URL of a test API, and the gateway there.

    Raises:
        SettingsError: it is not such a URL, or one for several workers of xdist.

    """

    def __init__(self, config: pytest.Config) -> None:
        self.url: str | None = None
        for source, value in (
            ("--pushgateway-connect", config.getoption("pushgateway_connect")),
            (f"environment variable {CONNECT}", os.environ.get(CONNECT)),
            ("ini option pushgateway_connect", config.getini("pushgateway_connect")),
        ):
            if value:
                self.url = _url(value, source, config)
                break

    def __bool__(self) -> bool:
        return self.url is not None

    def gateway(self, settings: Settings) -> Pushgateway:
        """Return the gateway; fail the set-up if it cannot be reached or has other options."""
        from pytest_pushgateway.testapi.remote.client import connect_managed

        assert self.url is not None
        try:
            gateway = connect_managed(self.url, lint=settings.lint)
        except ConnectionError as problem:
            raise pytest.fail.Exception(str(problem), pytrace=False) from None
        self.check(settings, gateway)
        return gateway

    def check(self, settings: Settings, gateway: Pushgateway) -> None:
        """Fail the set-up of a test whose options the gateway does not have."""
        there = gateway.settings
        differing = [
            f"{name} is {getattr(there, name)!r} there, and must be {getattr(settings, name)!r} ({source})"
            for name, source in settings.sources.items()
            if getattr(settings, name) != getattr(there, name)
        ]
        if differing:
            pytest.fail(
                f"the gateway at {self.url} has other options than this test asks for: {'; '.join(differing)}. Start "
                "it with these options, or use make_pushgateway, which makes a gateway in this process",
                pytrace=False,
            )


def _url(value: str, source: str, config: pytest.Config) -> str:
    worker = getattr(config, "workerinput", {}).get("workerid", "master")
    count = _workers(config)
    if count > 1 and _WORKER not in value:
        raise SettingsError(
            f"{source}: {value!r} is one gateway, and xdist has {count} workers, which would empty it under each "
            "other: start a gateway for each and put {worker} into the URL, as in http://gateway-{worker}:9092, or run "
            "without -n"
        )
    url = value.strip().replace(_WORKER, worker)
    from pytest_pushgateway.testapi.remote.link import read_url

    try:
        read_url(url)
    except ValueError as problem:
        raise SettingsError(f"{source}: {problem}") from None
    return url


def _workers(config: pytest.Config) -> int:
    """Return the number of workers among which xdist distributes the tests."""
    given = getattr(config, "workerinput", None)
    if given is not None:
        return int(given.get("workercount", 1))
    if getattr(config.option, "dist", "no") == "no":
        return 1
    counts = [str(one).partition("*")[0] for one in getattr(config.option, "tx", None) or ()]
    return sum(int(count) if count.isdigit() else 1 for count in counts)
