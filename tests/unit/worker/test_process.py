import asyncio
import logging
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from inference_bridge.ending import EXIT_CONFIGURATION
from inference_bridge.errors import ConfigurationError
from inference_bridge.wiring import build_memory
from inference_worker import process
from inference_worker.settings import WorkerSettings
from tests.support.models import EchoModel
from tests.unit.worker.bench import Bench

TIMEOUT_S = 20.0
AWAY = WorkerSettings(
    amqp_url=SecretStr("amqp://127.0.0.1:1"), redis_url=SecretStr("redis://127.0.0.1:1"), drain_timeout_s=1
)


class BrokenProbes:
    """Probes that end by themselves."""

    should_exit = False

    async def serve(self) -> None:
        raise RuntimeError("the probes are broken")


async def test_a_worker_whose_probes_end_by_themselves_ends_with_their_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "probe_server", lambda *_, **__: BrokenProbes())

    with pytest.raises(RuntimeError, match="the probes are broken"):
        await asyncio.wait_for(process.serve(AWAY, EchoModel()), TIMEOUT_S)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        pytest.param({"INFERENCE_MAX_BATCH_SIZE": "0"}, "INFERENCE_MAX_BATCH_SIZE", id="an-empty-batch"),
        pytest.param({"INFERENCE_MODEL": "no.such:Model"}, "INFERENCE_MODEL", id="no-such-model"),
        pytest.param({"INFERENCE_REQUIRE_GPU": "1", "INFERENCE_DEVICE": "cpu"}, "INFERENCE_REQUIRE_GPU", id="no-gpu"),
        pytest.param({"INFERENCE_WEIGHTS": "/no/such/file"}, "/no/such/file", id="no-such-weights"),
    ],
)
def test_a_wrong_setting_is_logged_and_becomes_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variables: dict[str, str], problem: str
) -> None:
    caplog.set_level(logging.INFO)  # the settings change both for the whole process
    monkeypatch.setenv("INFERENCE_MODEL", "mnist_model.predict")
    monkeypatch.setenv("INFERENCE_TORCH_THREADS", str(torch.get_num_threads()))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(process, "exit_now", sys.exit)  # in its place, as that would end the tests too
    monkeypatch.setattr(process, "configure_logging", lambda **_: None)

    with pytest.raises(SystemExit) as ended:
        process.run_worker()

    assert ended.value.code == EXIT_CONFIGURATION
    assert problem in caplog.records[-1].reason  # type: ignore[attr-defined]


async def test_a_model_that_cannot_answer_its_example_is_a_wrong_configuration() -> None:
    class Broken(EchoModel):
        def predict_batch(self, batch: object) -> NDArray[np.float32]:
            raise ValueError("shapes differ")

    broker, store = build_memory(AWAY, Broken.spec)

    with pytest.raises(ConfigurationError, match=r"the model cannot answer its example: .*\(ValueError\); .* check"):
        await process.warm_worker(
            AWAY, Broken(), CollectorRegistry(), consumer=broker.consumer(prefetch=1), store=store
        )


async def test_a_batch_has_no_more_bytes_than_a_worker_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_worker.sizing.MAX_HELD_BYTES", 5 * 784)
    model = EchoModel()
    broker, store = build_memory(AWAY, model.spec)

    await process.warm_worker(AWAY, model, CollectorRegistry(), consumer=broker.consumer(prefetch=1), store=store)

    assert model.batch_sizes == [1, 5]


class ToldOnce:
    """Stands in for what tells Kubernetes; stops the worker once it runs."""

    told: "list[ToldOnce]"

    def __init__(self, pod: object, *, jobs_in_work: Callable[[], int]) -> None:
        self.pod, self.jobs_in_work = pod, jobs_in_work

    async def run(self, stop: asyncio.Event) -> None:
        ToldOnce.told.append(self)
        stop.set()


async def test_kubernetes_hears_of_the_workers_own_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, ToldOnce.told = asyncio.Event(), []
    monkeypatch.setattr(process, "stop_event", lambda **_: stop)
    monkeypatch.setattr(process, "OwnPod", lambda *names: names)
    monkeypatch.setattr(process, "DeletionCost", ToldOnce)
    named = WorkerSettings.model_validate(
        AWAY.model_dump() | {"probe_port": 0, "pod_name": "worker-1", "pod_namespace": "digits"}
    )

    await asyncio.wait_for(process.serve(named, EchoModel()), TIMEOUT_S)

    (told,) = ToldOnce.told
    assert told.pod == ("worker-1", "digits")
    assert told.jobs_in_work() == 0


async def test_a_worker_outside_kubernetes_tells_it_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "OwnPod", None)

    await asyncio.wait_for(process.tell_kubernetes(AWAY, bench.worker, asyncio.Event()), TIMEOUT_S)
