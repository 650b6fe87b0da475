"""The number of jobs that a worker holds follows the rate that it has learned."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from inference_bridge.inbox import Inbox
from inference_bridge.jobs import Job
from inference_bridge.memory.broker import MemoryBroker, MemoryConsumer
from inference_worker.engine import Prediction
from inference_worker.pacing import Pacing
from inference_worker.sizing import FIRST_PREFETCH, BatchSizing
from mnist_model.spec import SPEC

MAX_BATCH_SIZE = 64
JOBS = 300
TIMEOUT_S = 5.0


@dataclass
class Paced:
    """A worker's holdings without the worker."""

    broker: MemoryBroker
    consumer: MemoryConsumer
    inbox: Inbox
    pacing: Pacing

    async def learn(self, batch_size: int, predict_s: float) -> None:
        """Learn of a batch, and let the prefetch follow."""
        self.pacing.learn(Prediction([b""] * batch_size, has_raised=False), predict_s, max_batch_size=MAX_BATCH_SIZE)
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def paced() -> AsyncIterator[Paced]:
    broker, inbox = MemoryBroker(SPEC, queue_max_length=JOBS), Inbox()
    publisher, consumer = broker.publisher(), broker.consumer(prefetch=FIRST_PREFETCH)
    for number in range(JOBS):
        await publisher.publish(Job(f"{number:024d}", bytes(784), 1, 4_000_000_000_000))
    pacing = Pacing(BatchSizing(MAX_BATCH_SIZE, max_held=1_000), consumer, inbox)
    running = [asyncio.create_task(consumer.run(inbox)), asyncio.create_task(pacing.run())]
    await asyncio.sleep(0)
    yield Paced(broker, consumer, inbox, pacing)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_worker_that_has_timed_nothing_holds_one_job(paced: Paced) -> None:
    assert len(paced.inbox) == 1


async def test_a_worker_holds_more_when_large_batches_pay(paced: Paced) -> None:
    await paced.learn(1, 0.05)
    await paced.learn(2, 0.05)
    await paced.learn(16, 0.05)

    assert len(paced.inbox) == 3 * 64


async def test_a_worker_gives_back_what_waits_behind_a_job_that_turns_out_slow(paced: Paced) -> None:
    await paced.learn(1, 0.05)
    await paced.learn(2, 0.05)
    await paced.learn(16, 0.05)

    for size in (1, 2, 16, 1, 2, 16, 1, 2, 16, 1, 2, 16, 1):
        await paced.learn(size, 30.0 * size)

    assert paced.consumer.prefetch == 1
    assert len(paced.inbox) == 1  # the next one to run: none runs here
    assert len(paced.broker.jobs) == JOBS - 1


async def test_a_small_change_keeps_the_consumer(paced: Paced) -> None:
    await paced.learn(1, 0.5)
    await paced.learn(2, 1.0)
    before = paced.consumer.prefetch

    await paced.learn(1, 0.51)

    assert paced.consumer.prefetch == before
