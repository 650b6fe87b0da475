"""Faults, a function each. Each injects it for some seconds and returns when it has ended."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import redis

from chaos.system.system import System
from tests.support.deployment import Service
from tests.support.waiting import until

Injection = Callable[[System, float, Random], Awaitable[None]]

KILL_EVERY_S = 2.0
ROLL_EVERY_S = 6.0
CUT_EVERY_S = 2.0
END_TIMEOUT_S = 60.0
SKEW_S = 300
SMALL_QUEUE = "500"
GARBLED_SHARE = 0.1
DELAY_S = 0.2


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the report.

    Attributes:
        name: short, for the command line.
        title: the same in a sentence.
        inject: does it.
        duration_s: how long.
        environment: settings of the services that the fault needs.
        is_proxied: whether RabbitMQ and Redis are reached through proxies.
        garbled_share: of the commands to Redis that fail.
        skew_s: by how much the clocks of the second API process and the second worker are ahead.
        needs_small_disk: whether RabbitMQ's data are on a small file system of their own.
        kills_workers: whether workers die by it, so that the repeated work is bounded by what they held.
        model: the model that is served: mnist or voice.
        expected: why some jobs may be lost all the same; empty: none may.
        note: a remark for the report.
    """

    name: str
    title: str
    inject: Injection
    duration_s: float = 20
    environment: dict[str, str] = field(default_factory=dict)
    is_proxied: bool = False
    garbled_share: float = 0
    skew_s: tuple[int, int] = (0, 0)
    needs_small_disk: bool = False
    kills_workers: bool = False
    model: str = "mnist"
    expected: str = ""
    note: str = ""


async def nothing(system: System, duration_s: float, _: Random) -> None:
    """Let the time pass, to compare the faults with."""
    await asyncio.sleep(duration_s)


async def worker_killed(system: System, duration_s: float, generator: Random) -> None:
    """Kill one worker after the other."""
    await _signal_at_intervals(system.workers, signal.SIGKILL, KILL_EVERY_S, duration_s, generator)


async def worker_stopped(system: System, duration_s: float, generator: Random) -> None:
    """Stop one worker after the other, as a rollout does."""
    await _signal_at_intervals(system.workers, signal.SIGTERM, ROLL_EVERY_S, duration_s, generator)


async def worker_frozen(system: System, duration_s: float, generator: Random) -> None:
    """Stop the clock of one worker: it keeps its connections and does nothing."""
    await _freeze(generator.choice(system.workers).process.pid, duration_s)


async def api_frozen(system: System, duration_s: float, generator: Random) -> None:
    """Stop the clock of one API process: it keeps its connections and does nothing."""
    await _freeze(generator.choice(system.apis).process.pid, duration_s)


async def api_killed(system: System, duration_s: float, generator: Random) -> None:
    """Kill one API process after the other."""
    await _signal_at_intervals(system.apis, signal.SIGKILL, ROLL_EVERY_S, duration_s, generator)


async def api_stopped(system: System, duration_s: float, generator: Random) -> None:
    """Stop one API process after the other, as a rollout does."""
    await _signal_at_intervals(system.apis, signal.SIGTERM, ROLL_EVERY_S, duration_s, generator)


async def broker_killed(system: System, duration_s: float, _: Random) -> None:
    """Kill RabbitMQ, and start it again on its data."""
    system.rabbitmq.stop(signal.SIGKILL)
    await asyncio.sleep(duration_s)
    await asyncio.to_thread(system.rabbitmq.start)


async def broker_frozen(system: System, duration_s: float, _: Random) -> None:
    """Stop the clock of RabbitMQ."""
    await _freeze(system.rabbitmq.process.pid, duration_s)


async def broker_short_of_memory(system: System, duration_s: float, _: Random) -> None:
    """Raise RabbitMQ's memory alarm: it blocks every publisher."""
    await asyncio.to_thread(system.rabbitmq.control, "set_vm_memory_high_watermark", "0")
    await asyncio.sleep(duration_s)
    await asyncio.to_thread(system.rabbitmq.control, "set_vm_memory_high_watermark", "0.4")


async def broker_short_of_disk(system: System, duration_s: float, _: Random) -> None:
    """Raise RabbitMQ's disk alarm: it blocks every publisher."""
    await asyncio.to_thread(system.rabbitmq.control, "set_disk_free_limit", "1000GB")
    await asyncio.sleep(duration_s)
    await asyncio.to_thread(system.rabbitmq.control, "set_disk_free_limit", "50MB")


