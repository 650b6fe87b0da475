"""Redis's disk is slow for some seconds while suspects run alone: nobody dies, so nobody may be said to have died."""

import asyncio
import shutil
import signal
from pathlib import Path

import pika

from chaos.cases.case import Seen
from chaos.durability import Preload
from chaos.endurance import loaded
from chaos.load.ledger import Ledger
from chaos.load.load import Load
from chaos.load.workload import Workload
from chaos.recovery import recover
from chaos.system.system import System

SUSPECTS = 24
#: Longer than our clients wait for Redis, 2 s, so that it has done what they did not hear of.
SYNC_S = 2.3
SLOW_S = 15.0
PAUSE_S = 0.1


async def slow_disk(directory: Path, workload: Workload) -> Seen:
    """Slow the disk down just when the workers find nothing but suspects."""
    if shutil.which("cc") is None:
        raise RuntimeError("a slow disk needs a C compiler; install cc")
    seen, preload = Seen(Ledger(workload)), Preload.build(directory)
    with System(
        directory,
        redis_options={"appendfsync": "always"},
        redis_environment=preload.environment,
        is_proxied=True,
    ) as system:
        async with loaded(system, seen.ledger, 0) as load:
            await _make_suspects(system, load, preload)
            await asyncio.sleep(SLOW_S)
            preload.speed_up()
            seen.stuck = (await recover(system, load)).stuck
        solo_runs = await asyncio.to_thread(system.solo_run_count)
        seen.expect(not system.supervisor.restarts, f"{system.supervisor.restarts} processes ended")
    seen.finding = f"{solo_runs} solo runs, {len(seen.ledger.wrong)} jobs answered `failed`"
    seen.expect(solo_runs > 0, "no suspect ran alone")
    return seen


async def _make_suspects(system: System, load: Load, preload: Preload) -> None:
    """Let jobs arrive while no worker listens, take them like a worker that dies with them, and slow the disk down."""
    for worker in system.workers:
        worker.process.send_signal(signal.SIGSTOP)
    try:
        system.amqp_proxy.cut()  # RabbitMQ lends nothing to a worker whose connection is gone
        await asyncio.gather(*(_submit(load, number, system.api_ports) for number in range(SUSPECTS)))
        await asyncio.to_thread(_give_back, system.rabbitmq.url)
        preload.slow_down(SYNC_S)
    finally:
        for worker in system.workers:
            worker.process.send_signal(signal.SIGCONT)


async def _submit(load: Load, number: int, ports: list[int]) -> None:
    while await load.offer_one(number, ports[number % len(ports)]) is None:
        await asyncio.sleep(PAUSE_S)


def _give_back(amqp_url: str) -> None:
    """Take every job, and reject it so that it is delivered again: RabbitMQ counts that as a failed delivery."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel = connection.channel()
    for _ in range(SUSPECTS):
        channel.basic_get("mnist.jobs")
    for tag in range(1, SUSPECTS + 1):
        channel.basic_reject(tag, requeue=True)
    connection.close()
