"""The queue of dead letters is deleted while poison arrives: it comes back, and no innocent job is touched."""

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_api.images import prepare
from mnist_worker.classifier import DigitClassifier
from tests.chaos.case import Seen
from tests.chaos.endurance import loaded
from tests.chaos.ledger import Ledger
from tests.chaos.load import POST, Client, get
from tests.chaos.recovery import BOUND_S, recover
from tests.chaos.system import System
from tests.chaos.workload import MAX_PIXELS, Workload
from tests.pictures import encoded, sample

POISON = encoded(sample("seven").rotate(180))
DEAD = "mnist.dead"
RATE_PER_S = 60.0
#: Poison before the deletion, and after it.
DOSES = 5
PAUSE_S = 0.3


class PoisonedClassifier(DigitClassifier):
    """Raises as soon as the one poisonous picture is in a batch."""

    _poison = np.frombuffer(prepare(POISON, max_pixels=MAX_PIXELS), np.uint8).reshape(28, 28)

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        if (batch == self._poison).all(axis=(1, 2)).any():
            raise ValueError("this input is poison")
        return super().predict_batch(batch)


async def dead_queue_deleted(directory: Path, workload: Workload) -> Seen:
    """Delete the queue under load, and wait until it holds every dead letter that came afterwards."""
    seen = Seen(Ledger(workload))
    with System(directory, environment={"MNIST_MODEL": "tests.chaos.dead_queue:PoisonedClassifier"}) as system:
        async with loaded(system, seen.ledger, RATE_PER_S) as load:
            statuses = await _take(system)
            await asyncio.to_thread(system.rabbitmq.control, "delete_queue", DEAD)
            statuses += await _take(system)
            seen.stuck = (await recover(system, load)).stuck
            letters = await _until_parked(system, DOSES)
            if letters:  # all queues are to be empty when the ledger is judged
                await asyncio.to_thread(system.rabbitmq.control, "purge_queue", DEAD)
    seen.finding = f"{letters} of {DOSES} dead letters parked after the queue was deleted"
    seen.expect(letters == DOSES, f"{DEAD} holds {letters} of {DOSES} dead letters {BOUND_S:g} s afterwards")
    seen.expect(set(statuses) == {"failed"}, f"poison was answered {statuses}")
    return seen


async def _take(system: System) -> list[str]:
    """Submit poison, one after the other; return what each was answered."""
    client, statuses = Client(system.api_ports[:1], 1), []
    for _ in range(DOSES):
        answer = await client.request(POST + b"Prefer: wait=5\r\n", POISON)
        while answer.status in (200, 202) and answer.json()["status"] == "pending":
            answer = await client.request(get(answer.json()["inference_id"], "?wait=5"))
        statuses.append(answer.json().get("status", str(answer.status)))
        await asyncio.sleep(PAUSE_S)
    client.close()
    return statuses


async def _until_parked(system: System, count: int) -> int:
    """Return how many letters the queue holds, as soon as they are `count`, or after the bound."""
    letters = 0
    try:
        async with asyncio.timeout(BOUND_S):
            while letters != count:
                letters = max(0, (await asyncio.to_thread(system.queue_lengths))[DEAD])
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        pass
    return letters
