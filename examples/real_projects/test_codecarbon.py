"""codecarbon: `PrometheusOutput`. Its own tests patch `push_to_gateway` and `delete_from_gateway`."""

from __future__ import annotations

import pytest
from codecarbon.output_methods.emissions_data import EmissionsData
from codecarbon.output_methods.metrics.prometheus import PrometheusOutput


def emissions(project: str, energy: float) -> EmissionsData:
    """Return what a tracker measures: a number for everything that is one."""
    fields = EmissionsData.__dataclass_fields__.values()
    values = {field.name: 1.0 if "float" in str(field.type) else "" for field in fields}
    return EmissionsData(**{**values, "project_name": project, "energy_consumed": energy})


def test_gateway_reads_what_it_pushes(pushgateway) -> None:
    one = emissions("training", energy=2.0)

    PrometheusOutput(pushgateway.url).out(one, one)

    pushgateway.assert_exposed("codecarbon_energy_consumed", 2, job="codecarbon", project_name="training")
    pushgateway.assert_no_rejections()


def test_exit_deletes_its_group(pushgateway) -> None:
    output = PrometheusOutput(pushgateway.url)
    one = emissions("training", energy=2.0)
    output.out(one, one)

    output.exit()

    pushgateway.assert_deleted(job="codecarbon")


@pytest.mark.filterwarnings("ignore::pytest_pushgateway.UselessDeleteWarning")
@pytest.mark.pushgateway(basic_auth=("carbon", "secret"))
def test_exit_without_the_password_deletes_nothing(pushgateway, monkeypatch) -> None:
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
