"""Bodies that never end: many clients that each send all of a large picture but its last byte."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from chaos.cases.case import Seen
from chaos.endurance import loaded
from chaos.load.ledger import Ledger
from chaos.load.levels import ENVIRONMENT, Level
from chaos.load.load import HOST
from chaos.load.workload import Workload
from chaos.recovery import recover
from chaos.system.system import System, port_of

CONNECTIONS = 150
#: Of each body; within `INFERENCE_MAX_BYTES`.
MAX_BYTES = 2 * 2**20
SEND_TIMEOUT_S = 10.0
#: Memory is looked at for so long; bodies are given up after 30 s.
WATCH_S = 12.0
#: Pictures beside them must be answered long before the bodies are given up.
BOUND_S = 10.0
#: The API may hold this much of the 300 MiB that are sent, and its memory may grow by this much.
BUFFERED_MIB = 64
MEMORY_LIMIT_MIB = 150
SETTINGS = {**ENVIRONMENT, "INFERENCE_MAX_BUFFERED_BYTES": str(BUFFERED_MIB * 2**20)}


async def endless_bodies(directory: Path, workload: Workload) -> Seen:
    """Hold the bodies at one API process under half the capacity, and watch its memory."""
    seen = Seen(Ledger(workload))
    with System(directory, environment=SETTINGS) as system:
        async with loaded(system, seen.ledger, Level.HALF.rate_per_s) as load:
            await recover(system, load)  # warm
            before = system.memory_mib()
            async with _bodies(port_of(system.apis[0])):
                recovery, growth_mib = await asyncio.gather(
                    recover(system, load, bound_s=BOUND_S), _growth_mib(system, before)
                )
            seen.stuck = [*recovery.stuck, *(await recover(system, load)).stuck]
    seen.finding = (
        f"{CONNECTIONS} bodies of {MAX_BYTES / 2**20:g} MiB, {BUFFERED_MIB} MiB allowed: memory of the API grew by "
        f"{growth_mib:.0f} MiB; pictures beside them were answered within {recovery.worst_s:.1f} s"
    )
    seen.expect(growth_mib < MEMORY_LIMIT_MIB, f"memory grew by {growth_mib:.0f} MiB, most is {MEMORY_LIMIT_MIB}")
    return seen


async def _growth_mib(system: System, before: dict[int, float]) -> float:
    pid, growth_mib, begin = system.apis[0].process.pid, 0.0, time.perf_counter()
    while time.perf_counter() - begin < WATCH_S:
        growth_mib = max(growth_mib, system.memory_mib().get(pid, 0) - before.get(pid, 0))
        await asyncio.sleep(0.2)
    return growth_mib


@asynccontextmanager
async def _bodies(port: int) -> AsyncIterator[None]:
    writers = await asyncio.gather(*(_body(port) for _ in range(CONNECTIONS)))
    try:
        yield
    finally:
        for writer in writers:
            writer.transport.abort()


async def _body(port: int) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"POST /classify HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n" % MAX_BYTES)
    with suppress(OSError):  # refused, or not read any further: both are good
        async with asyncio.timeout(SEND_TIMEOUT_S):
            writer.write(bytes(MAX_BYTES - 1))
            await writer.drain()
    return writer
