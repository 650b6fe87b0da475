"""The scripts in `keda/`, which belong to no package."""

import importlib
import sys
from typing import Any

import yaml

from tests.support.deployment import ROOT

KEDA = ROOT / "keda"
PROFILES = sorted((KEDA / "profiles").glob("*.yaml"))

# At the end: their names must not hide others.
sys.path.append(str(KEDA))
rules = importlib.import_module("rules")
cluster = importlib.import_module("cluster")
traces = importlib.import_module("traces")
figures = importlib.import_module("figures")
simulate = importlib.import_module("simulate")


def chart_values(**autoscaling: Any) -> dict[str, Any]:
    """Return the chart's values, with some of `autoscaling` laid over them."""
    values: dict[str, Any] = yaml.safe_load(simulate.CHART_VALUES.read_text())
    return values | {"autoscaling": values["autoscaling"] | autoscaling}


def settings(profile: str | None = None, source: str = "queue", **overrides: Any) -> Any:
    """Return the settings of the chart, with a profile and single values laid over them."""
    values = chart_values(pollingInterval=None)
    if profile:
        values = simulate.overlay(values, yaml.safe_load((KEDA / f"profiles/{profile}.yaml").read_text()))
    made = simulate.build_settings(values, source=source)
    return type(made)(**{**vars(made), **overrides})
