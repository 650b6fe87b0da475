"""The loads: closed loop, Poisson arrivals, and submit-then-drain."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.jobs import Waiting, fetch, run_job, submit
from tests.support.client import Connection

WARM_UP_S = 1.0
#: Sends one input and returns when its result has arrived.
Job = Callable[[Connection, bytes, Waiting], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The duration and the latencies of a load.

    Attributes:
        name: the load.
        waiting: how its clients waited for results.
        duration_s: wall time of the measured part.
        latencies_s: of each job, from the start of its submission to its result; empty if none was measured.
        jobs: number of finished jobs.
    """

    name: str
    waiting: str
    duration_s: float
    latencies_s: Sequence[float]
    jobs: int


@asynccontextmanager
async def open_connections(host: str, port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Open `count` connections to the API; close them at the end."""
    opened = [await Connection.open(host, port) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def run_closed_loop(
    clients: Sequence[Connection], bodies: Sequence[bytes], *, waiting: Waiting, duration_s: float, job: Job = run_job
) -> Measurement:
    """Let each client submit its next input when it has the last result; count the jobs that end in the time."""
    latencies: list[float] = []
    supply = itertools.cycle(bodies)
    begin = time.perf_counter() + WARM_UP_S
    end = begin + duration_s

    async def client(connection: Connection) -> None:
        while (started := time.perf_counter()) < end:
            await job(connection, next(supply), waiting)
            if begin <= (ended := time.perf_counter()) < end:
                latencies.append(ended - started)

    await asyncio.gather(*(client(connection) for connection in clients))
    name = f"closed loop, {len(clients)} client{'s' * (len(clients) > 1)}"
    return Measurement(name, waiting, duration_s, latencies, len(latencies))


async def run_poisson(
    clients: Sequence[Connection],
    pictures: Sequence[bytes],
    *,
    rate_per_s: float,
    duration_s: float,
    seed: int = 1,
    job: Job = run_job,
) -> Measurement:
    """Submit jobs at random moments, without a wait for earlier results."""
    arrivals = random.Random(seed)
    idle = asyncio.Queue[Connection]()
    for connection in clients:
        idle.put_nowait(connection)
    latencies: list[float] = []

    async def run_one(picture: bytes) -> None:
        started = time.perf_counter()
        connection = await idle.get()
        await job(connection, picture, Waiting.PREFER)
        idle.put_nowait(connection)
        latencies.append(time.perf_counter() - started)

    begin, at_s, supply = time.perf_counter(), 0.0, itertools.cycle(pictures)
    async with asyncio.TaskGroup() as jobs:
        while (at_s := at_s + arrivals.expovariate(rate_per_s)) < duration_s:
            await asyncio.sleep(begin + at_s - time.perf_counter())
            jobs.create_task(run_one(next(supply)))
    name = f"Poisson, {rate_per_s:g} jobs/s"
    return Measurement(name, Waiting.PREFER, time.perf_counter() - begin, latencies, len(latencies))


async def submit_then_drain(
    clients: Sequence[Connection], pictures: Sequence[bytes], *, jobs: int
) -> AsyncIterator[Measurement]:
    """Submit all jobs as fast as the API accepts them, then fetch all results; measure both parts."""
    ids: list[str] = []
    left = iter(range(jobs))

    async def submit_some(connection: Connection) -> None:
        for number in left:
            ids.append((await submit(connection, pictures[number % len(pictures)]))["inference_id"])

    async def fetch_some(connection: Connection) -> None:
        while ids_left:
            inference_id = ids_left.pop()
            while (await fetch(connection, inference_id, wait_s=20))["status"] == "pending":
                pass

    begin = time.perf_counter()
    await asyncio.gather(*(submit_some(connection) for connection in clients))
    yield Measurement(f"submit {jobs}", "none", time.perf_counter() - begin, [], jobs)
    ids_left = list(ids)
    begin = time.perf_counter()
    await asyncio.gather(*(fetch_some(connection) for connection in clients))
    yield Measurement(f"drain what is left of {jobs}", Waiting.LONG_POLL, time.perf_counter() - begin, [], jobs)
