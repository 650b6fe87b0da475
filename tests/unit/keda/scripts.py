"""The scripts in `keda/`, which belong to no package."""

import importlib
import sys
from typing import Any

import yaml

from tests.deployment import ROOT

KEDA = ROOT / "keda"
PROFILES = sorted((KEDA / "profiles").glob("*.yaml"))

# At the end: their names must not hide others.
sys.path.append(str(KEDA))
rules = importlib.import_module("rules")
cluster = importlib.import_module("cluster")
traces = importlib.import_module("traces")
simulate = importlib.import_module("simulate")


def settings(profile: str | None = None, **overrides: Any) -> Any:
    """Return the settings of the chart, with a profile and single values laid over them."""
    values = yaml.safe_load(simulate.CHART_VALUES.read_text())
    if profile:
        values = simulate.overlaid(values, yaml.safe_load((KEDA / f"profiles/{profile}.yaml").read_text()))
    made = simulate.settings_of(values)
    return type(made)(**{**vars(made), **overrides})
