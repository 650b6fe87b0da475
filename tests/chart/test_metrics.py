"""Alerts and dashboard ask for metrics that the services have."""

import json
import re

import yaml
from prometheus_client import generate_latest

from tests.chart.helm import NEEDS_HELM, objects, values
from tests.chart.registries import registries

pytestmark = NEEDS_HELM
ALL = values("metrics.rules.enabled=true", "metrics.dashboard.enabled=true")


def ours() -> set[str]:
    """Return the names of every metric that an API or a worker may show."""
    text = "".join(generate_latest(registry).decode() for registry in registries())
    declared = re.findall(r"^# TYPE (\w+) (\w+)", text, flags=re.MULTILINE)
    return {f"{name}_bucket" if kind == "histogram" else name for name, kind in declared}


def test_alerts_and_dashboard_ask_for_metrics_that_exist() -> None:
    shown = [yaml.safe_dump(found["spec"]) for found in objects(*ALL) if found["kind"] == "PrometheusRule"]
    shown += [
        found["data"]["mnist-inference.json"] for found in objects(*ALL) if "dashboard" in found["metadata"]["name"]
    ]
    asked = set(re.findall(r"\binference_\w+(?=\{|, namespace)", "".join(shown)))

    assert len(shown) == 2
    assert asked
    assert asked <= ours()


def test_the_dashboard_is_json() -> None:
    (dashboard,) = [found for found in objects(*ALL) if "dashboard" in found["metadata"]["name"]]

    assert json.loads(dashboard["data"]["mnist-inference.json"])["panels"]
