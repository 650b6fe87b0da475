"""The program of `helm test`."""

import importlib.util
from types import ModuleType

import pytest

from tests.chart.helm import CHART

VARIABLES = {
    "AUTOSCALER_USERNAME": "autoscaler",
    "AUTOSCALER_PASSWORD": "secret",
    "VHOST": "%2F",
    "QUEUES": "mnist.jobs mnist.retry",
}


@pytest.fixture
def smoke(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("smoke", CHART / "files/smoke.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
