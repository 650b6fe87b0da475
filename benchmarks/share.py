"""Measures how workers share a backlog: several start together, another joins later, and batches grow.

`make bench ARGS=share` runs it with real servers and one API process. The workers' models sleep instead of computing,
so that a small machine's cores are not the limit.
"""

import asyncio
import json
import signal
import tempfile
import time
from bisect import bisect
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx
from tqdm import tqdm

from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from mnist_model.spec import SPEC
from tests.support.deployment import Deployment, Service
from tests.support.parallel import in_parallel
from tests.support.pictures import SAMPLES, encoded, sample
from tests.support.servers import running_servers

MAX_CONCURRENT = 64
START_TIMEOUT_S = 60.0
JOIN_AFTER_S = 4.0
#: Seconds after the start of the second worker: its share is counted between them.
SHARE_FROM_S, SHARE_UNTIL_S = 2.0, 8.0
#: Seconds after the first batch of the busy worker: its time is counted between them.
BUSY_FROM_S, BUSY_UNTIL_S = 1.0, 6.0
LARGEST_BATCH = 64
NOTES = """\
The ratio is the measured figure divided by the ideal. With the model whose batches take the same time at any size, a
worker with batches of always 64 reached 1,206 jobs/s, 0.94 of the ideal; the bar of that row is 95 % of it.
"""
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Shared:
    """A row of the table.

    Attributes:
        name: the jobs and workers.
        ideal: the best possible figure, in `unit`.
        measured: the measured figure, in `unit`.
        unit: unit of both figures.
        ratio: measured divided by ideal; 1 is best.
        bar: the required ratio, as text.
    """

    name: str
    ideal: float
    measured: float
    unit: str
    bar: str

    @property
    def ratio(self) -> float:
        """Measured divided by ideal."""
        return self.measured / self.ideal


class Bench:
    """One API process with a broker and a store, and the workers that a row needs.

    Args:
        deployment: starts processes.
        client: HTTP client of the API.
        store: the store of results.
        scratch: a directory for temporary files.
    """

    def __init__(self, deployment: Deployment, client: httpx.AsyncClient, store: RedisStore, scratch: Path) -> None:
        self._deployment = deployment
        self._client = client
        self._store = store
        self._scratch = scratch

    def start_workers(self, count: int, model: str, seconds: float) -> list[Service]:
        """Start workers that become ready together; their model takes `seconds` for a job or for a batch."""
        variables = {
            "INFERENCE_MODEL": f"benchmarks.sleeping:{model}",
            "SLEEP_S": str(seconds),
            "START_DIRECTORY": tempfile.mkdtemp(dir=self._scratch),
            "START_COUNT": str(count),
        }
        return [self._deployment.worker(**variables) for _ in range(count)]

    async def submit(self, jobs: int) -> list[str]:
        """Submit `jobs` pictures; return their ids."""
        picture = encoded(sample(SAMPLES[0].stem))
        return await in_parallel(self._submit_one, [picture] * jobs, max_concurrent=MAX_CONCURRENT)

    async def _submit_one(self, picture: bytes) -> str:
        response = await self._client.post("/classify", content=picture)
        return str(response.raise_for_status().json()["inference_id"])

    async def wait_until_done(self, inference_ids: list[str]) -> float:
        """Wait for all results; return the time of the last, in seconds of `time.perf_counter`."""
        missing = set(inference_ids)
        async with aclosing(self._store.notifications()) as notifications:
            async for announced in notifications:
                missing.difference_update(announced or await self._find_finished(missing))
                if not missing:
                    break
        return time.perf_counter()

    async def _find_finished(self, inference_ids: set[str]) -> list[str]:
        asked = list(inference_ids)
        bodies = await self._store.get(asked)
        return [one for one, body in zip(asked, bodies, strict=True) if body is not None]


async def measure_start(bench: Bench, jobs: int, seconds: float, workers: int) -> Shared:
    """Measure the time from the first ready worker to the last result; all jobs wait before a worker starts."""
    done = asyncio.create_task(bench.wait_until_done(await bench.submit(jobs)))
    started = bench.start_workers(workers, "JobByJob", seconds)
    await wait_for_first_ready(started)
    begin = time.perf_counter()
    measured_s = await done - begin
    stop(started)
    return Shared(
        f"{jobs} jobs of {seconds:g} s, {workers} workers", jobs * seconds / workers, measured_s, "s", "≤ 1.15"
    )


async def measure_join(bench: Bench, seconds: float) -> Shared:
    """Measure the share of a worker that joins another during a long backlog; half is ideal."""
    jobs = round(2 * (JOIN_AFTER_S + SHARE_UNTIL_S + 6) / seconds)
    inference_ids = await bench.submit(jobs)
    [first] = bench.start_workers(1, "JobByJob", seconds)
    await wait_for_first_ready([first])
    await asyncio.sleep(JOIN_AFTER_S)
    [second] = bench.start_workers(1, "JobByJob", seconds)
    await wait_for_first_ready([second])
    await asyncio.sleep(SHARE_FROM_S)
    before = [count_results(first), count_results(second)]
    await asyncio.sleep(SHARE_UNTIL_S - SHARE_FROM_S)
    done = [count_results(worker) - count for worker, count in zip((first, second), before, strict=True)]
    await bench.wait_until_done(inference_ids)
    stop([first, second])
    return Shared("share of a worker that joins", 0.5, done[1] / sum(done), "of the jobs", "0.85 to 1.15")


