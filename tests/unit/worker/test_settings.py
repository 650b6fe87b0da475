"""Values that a worker's settings refuse."""

import pytest

from inference_bridge.errors import ConfigurationError
from inference_bridge.settings import load_settings
from inference_worker.settings import WorkerSettings


@pytest.mark.parametrize(("given", "missing"), [("NAME", "NAMESPACE"), ("NAMESPACE", "NAME")])
def test_a_pod_is_named_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, given: str, missing: str) -> None:
    monkeypatch.setenv(f"INFERENCE_POD_{given}", "digits")

    with pytest.raises(ConfigurationError, match=f"INFERENCE_POD_{given} is set without INFERENCE_POD_{missing}.*both"):
        load_settings(WorkerSettings)


def test_a_pod_has_a_name_that_kubernetes_could_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_POD_NAME", "worker-1/status")
    monkeypatch.setenv("INFERENCE_POD_NAMESPACE", "digits")

    with pytest.raises(ConfigurationError, match="INFERENCE_POD_NAME: String should match pattern"):
        load_settings(WorkerSettings)
