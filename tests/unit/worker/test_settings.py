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


@pytest.mark.parametrize("path", ["voice", "voice_model.predict", "voice:Voice"])
def test_a_model_is_named_by_a_module_or_a_class(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("INFERENCE_MODEL", path)

    assert load_settings(WorkerSettings).model == path


@pytest.mark.parametrize("path", ["", "models/voice", "voice.py:Voice:x", "voice:"])
def test_a_model_is_not_named_by_a_file(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("INFERENCE_MODEL", path)

    with pytest.raises(ConfigurationError, match="INFERENCE_MODEL: String should match pattern"):
        load_settings(WorkerSettings)


def test_a_worker_without_a_model_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFERENCE_MODEL")

    with pytest.raises(ConfigurationError, match="INFERENCE_MODEL: it is not set; set it: the model's class"):
        load_settings(WorkerSettings)


def test_a_pod_has_a_name_that_kubernetes_could_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_POD_NAME", "worker-1/status")
    monkeypatch.setenv("INFERENCE_POD_NAMESPACE", "digits")

    with pytest.raises(ConfigurationError, match="INFERENCE_POD_NAME: String should match pattern"):
        load_settings(WorkerSettings)