async def measure_large_batches(bench: Bench, seconds: float, jobs: int) -> Shared:
    """Measure the throughput of a model whose batches take the same time at any size."""
    done = asyncio.create_task(bench.wait_until_done(await bench.submit(jobs)))
    workers = bench.start_workers(1, "BatchByBatch", seconds)
    await wait_for_first_ready(workers)
    begin = time.perf_counter()
    measured = jobs / (await done - begin)
    stop(workers)
    return Shared(
        f"{jobs} jobs, {seconds:g} s a batch of any size", LARGEST_BATCH / seconds, measured, "jobs/s", "≥ 0.90"
    )


async def measure_busy_device(bench: Bench, seconds: float, jobs: int) -> Shared:
    """Measure the share of the time with a batch on the device, while more than enough jobs wait."""
    inference_ids = await bench.submit(jobs)
    [worker] = bench.start_workers(1, "BatchByBatch", seconds)
    await wait_for_first_ready([worker])
    await bench.wait_until_done(inference_ids)
    stop([worker])
    return Shared(f"device busy, {seconds:g} s a batch", 1, measure_busy_share(worker), "of the time", "≥ 0.99")


async def wait_for_first_ready(workers: list[Service]) -> None:
    """Wait until one of the workers is ready."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while not any([await asyncio.to_thread(worker.is_ready) for worker in workers]):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


def count_results(worker: Service) -> float:
    """Return the number of results that a worker has stored."""
    return worker.metric("inference_results_total")


def measure_busy_share(worker: Service) -> float:
    """Return the share of the time with a batch on a worker's device, by its log, without its first second."""
    lines = map(json.loads, worker.process.log.read_text().splitlines())
    batches = [line for line in lines if line["message"] == "batch predicted"]
    ends_s = [datetime.fromisoformat(batch["time"]).timestamp() for batch in batches]
    busy_s = [batch["predict_ms"] / 1000 for batch in batches]
    # From the end of one batch to the end of another, so that only whole batches count.
    first = bisect(ends_s, ends_s[0] + BUSY_FROM_S)
    last = bisect(ends_s, ends_s[0] + BUSY_UNTIL_S) - 1
    return float(sum(busy_s[first + 1 : last + 1]) / (ends_s[last] - ends_s[first]))


def stop(workers: list[Service]) -> None:
    """Send SIGTERM to all workers; wait until they have ended."""
    for worker in workers:
        worker.process.send_signal(signal.SIGTERM)
    for worker in workers:
        worker.process.wait(START_TIMEOUT_S)


ROWS: tuple[Callable[[Bench], Awaitable[Shared]], ...] = (
    partial(measure_start, jobs=24, seconds=0.5, workers=4),
    partial(measure_start, jobs=200, seconds=0.1, workers=2),
    partial(measure_start, jobs=200, seconds=0.1, workers=4),
    partial(measure_join, seconds=0.1),
    partial(measure_large_batches, seconds=0.05, jobs=10_000),
    partial(measure_busy_device, seconds=0.05, jobs=10_000),
)


def measure(scratch: Path, rounds: int) -> list[Shared]:
    """Return the rows, each the median of its rounds."""
    with (
        running_servers(scratch) as (rabbitmq, redis),
        Deployment(scratch, amqp_url=rabbitmq.url, redis_url=redis.url) as deployment,
    ):
        api = deployment.api().wait_until_ready()
        return asyncio.run(_measure(deployment, api.url, redis.url, scratch, rounds))


async def _measure(deployment: Deployment, url: str, redis_url: str, scratch: Path, rounds: int) -> list[Shared]:
    limits = httpx.Limits(max_connections=MAX_CONCURRENT)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        store = RedisStore(connect_redis(redis_url), spec=SPEC, result_ttl_s=3_600)
        bench = Bench(deployment, client, store, scratch)
        with tqdm(total=rounds * len(ROWS), desc="rows", unit="row") as progress:
            measured: list[list[Shared]] = [[] for _ in ROWS]
            for _ in range(rounds):
                for rows, row in zip(measured, ROWS, strict=True):
                    rows.append(await row(bench))
                    progress.update()
    return [sorted(rows, key=lambda row: row.ratio)[len(rows) // 2] for rows in measured]


def render_table(rows: list[Shared]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| jobs and workers | ideal | measured | | ratio | bar |", "| --- | --: | --: | --- | --: | --: |"]
    lines += [
        f"| {row.name} | {row.ideal:.2f} | {row.measured:.2f} | {row.unit} | {row.ratio:.2f} | {row.bar} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