async def broker_disk_full(system: System, duration_s: float, _: Random) -> None:
    """Fill RabbitMQ's disk, then make room and start RabbitMQ anew."""
    filler = system.rabbitmq.directory / "filler"
    await asyncio.to_thread(_fill, filler)
    await asyncio.sleep(duration_s)
    filler.unlink()
    system.rabbitmq.stop(signal.SIGKILL)
    await asyncio.to_thread(system.rabbitmq.start)


async def queue_full(system: System, duration_s: float, _: Random) -> None:
    """Freeze all workers, so that the jobs pile up."""
    await asyncio.gather(*(_freeze(worker.process.pid, duration_s) for worker in system.workers))


async def queue_deleted(system: System, duration_s: float, _: Random) -> None:
    """Delete the jobs queue with all it holds, while no worker takes from it."""
    freezing = [asyncio.create_task(_freeze(worker.process.pid, duration_s)) for worker in system.workers]
    await asyncio.to_thread(system.rabbitmq.control, "delete_queue", f"{system.model}.jobs")
    await asyncio.gather(*freezing)


async def consumer_canceled(system: System, duration_s: float, _: Random) -> None:
    """Delete the retry queue: RabbitMQ cancels its consumers."""
    await asyncio.to_thread(system.rabbitmq.control, "delete_queue", f"{system.model}.retry")


async def connections_closed(system: System, duration_s: float, _: Random) -> None:
    """Let RabbitMQ close all connections, at intervals."""
    async for _moment in _at_intervals(duration_s, CUT_EVERY_S):
        await asyncio.to_thread(system.rabbitmq.control, "close_all_connections", "chaos")


async def store_killed(system: System, duration_s: float, _: Random) -> None:
    """Kill Redis, and start it again on its data."""
    system.redis.stop(signal.SIGKILL)
    await asyncio.sleep(duration_s)
    await asyncio.to_thread(system.redis.start)


async def store_frozen(system: System, duration_s: float, _: Random) -> None:
    """Stop the clock of Redis."""
    await _freeze(system.redis.process.pid, duration_s)


async def store_out_of_memory(system: System, duration_s: float, _: Random) -> None:
    """Let Redis refuse every write for want of memory."""
    with redis.Redis.from_url(system.redis.url) as client:
        client.config_set("maxmemory", "1")
        await asyncio.sleep(duration_s)
        client.config_set("maxmemory", "0")


async def connections_cut(system: System, duration_s: float, generator: Random) -> None:
    """Reset the connections to RabbitMQ or to Redis, at intervals."""
    async for _moment in _at_intervals(duration_s, CUT_EVERY_S):
        generator.choice([system.amqp_proxy, system.redis_proxy]).cut()


async def connections_delayed(system: System, duration_s: float, _: Random) -> None:
    """Deliver everything to and from both servers late."""
    for proxy in (system.amqp_proxy, system.redis_proxy):
        proxy.delay_s = DELAY_S
    await asyncio.sleep(duration_s)
    for proxy in (system.amqp_proxy, system.redis_proxy):
        proxy.delay_s = 0


async def connections_half_open(system: System, duration_s: float, _: Random) -> None:
    """Let nothing through to or from both servers, and close no connection until the end."""
    for proxy in (system.amqp_proxy, system.redis_proxy):
        proxy.mute()
    await asyncio.sleep(duration_s)
    # A peer that is back knows nothing of the old connections and resets them.
    for proxy in (system.amqp_proxy, system.redis_proxy):
        proxy.cut()


async def _signal_at_intervals(
    services: list[Service], number: int, every_s: float, duration_s: float, generator: Random
) -> None:
    async for _moment in _at_intervals(duration_s, every_s):
        await end(generator.choice(services), number)


async def _at_intervals(duration_s: float, every_s: float) -> AsyncIterator[int]:
    """Count the moments at which a fault strikes: at once, and then at each interval; at least one."""
    for count in range(max(1, round(duration_s / every_s))):
        await asyncio.sleep(every_s if count else 0)
        yield count


async def end(service: Service, number: int) -> None:
    """Send the signal; return when the process has ended and another was started."""
    pid = service.process.pid
    service.process.send_signal(number)
    await until(lambda: service.process.pid != pid, END_TIMEOUT_S, every_s=0.02)


async def _freeze(pid: int, duration_s: float) -> None:
    os.killpg(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(duration_s)
    finally:
        os.killpg(pid, signal.SIGCONT)


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            return  # no space left
