"""Jobs that are too late to run, results that are too late to be stored. The clock goes only when a test says so."""

import threading
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_bridge.settings import GRACE_S
from inference_worker import worker
from tests.support.jobs import a_request, marked
from tests.support.models import EchoModel
from tests.support.waiting import until
from tests.unit.worker.bench import Bench, FaultyStore

NOW_S = 2_000_000.0


@dataclass
class Time:
    """Stands in for the module `time`."""

    now_s: float = NOW_S

    def time_ns(self) -> int:
        return int(self.now_s * 1_000_000_000)

    def perf_counter(self) -> float:
        return self.now_s


class GatedModel(EchoModel):
    """Runs a batch each time that a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)
        self.entered = 0

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.entered += 1
        self.gate.acquire(timeout=10)
        return super().predict_batch(batch)


@pytest.fixture
def model() -> GatedModel:
    return GatedModel()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(worker, "time", time)
    return time


def deadline_in(seconds: float) -> int:
    return int((NOW_S + seconds) * 1000)


async def statuses(bench: Bench, ids: list[str]) -> list[object]:
    return [result["status"] for result in await bench.results(ids)]


async def publish_two_batches(bench: Bench, model: GatedModel) -> list[str]:
    """Publish one job, and while it runs a full batch that is handed out ahead; all are due in 10 s."""
    jobs = [a_request(number, marked(number), deadline_ms=deadline_in(10)) for number in range(9)]
    await bench.broker.publisher().publish(jobs[0])
    await until(lambda: model.entered == 1)
    for job in jobs[1:]:
        await bench.broker.publisher().publish(job)
    await until(lambda: not len(bench.consumer.inbox))
    return [job.inference_id for job in jobs]


async def test_a_job_whose_deadline_passes_while_it_waits_for_the_device_does_not_run(
    bench: Bench, model: GatedModel, time: Time
) -> None:
    """The deadline is checked once more when the device is free."""
    ids = await publish_two_batches(bench, model)

    time.now_s += 11
    model.gate.release(2)

    assert await statuses(bench, ids) == ["succeeded"] + ["expired"] * 8
    assert model.batch_sizes == [1]


async def test_the_time_that_a_batch_waits_is_none_on_the_device(bench: Bench, model: GatedModel, time: Time) -> None:
    ids = await publish_two_batches(bench, model)

    time.now_s += 5
    model.gate.release(2)
    await bench.results(ids)

    assert model.batch_sizes == [1, 8]
    assert bench.count("inference_predict_seconds_sum") == 5


@pytest.mark.parametrize(
    ("late_s", "status"),
    [
        pytest.param(GRACE_S / 2, "succeeded", id="in-time"),
        pytest.param(GRACE_S / 2 + 0.001, "expired", id="too-late"),
    ],
)
async def test_a_result_is_stored_until_the_api_may_have_said_that_it_expired(
    bench: Bench, model: GatedModel, time: Time, late_s: float, status: str
) -> None:
    job = a_request(1, marked(1), deadline_ms=deadline_in(10))
    await bench.broker.publisher().publish(job)
    await until(lambda: model.entered == 1)

    time.now_s += 10 + late_s
    model.gate.release()

    assert await statuses(bench, [job.inference_id]) == [status]


async def test_a_result_that_was_held_for_too_long_has_expired(bench: Bench, model: GatedModel, time: Time) -> None:
    bench.store.is_away = True
    job = a_request(1, marked(1), deadline_ms=deadline_in(10))
    await bench.broker.publisher().publish(job)
    model.gate.release()
    await until(lambda: bench.count("inference_store_retries_total"))

    time.now_s += 10 + GRACE_S
    bench.store.is_away = False

    assert await statuses(bench, [job.inference_id]) == ["expired"]


async def test_what_the_store_has_from_a_call_without_an_answer_is_no_duplicate(
    bench: Bench, model: GatedModel, time: Time
) -> None:
    assert isinstance(bench.store, FaultyStore)
    bench.store.lost_answers = 1
    job = a_request(1, marked(1))
    await bench.broker.publisher().publish(job)
    model.gate.release()

    await until(lambda: bench.count("inference_batch_size_count"))
    bench.stop.set()
    await bench.working

    assert await statuses(bench, [job.inference_id]) == ["succeeded"]
    assert bench.count("inference_duplicate_results_total") == 0
