"""What a worker's settings refuse."""

import pytest

from mnist_bridge.errors import ConfigurationError
from mnist_bridge.settings import load_settings
from mnist_worker.settings import WorkerSettings


@pytest.mark.parametrize(("given", "missing"), [("NAME", "NAMESPACE"), ("NAMESPACE", "NAME")])
def test_a_pod_is_named_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, given: str, missing: str) -> None:
    monkeypatch.setenv(f"MNIST_POD_{given}", "digits")

    with pytest.raises(ConfigurationError, match=f"MNIST_POD_{given} is set without MNIST_POD_{missing}.*both"):
        load_settings(WorkerSettings)


def test_a_pod_has_a_name_that_kubernetes_could_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_POD_NAME", "worker-1/status")
    monkeypatch.setenv("MNIST_POD_NAMESPACE", "digits")

    with pytest.raises(ConfigurationError, match="MNIST_POD_NAME: String should match pattern"):
        load_settings(WorkerSettings)
