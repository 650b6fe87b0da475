"""Kinds of fault by loads: which rows there are, and which share the machine."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

from chaos import faults
from chaos.endurance import Endurance, endure, lengths_s
from chaos.faults import Fault
from chaos.load.levels import ENVIRONMENT, Level
from chaos.load.workload import Workload
from chaos.system.system import System

KINDS = (
    Fault("broker-frozen", "RabbitMQ frozen (SIGSTOP)", faults.broker_frozen),
    Fault("broker-killed", "RabbitMQ killed (SIGKILL), back afterwards", faults.broker_killed),
    Fault("broker-memory", "RabbitMQ's memory alarm", faults.broker_short_of_memory),
    Fault("store-frozen", "Redis frozen (SIGSTOP)", faults.store_frozen),
    Fault("store-killed", "Redis killed (SIGKILL), back afterwards", faults.store_killed),
    Fault("api-frozen", "an API process frozen (SIGSTOP)", faults.api_frozen),
    Fault("worker-frozen", "a worker frozen (SIGSTOP)", faults.worker_frozen),
    Fault("network-silent", "half-open connections", faults.connections_half_open, is_proxied=True),
)
#: Two systems run side by side, first with these two loads, then with those, the busiest beside the idlest: so the
#: devices stay the limit, and not the machine.
SIDE_BY_SIDE = ((Level.IDLE, Level.OVERLOADED), (Level.HALF, Level.SATURATED))


async def run_kind(
    kind: Fault, workload: Workload, directory: Path, *, seed: int, keep: Callable[[Endurance], None]
) -> list[Endurance]:
    """Run the rows of one kind of fault in two systems; `keep` gets those of two loads as soon as they are there."""
    rows: list[Endurance] = []
    with ExitStack() as stack:
        systems = [stack.enter_context(_system(kind, directory / str(number))) for number in range(2)]
        for levels in SIDE_BY_SIDE:
            async with asyncio.TaskGroup() as group:
                pairs = zip(levels, systems, strict=True)
                tasks = [group.create_task(_row(kind, level, system, workload, seed)) for level, system in pairs]
            for task in tasks:
                keep(task.result())
                rows.append(task.result())
    return rows


def _system(kind: Fault, directory: Path) -> System:
    directory.mkdir()
    return System(directory, environment={**ENVIRONMENT, **kind.environment}, is_proxied=kind.is_proxied)


async def _row(kind: Fault, level: Level, system: System, workload: Workload, seed: int) -> Endurance:
    generator = Random(f"{seed} {kind.name} {level}")  # each row its own: they run side by side
    lengths = lengths_s(generator)
    return await endure(kind, level, system, workload, lengths=lengths, generator=generator)
