"""codecarbon: `PrometheusOutput`, whose own tests patch `push_to_gateway` and `delete_from_gateway`."""

from __future__ import annotations

import logging

import pytest
from codecarbon.output_methods.emissions_data import EmissionsData
from codecarbon.output_methods.metrics.prometheus import PrometheusOutput


def emissions(project: str, energy: float) -> EmissionsData:
    texts = dict.fromkeys(EmissionsData.__dataclass_fields__, "")
    numbers = dict.fromkeys(
        (
            "duration emissions emissions_rate cpu_power gpu_power ram_power cpu_energy gpu_energy ram_energy "
            "energy_consumed longitude latitude cpu_count gpu_count ram_total_size"
        ).split(),
        1.0,
    )
    known = {name: value for name, value in {**texts, **numbers}.items() if name in texts}
    return EmissionsData(**{**known, "project_name": project, "energy_consumed": energy})


def test_the_gateway_reads_what_it_pushes(pushgateway) -> None:
    one = emissions("training", energy=2.0)

    PrometheusOutput(pushgateway.url).out(one, one)
    print(pushgateway.snapshot())

    pushgateway.assert_exposed("codecarbon_energy_consumed", 2, job="codecarbon", project_name="training")
    pushgateway.assert_no_rejections()


def test_exit_deletes_its_group(pushgateway) -> None:
    output = PrometheusOutput(pushgateway.url)
    one = emissions("training", energy=2.0)
    output.out(one, one)

    output.exit()

    pushgateway.assert_deleted(job="codecarbon")


@pytest.mark.pushgateway(basic_auth=("carbon", "secret"))
def test_exit_without_the_password_deletes_nothing(pushgateway, monkeypatch, caplog) -> None:
    monkeypatch.setenv("PROMETHEUS_USERNAME", "carbon")
    monkeypatch.setenv("PROMETHEUS_PASSWORD", "secret")
    output = PrometheusOutput(pushgateway.url)
    one = emissions("training", energy=2.0)
    output.out(one, one)
    pushgateway.assert_pushed("codecarbon_energy_consumed")

    output.exit()

    assert pushgateway.requests[-1].kind == "delete"
    assert pushgateway.requests[-1].status == 401
    pushgateway.assert_exposed("codecarbon_energy_consumed", job="codecarbon")
