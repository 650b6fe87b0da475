"""How workers share what waits: several start together, one joins later, and a model for which only large batches pay.

`make bench ARGS=share` runs it: real servers, one API process, workers whose models sleep instead of computing, so that
the two cores of a small machine are not the limit.
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
from tests.deployment import Deployment, Service
from tests.pictures import SAMPLES, encoded, sample
from tests.servers import running_servers
from tqdm import tqdm

from inference_bridge.redis_store import RedisStore, connect_redis
from mnist_model.spec import SPEC

MAX_CONCURRENT = 64
START_TIMEOUT_S = 60.0
JOIN_AFTER_S = 4.0
#: Of the worker that joins: its share is counted from its second second on.
SHARE_FROM_S, SHARE_UNTIL_S = 2.0, 8.0
#: Of the worker that is kept busy: its time is counted from here on.
BUSY_FROM_S, BUSY_UNTIL_S = 1.0, 6.0
LARGEST_BATCH = 64
NOTES = """\
Each row divides what was measured by the ideal. A worker whose batches were always 64 reached 1,206 jobs/s, 0.94 of the ideal, with the
model whose batches take the same time whatever their size; the bar of that row is 95 % of it.
"""
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Shared:
    """A row of the table.

    Attributes:
        name: what was done.
        ideal: the best that can be, in `unit`.
        measured: what was reached.
        unit: of both.
        ratio: how far from the ideal; 1 is best.
        bar: the ratio that must hold, as text.
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
    """One API process in front of a broker and a store, and as many workers as a row needs.

    Args:
        deployment: starts processes.
        client: of the API.
        store: where results are.
        scratch: a directory.
    """

    def __init__(self, deployment: Deployment, client: httpx.AsyncClient, store: RedisStore, scratch: Path) -> None:
        self._deployment = deployment
        self._client = client
        self._store = store
        self._scratch = scratch

    def workers(self, count: int, model: str, seconds: float) -> list[Service]:
        """Start workers whose model takes so many seconds, for a job or for a batch; they become ready together."""
        variables = {
            "INFERENCE_MODEL": f"benchmarks.sleeping:{model}",
            "SLEEP_S": str(seconds),
            "START_DIRECTORY": tempfile.mkdtemp(dir=self._scratch),
            "START_COUNT": str(count),
        }
        return [self._deployment.worker(**variables) for _ in range(count)]

    async def submit(self, jobs: int) -> list[str]:
        """Submit so many pictures; return their ids."""
        picture = encoded(sample(SAMPLES[0].stem))
        slots = asyncio.Semaphore(MAX_CONCURRENT)

        async def submit() -> str:
            async with slots:
                response = await self._client.post("/classify", content=picture)
                return str(response.raise_for_status().json()["inference_id"])

        return list(await asyncio.gather(*(submit() for _ in range(jobs))))

    async def until_done(self, inference_ids: list[str]) -> float:
        """Return when the last of them had its result, in seconds of `time.perf_counter`."""
        missing = set(inference_ids)
        async with aclosing(self._store.notifications()) as notifications:
            async for announced in notifications:
                missing.difference_update(announced or await self._finished(missing))
                if not missing:
                    break
        return time.perf_counter()

    async def _finished(self, inference_ids: set[str]) -> list[str]:
        asked = list(inference_ids)
        bodies = await self._store.get(asked)
        return [one for one, body in zip(asked, bodies, strict=True) if body is not None]


async def start_together(bench: Bench, jobs: int, seconds: float, workers: int) -> Shared:
    """Measure from the first ready worker to the last result, for jobs that waited before any worker was there."""
    done = asyncio.create_task(bench.until_done(await bench.submit(jobs)))
    started = bench.workers(workers, "JOB_BY_JOB", seconds)
    await first_ready(started)
    begin = time.perf_counter()
    measured_s = await done - begin
    stop(started)
    return Shared(
        f"{jobs} jobs of {seconds:g} s, {workers} workers", jobs * seconds / workers, measured_s, "s", "≤ 1.15"
    )


