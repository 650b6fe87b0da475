"""The queue of dead letters is deleted while poison arrives: it comes back, and no innocent job is touched."""

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chaos.cases.case import Seen
from chaos.endurance import loaded
from chaos.load.digits import MAX_PIXELS
from chaos.load.ledger import Ledger
from chaos.load.load import POST, Client, get
from chaos.load.workload import Workload
from chaos.recovery import BOUND_S, recover
from chaos.system.system import System
from mnist_model.predict.classifier import DigitClassifier
from mnist_model.prepare import prepare
from tests.support.pictures import encoded, sample
from tests.support.waiting import until_found

POISON = encoded(sample("seven").rotate(180))
DEAD, RETRY = "mnist.dead", "mnist.retry"
RATE_PER_S = 60.0
#: Poison before the deletion, right after it, and as soon as the queue is there again.
DOSES = 5
PAUSE_S = 0.3


class PoisonedClassifier(DigitClassifier):
    """Raises as soon as the one poisonous picture is in a batch."""

    _poison = np.frombuffer(prepare(POISON, max_pixels=MAX_PIXELS), np.uint8).reshape(28, 28)

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raise, or answer as the real one."""
        if (batch == self._poison).all(axis=(1, 2)).any():
            raise ValueError("this input is poison")
        return super().predict_batch(batch)


async def dead_queue_deleted(directory: Path, workload: Workload) -> Seen:
    """Delete the queue under load; then each dead letter is parked, or waits until RabbitMQ tries again to park it."""
    seen = Seen(Ledger(workload))
    with System(directory, environment={"INFERENCE_MODEL": "chaos.cases.dead_queue:PoisonedClassifier"}) as system:
        async with loaded(system, seen.ledger, RATE_PER_S) as load:
            statuses = await _take(system)
            await asyncio.to_thread(system.rabbitmq.control, "delete_queue", DEAD)
            statuses += await _take(system)
            seen.stuck = (await recover(system, load)).stuck
            is_back = await _until_long(system, 0)
            statuses += await _take(system)
            await _until_long(system, DOSES if is_back else 0)
            lengths = await asyncio.to_thread(system.queue_lengths)
            if is_back:  # all queues are to be empty when the ledger is judged
                await asyncio.to_thread(system.rabbitmq.control, "purge_queue", DEAD)
    parked, waiting = max(0, lengths[DEAD]), lengths[RETRY]
    seen.finding = f"{parked} of the next {2 * DOSES} dead letters parked at once, {waiting} when RabbitMQ tries again"
    seen.expect(is_back, f"{DEAD} was not declared again within {BOUND_S:g} s")
    seen.expect(parked >= DOSES, f"{parked} dead letters parked, though {DOSES} came after the queue")
    seen.expect(parked + waiting >= 2 * DOSES, f"{2 * DOSES - parked - waiting} dead letters are gone")
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


async def _until_long(system: System, length: int) -> bool:
    """Return whether the queue of dead letters gets this long in time; the length of a missing queue is -1."""

    async def is_long() -> bool:
        return (await asyncio.to_thread(system.queue_lengths))[DEAD] >= length

    try:
        await until_found(is_long, BOUND_S, PAUSE_S)
    except TimeoutError:
        return False
    return True
