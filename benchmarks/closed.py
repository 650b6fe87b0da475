"""Runs a closed loop against a server, with the CPU seconds of each of its processes after the warm-up."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.contenders import Contender
from benchmarks.cpu import CpuMeter
from benchmarks.jobs import Waiting
from benchmarks.loads import WARM_UP_S, Job, Measurement, open_connections, run_closed_loop
from benchmarks.report import Row
from tests.support.client import Connection

Reading = TypeVar("Reading")


async def measure_closed(
    contender: Contender, inputs: Sequence[bytes], *, clients: int, duration_s: float, job: Job | None = None
) -> dict[str, Any]:
    """Run the closed loop; return its figures, of a worker that counts them also the CPU-ms of the forward passes.

    A server that is too slow to answer two jobs in `duration_s` gets twice the time.
    """
    meter = CpuMeter(contender.parts)

    def read() -> tuple[dict[str, float], float]:
        return meter.read_s(), read_forward_s(contender.forward)

    async with open_connections("127.0.0.1", contender.port, clients) as connections:
        measurement, (before, forward_before_s), (after, forward_after_s) = await run_and_read(
            connections, inputs, read, duration_s=duration_s, job=job or contender.job
        )
    if measurement.jobs < 2:
        return await measure_closed(contender, inputs, clients=clients, duration_s=2 * duration_s, job=job)
    figures = Row(measurement, {name: after[name] - before[name] for name in after}).compute_figures()
    return figures | {"forward_ms": 1000 * (forward_after_s - forward_before_s) / measurement.jobs}


async def run_and_read(
    connections: Sequence[Connection],
    inputs: Sequence[bytes],
    read: Callable[[], Reading],
    *,
    duration_s: float,
    job: Job,
) -> tuple[Measurement, Reading, Reading]:
    """Run the closed loop; return its measurement, and what `read` returns after the warm-up and at the end."""
    load = asyncio.create_task(
        run_closed_loop(connections, inputs, waiting=Waiting.PREFER, duration_s=duration_s, job=job)
    )
    await asyncio.sleep(WARM_UP_S)
    before = read()
    await asyncio.sleep(duration_s)
    after = read()
    return await load, before, after


def read_forward_s(file: Path | None) -> float:
    """Return the CPU seconds of all forward passes so far; 0 where nobody counts them."""
    return float(file.read_text()) if file is not None and file.exists() else 0.0
