import asyncio
import logging

import pytest
import torch
from pydantic import SecretStr

from mnist_worker import service
from mnist_worker.settings import WorkerSettings
from tests.models import EchoModel

TIMEOUT_S = 20.0


class BrokenProbes:
    """Probes that end by themselves."""

    should_exit = False

    async def serve(self) -> None:
        raise RuntimeError("the probes are broken")


async def test_a_worker_whose_probes_end_by_themselves_ends_with_their_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "probe_server", lambda *_, **__: BrokenProbes())
    away = WorkerSettings(
        amqp_url=SecretStr("amqp://127.0.0.1:1"), redis_url=SecretStr("redis://127.0.0.1:1"), drain_timeout_s=1
    )

    with pytest.raises(RuntimeError, match="the probes are broken"):
        await asyncio.wait_for(service.serve(away, EchoModel()), TIMEOUT_S)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        pytest.param({"MNIST_MAX_BATCH_SIZE": "0"}, "MNIST_MAX_BATCH_SIZE", id="an-empty-batch"),
        pytest.param({"MNIST_MODEL": "no.such:Model"}, "MNIST_MODEL", id="no-such-model"),
        pytest.param({"MNIST_REQUIRE_GPU": "1", "MNIST_DEVICE": "cpu"}, "MNIST_REQUIRE_GPU", id="no-gpu"),
        pytest.param({"MNIST_WEIGHTS": "/no/such/file"}, "/no/such/file", id="no-such-weights"),
    ],
)
def test_a_wrong_setting_is_logged_and_becomes_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variables: dict[str, str], problem: str
) -> None:
    caplog.set_level(logging.INFO)  # the settings change both for the whole process
    monkeypatch.setenv("MNIST_TORCH_THREADS", str(torch.get_num_threads()))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    exit_status = service.exit_status_of(service._work, logging.getLogger("test"), "worker")

    assert exit_status == service.EXIT_CONFIGURATION
    assert problem in caplog.records[-1].reason  # type: ignore[attr-defined]
