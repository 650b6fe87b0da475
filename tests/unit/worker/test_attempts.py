"""Solo runs of suspects: only those are counted that a worker died of."""

import asyncio

import pytest

from inference_bridge.errors import DeviceLost
from inference_bridge.rabbitmq.topology import SOLO_ATTEMPTS
from tests.support.jobs import a_request, marked
from tests.support.models import HANGS, LOSES_THE_DEVICE, EchoModel, FaultyModel
from tests.support.waiting import until, until_found
from tests.unit.worker.bench import TIMEOUT_S, Bench, suspect


class HeldModel(FaultyModel):
    """A model whose hangs end with the test; says when one has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def predict_batch(self, batch):  # type: ignore[no-untyped-def]
        self.runs += 1
        return super().predict_batch(batch)


@pytest.fixture
def model() -> EchoModel:
    return HeldModel()


async def until_it_hangs(bench: Bench) -> None:
    await until(lambda: bench.model.runs)  # type: ignore[attr-defined]


async def test_lost_answers_of_the_store_are_no_attempts(bench: Bench) -> None:
    bench.store.lost_answers = SOLO_ATTEMPTS
    bench.broker.put(suspect(a_request(1, marked(5))))

    [result] = await bench.results([a_request(1, marked(5)).inference_id])

    assert result["status"] == "succeeded"
    assert await bench.store.attempts([a_request(1, marked(5)).inference_id]) == [1]


async def test_a_solo_run_that_a_stop_cuts_short_is_no_attempt(bench: Bench) -> None:
    job = a_request(1, marked(HANGS))
    bench.broker.put(suspect(job))
    await until_it_hangs(bench)

    bench.stop.set()
    await asyncio.wait_for(bench.working, TIMEOUT_S)

    assert await bench.store.attempts([job.inference_id]) == [0]
    assert len(bench.broker.retry) == 1
    bench.model.released.set()  # type: ignore[attr-defined]


async def test_a_solo_run_whose_message_went_back_to_the_broker_is_no_attempt(bench: Bench) -> None:
    job = a_request(1, marked(HANGS))
    bench.broker.put(suspect(job))
    await until_it_hangs(bench)
    assert await bench.store.attempts([job.inference_id]) == [1]

    bench.consumer.lose_connection()

    async def is_uncounted() -> bool:
        return await bench.store.attempts([job.inference_id]) == [0]

    await until_found(is_uncounted)

    bench.model.released.set()  # type: ignore[attr-defined]
    assert (await bench.results([job.inference_id]))[0]["status"] == "succeeded"


async def test_a_solo_run_that_lost_the_device_is_an_attempt(bench: Bench) -> None:
    job = a_request(1, marked(LOSES_THE_DEVICE))
    bench.broker.put(suspect(job))

    with pytest.raises(DeviceLost):
        await asyncio.wait_for(bench.working, TIMEOUT_S)

    assert await bench.store.attempts([job.inference_id]) == [1]


async def test_a_suspect_that_is_given_up_is_no_solo_run(bench: Bench) -> None:
    job = a_request(1, marked(5))
    for number in range(SOLO_ATTEMPTS):
        await bench.store.count_attempt(job.inference_id, f"token-{number}")

    bench.broker.put(suspect(job))
    await bench.results([job.inference_id])

    assert bench.count("inference_solo_runs_total") == 0
