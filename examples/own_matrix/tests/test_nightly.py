from __future__ import annotations

import nightly
import pytest

from pytest_pushgateway import Pushgateway


def test_pushes_the_number_of_rows(pushgateway_env: Pushgateway) -> None:
    assert nightly.copy(range(7)) == 7

    pushgateway_env.assert_exposed("nightly_rows_total", 7, job="nightly")
    pushgateway_env.assert_no_rejections()


def test_each_run_replaces_the_last(pushgateway_env: Pushgateway) -> None:
    nightly.copy(range(7))
    nightly.copy(range(3))

    pushgateway_env.assert_exposed("nightly_rows_total", 3, job="nightly")
    assert len(pushgateway_env.groups) == 1


@pytest.mark.parametrize("status", [400, 429, 503])
def test_gateway_error_does_not_stop_it(pushgateway_env: Pushgateway, status: int) -> None:
    with pushgateway_env.faults.error(status) as fault:
        assert nightly.copy(range(7)) == 7
    assert fault.hits == 1


def test_nor_does_a_gateway_that_is_gone(pushgateway_env: Pushgateway) -> None:
    with pushgateway_env.faults.refuse():
        assert nightly.copy(range(7)) == 7
