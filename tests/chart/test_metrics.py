"""Alerts and dashboard ask for metrics that the services have."""

import json
import re

import pytest
import yaml
from prometheus_client import generate_latest

from tests.chart.helm import NEEDS_HELM, environment_of, objects, one, values
from tests.chart.registries import registries

pytestmark = NEEDS_HELM
ALL = values("metrics.rules.enabled=true", "metrics.dashboard.enabled=true")
OTHER_NAME = values("fullnameOverride=other")


def read_dashboard(*arguments: str) -> str:
    """Return the dashboard; its file has the same name as the namespace and the release."""
    (found,) = [found for found in objects(*ALL, *arguments) if "dashboard" in found["metadata"]["name"]]
    ((name, text),) = found["data"].items()
    assert name.endswith(f"-{found['metadata']['name'].removesuffix('-dashboard')}.json")
    return str(text)


def ours() -> set[str]:
    """Return the names of every metric that an API or a worker may show."""
    text = "".join(generate_latest(registry).decode() for registry in registries())
    declared = re.findall(r"^# TYPE (\w+) (\w+)", text, flags=re.MULTILINE)
    return {f"{name}_bucket" if kind == "histogram" else name for name, kind in declared}


def test_alerts_and_dashboard_ask_for_metrics_that_exist() -> None:
    shown = [yaml.safe_dump(found["spec"]) for found in objects(*ALL) if found["kind"] == "PrometheusRule"]
    shown.append(read_dashboard())
    asked = set(re.findall(r"\binference_\w+(?=\{|, namespace)", "".join(shown)))

    assert len(shown) == 2
    assert asked
    assert asked <= ours()


def test_the_dashboard_is_json() -> None:
    assert json.loads(read_dashboard())["panels"]


def test_the_dashboards_of_two_releases_stand_beside_each_other() -> None:
    here, there, other = map(
        json.loads, (read_dashboard(), read_dashboard("--namespace", "there"), read_dashboard(*OTHER_NAME))
    )

    for field in ("uid", "title"):
        assert len({here[field], there[field], other[field]}) == 3
    assert len(here["uid"]) <= 40


@pytest.mark.parametrize("component", ["api", "worker-mnist"])
def test_api_and_workers_send_their_spans_to_the_collector_of_the_values(component: str) -> None:
    collector = "http://collector.monitoring:4318"
    told = one("Deployment", component, *values(f"settings.INFERENCE_OTLP_ENDPOINT={collector}"))

    assert environment_of(told)["INFERENCE_OTLP_ENDPOINT"] == collector
    assert "INFERENCE_OTLP_ENDPOINT" not in environment_of(one("Deployment", component))
