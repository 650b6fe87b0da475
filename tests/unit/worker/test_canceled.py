"""Canceled jobs: a job without a batch never runs; the answer of any other is dropped, and it is no dead letter."""

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_bridge.results import canceled
from tests.support.jobs import a_request, marked
from tests.support.models import RAISES, EchoModel
from tests.support.waiting import until
from tests.unit.worker.bench import Bench, suspect


class GatedModel(EchoModel):
    """Holds its first batch until a test opens the gate; an input that is poison raises then."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.has_begun = threading.Event()

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.has_begun.set()
        self.gate.wait(10)
        if RAISES in batch[:, 0, 0]:
            raise ValueError("this input is poison")
        return super().predict_batch(batch)


@pytest.fixture
def model() -> GatedModel:
    return GatedModel()


async def test_a_thousand_canceled_jobs_of_five_thousand_never_run(bench: Bench, model: GatedModel) -> None:
    ids = await bench.publish(*[5] * 5_000)
    gone = ids[-1_000:]
    await bench.store.put([canceled(inference_id) for inference_id in gone])

    model.gate.set()
    results = await bench.results(ids)
    await until(lambda: not bench.broker.jobs and not bench.worker.jobs_in_work())

    assert sum(model.batch_sizes) == 4_000
    assert [result["status"] for result in results] == ["succeeded"] * 4_000 + ["canceled"] * 1_000
    assert not bench.broker.dead


@pytest.mark.parametrize("mark", [5, RAISES])
@pytest.mark.parametrize("is_suspect", [False, True])
async def test_a_job_that_is_canceled_while_it_runs_stays_so_and_is_no_dead_letter(
    bench: Bench, model: GatedModel, mark: int, is_suspect: bool
) -> None:
    job = a_request(1, marked(mark))
    if is_suspect:
        bench.broker.put(suspect(job))
    else:
        await bench.broker.publisher().publish(job)
    await until(model.has_begun.is_set)
    await bench.store.put([canceled(job.inference_id)])

    model.gate.set()
    await until(lambda: bench.count("inference_duplicate_results_total"))
    await bench.until_empty()

    assert (await bench.results([job.inference_id]))[0]["status"] == "canceled"
    assert not bench.broker.dead
    assert sum(model.batch_sizes) == (mark == 5)


async def test_a_job_that_fails_beside_a_canceled_one_is_still_a_dead_letter(bench: Bench, model: GatedModel) -> None:
    first = await bench.publish_one(9, 5)
    await until(model.has_begun.is_set)
    gone, bad = await bench.publish(RAISES, RAISES)
    await until(lambda: not bench.broker.jobs)
    await bench.store.put([canceled(gone)])

    model.gate.set()
    results = await bench.results([first, gone, bad])
    await until(lambda: bench.broker.dead)
    await bench.until_empty()

    assert [result["status"] for result in results] == ["succeeded", "canceled", "failed"]
    assert [letter.properties.message_id for letter in bench.broker.dead] == [bad]
