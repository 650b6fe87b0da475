"""Six API processes at once: each must wait until a new queue is safe, and each must come back."""

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pika

from chaos.cases.case import Seen
from chaos.endurance import loaded
from chaos.load.ledger import Ledger
from chaos.load.levels import ENVIRONMENT, Level
from chaos.load.load import Load
from chaos.load.workload import Workload
from chaos.recovery import recover
from chaos.system.system import SETTLE_S, System

APIS = 6
FILL_S = 3.0
DOWN_S = 3.0
#: How long, and how often, each process is asked to take a job after the queue was deleted.
ASKED_S, ASK_EVERY_S = 8.0, 0.1
FETCH_TIMEOUT_S = 30.0


async def queue_deleted_beside_many(directory: Path, workload: Workload) -> Seen:
    """Delete the queue while nothing waits in it, and see when each process takes the next job."""
    seen = Seen(Ledger(workload))
    with System(directory, environment=ENVIRONMENT, apis=APIS) as system:
        async with loaded(system, seen.ledger, 0) as load:
            before = await recover(system, load)
            await load.until_fetched(FETCH_TIMEOUT_S)
            await asyncio.to_thread(_delete, system.rabbitmq.url, "mnist.jobs")
            firsts_s = await asyncio.gather(*(_first_accepted_s(load, port) for port in system.api_ports))
            seen.stuck = [*before.stuck, *(await recover(system, load)).stuck]
    early = [first_s for first_s in firsts_s if first_s < float(SETTLE_S)]
    seen.finding = f"the first job was taken {_range(firsts_s)} after the queue was deleted; {SETTLE_S} s are safe"
    seen.expect(not early, f"{len(early)} of {APIS} API processes took a job before the new queue was safe")
    return seen


async def broker_restarted_beside_many(directory: Path, workload: Workload) -> Seen:
    """Kill RabbitMQ under half the capacity, and start it again."""
    seen = Seen(Ledger(workload))
    with System(directory, environment=ENVIRONMENT, apis=APIS) as system:
        async with loaded(system, seen.ledger, Level.HALF.rate_per_s) as load:
            await asyncio.sleep(FILL_S)
            system.rabbitmq.stop(signal.SIGKILL)
            await asyncio.sleep(DOWN_S)
            await asyncio.to_thread(system.rabbitmq.start)
            recovery = await recover(system, load)
            seen.stuck = recovery.stuck
    seen.finding = f"recovered within {recovery.worst_s:.1f} s"
    return seen


async def _first_accepted_s(load: Load, port: int) -> float:
    begin = time.perf_counter()
    while time.perf_counter() - begin < ASKED_S:
        if await load.offer_one(0, port) is not None:
            return time.perf_counter() - begin
        await asyncio.sleep(ASK_EVERY_S)
    return ASKED_S


def _delete(amqp_url: str, queue: str) -> None:
    """Delete the queue and return at once, which `rabbitmqctl` does not."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    connection.channel().queue_delete(queue)
    connection.close()


def _range(values_s: Sequence[float]) -> str:
    return f"{min(values_s):.1f} to {max(values_s):.1f} s"