async def join(bench: Bench, seconds: float) -> Shared:
    """Measure the share of a worker that joins another in the middle of a long backlog; half is ideal."""
    jobs = round(2 * (JOIN_AFTER_S + SHARE_UNTIL_S + 6) / seconds)
    inference_ids = await bench.submit(jobs)
    [first] = bench.workers(1, "JOB_BY_JOB", seconds)
    await first_ready([first])
    await asyncio.sleep(JOIN_AFTER_S)
    [second] = bench.workers(1, "JOB_BY_JOB", seconds)
    await first_ready([second])
    await asyncio.sleep(SHARE_FROM_S)
    before = [results(first), results(second)]
    await asyncio.sleep(SHARE_UNTIL_S - SHARE_FROM_S)
    done = [results(worker) - count for worker, count in zip((first, second), before, strict=True)]
    await bench.until_done(inference_ids)
    stop([first, second])
    return Shared("share of a worker that joins", 0.5, done[1] / sum(done), "of the jobs", "0.85 to 1.15")


async def large_batches(bench: Bench, seconds: float, jobs: int) -> Shared:
    """Measure the throughput of a model whose batches take the same time whatever their size."""
    done = asyncio.create_task(bench.until_done(await bench.submit(jobs)))
    workers = bench.workers(1, "BATCH_BY_BATCH", seconds)
    await first_ready(workers)
    begin = time.perf_counter()
    measured = jobs / (await done - begin)
    stop(workers)
    return Shared(
        f"{jobs} jobs, {seconds:g} s a batch of any size", LARGEST_BATCH / seconds, measured, "jobs/s", "≥ 0.90"
    )


async def keep_busy(bench: Bench, seconds: float, jobs: int) -> Shared:
    """Measure for how much of the time a batch is on the device while more than enough jobs wait."""
    inference_ids = await bench.submit(jobs)
    [worker] = bench.workers(1, "BATCH_BY_BATCH", seconds)
    await first_ready([worker])
    await bench.until_done(inference_ids)
    stop([worker])
    return Shared(f"device busy, {seconds:g} s a batch", 1, busy_share(worker), "of the time", "≥ 0.99")


async def first_ready(workers: list[Service]) -> None:
    """Return when one of the workers takes jobs."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while not any([await asyncio.to_thread(worker.is_ready) for worker in workers]):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


def results(worker: Service) -> float:
    """Return how many results a worker has stored."""
    return worker.metric("inference_results_total")


def busy_share(worker: Service) -> float:
    """Return for how much of the time a worker had a batch on its device, by its own log, once it was under way."""
    lines = map(json.loads, worker.process.log.read_text().splitlines())
    batches = [line for line in lines if line["message"] == "batch predicted"]
    ends_s = [datetime.fromisoformat(batch["time"]).timestamp() for batch in batches]
    busy_s = [batch["predict_ms"] / 1000 for batch in batches]
    # From the end of one batch to the end of another, so that no part of a batch is counted.
    first = bisect(ends_s, ends_s[0] + BUSY_FROM_S)
    last = bisect(ends_s, ends_s[0] + BUSY_UNTIL_S) - 1
    return float(sum(busy_s[first + 1 : last + 1]) / (ends_s[last] - ends_s[first]))


def stop(workers: list[Service]) -> None:
    """End workers in order."""
    for worker in workers:
        worker.process.send_signal(signal.SIGTERM)
    for worker in workers:
        worker.process.wait(START_TIMEOUT_S)


ROWS: tuple[Callable[[Bench], Awaitable[Shared]], ...] = (
    partial(start_together, jobs=24, seconds=0.5, workers=4),
    partial(start_together, jobs=200, seconds=0.1, workers=2),
    partial(start_together, jobs=200, seconds=0.1, workers=4),
    partial(join, seconds=0.1),
    partial(large_batches, seconds=0.05, jobs=10_000),
    partial(keep_busy, seconds=0.05, jobs=10_000),
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


def table(rows: list[Shared]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| jobs and workers | ideal | measured | | ratio | bar |", "| --- | --: | --: | --- | --: | --: |"]
    lines += [
        f"| {row.name} | {row.ideal:.2f} | {row.measured:.2f} | {row.unit} | {row.ratio:.2f} | {row.bar} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
