"""Measures the memory of each part while many large jobs wait without a worker, and while a worker takes them.

RabbitMQ has the bounds of memory that the chart gives it.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from benchmarks.contenders import deploy
from benchmarks.jobs import fetch, submit
from benchmarks.large_model import make_inputs
from benchmarks.loads import open_connections
from benchmarks.memory import MB, MemoryMeter
from benchmarks.subjects import LARGE
from tests.support.client import Connection
from tests.support.deployment import ROOT, Deployment, Service
from tests.support.environment import environment
from tests.support.servers import RabbitMQ, RedisServer

CLIENTS = 32
#: The jobs that wait at the end of each stage.
STAGES = (5_000, 10_000, 20_000)
IDLE_S, POLL_S = 10.0, 0.5
DRAIN_TIMEOUT_S = 600.0
MODEL_PATH = f"/models/{LARGE.spec.name}"
PARTS = ("API", "RabbitMQ", "Redis", "worker")


@dataclass(frozen=True, slots=True)
class Stage:
    """A row of the table.

    Attributes:
        name: the stage.
        duration_s: its wall time.
        highest_mb: highest resident memory in MB by part; a part that did not run is missing.
        disk_mb: size of RabbitMQ's files at its end, in MB.
    """

    name: str
    duration_s: float
    highest_mb: dict[str, float]
    disk_mb: float


class Backlog:
    """One API process in front of a RabbitMQ and a Redis; jobs wait until a worker is started.

    Args:
        deployment: starts processes.
        api: the API, ready.
        rabbitmq: the broker.
        redis: the store.
    """

    def __init__(self, deployment: Deployment, api: Service, rabbitmq: RabbitMQ, redis: RedisServer) -> None:
        self._deployment = deployment
        self._port = int(api.url.rpartition(":")[2])
        self._directory = rabbitmq.directory
        self._meter = MemoryMeter({"API": api.process, "RabbitMQ": rabbitmq.process, "Redis": redis.process})
        self._inputs = make_inputs(16)
        self._ids: list[str] = []

    async def watch(self, name: str, work: Coroutine[Any, Any, None]) -> Stage:
        """Run a stage; return its row."""
        begin = time.perf_counter()
        highest_mb = await self._meter.find_highest_mb(work)
        return Stage(name, time.perf_counter() - begin, highest_mb, _measure_disk_mb(self._directory))

    async def submit(self, jobs: int) -> None:
        """Submit inputs until `jobs` are accepted in total."""
        left = iter(range(len(self._ids), jobs))

        async def submit_some(connection: Connection) -> None:
            for number in left:
                body = self._inputs[number % len(self._inputs)]
                self._ids.append((await submit(connection, body, path=MODEL_PATH))["inference_id"])

        async with open_connections("127.0.0.1", self._port, CLIENTS) as clients:
            await asyncio.gather(*map(submit_some, clients))

    async def idle(self) -> None:
        """Start a worker, wait and stop it, so that its memory without a job is known."""
        worker = await self._start_worker()
        await asyncio.sleep(IDLE_S)
        del self._meter.parts["worker"]
        await asyncio.to_thread(worker.process.stop)

    async def drain(self) -> None:
        """Start a worker; return when it has stored a result for each job."""
        worker = await self._start_worker()
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            while await asyncio.to_thread(worker.metric, "inference_results_total") < len(self._ids):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)

    async def _start_worker(self) -> Service:
        worker = self._deployment.worker()
        await asyncio.to_thread(worker.wait_until_ready)
        self._meter.parts["worker"] = worker.process
        return worker

    async def count_succeeded(self) -> int:
        """Fetch the result of each job; return the number that succeeded."""
        left = iter(self._ids)

        async def count_some(connection: Connection) -> int:
            path = f"{MODEL_PATH}/result"
            statuses = [(await fetch(connection, inference_id, path=path))["status"] for inference_id in left]
            return statuses.count("succeeded")

        async with open_connections("127.0.0.1", self._port, CLIENTS) as clients:
            return sum(await asyncio.gather(*map(count_some, clients)))


def measure(scratch: Path, stages: Sequence[int] = STAGES) -> tuple[list[Stage], dict[str, str]]:
    """Return a row for each stage, and the environment.

    Raises:
        RuntimeError: a job did not succeed.
    """
    with (
        closing(RabbitMQ(scratch / "rabbitmq", config=_read_bounds())) as rabbitmq,
        closing(RedisServer(scratch / "redis")) as redis,
    ):
        rabbitmq.start()
        redis.start()
        with deploy(scratch, rabbitmq, redis, LARGE) as deployment:
            api = deployment.api().wait_until_ready()
            rows = asyncio.run(_measure(Backlog(deployment, api, rabbitmq, redis), stages))
        return rows, environment({"RabbitMQ": rabbitmq.version(), "Redis": redis.version()})


async def _measure(backlog: Backlog, stages: Sequence[int]) -> list[Stage]:
    works = {
        "no job": backlog.idle(),
        **{f"until {jobs:,} jobs wait": backlog.submit(jobs) for jobs in stages},
        "they wait": asyncio.sleep(IDLE_S),
        "a worker takes them": backlog.drain(),
        "no job any more": asyncio.sleep(IDLE_S),
    }
    rows = [await backlog.watch(name, work) for name, work in tqdm(works.items(), desc="stages", unit="stage")]
    succeeded = await backlog.count_succeeded()
    if succeeded != stages[-1]:
        raise RuntimeError(f"{succeeded} of {stages[-1]} jobs succeeded")
    return rows


def _read_bounds() -> str:
    """Return the lines of rabbitmq.conf with which the chart bounds RabbitMQ's memory."""
    values = yaml.safe_load((ROOT / "charts/mnist-inference/values.yaml").read_text())["rabbitmq"]
    return (
        f"vm_memory_high_watermark.absolute = {values['memoryHighWatermark']}\n"
        f"raft.wal_max_size_bytes = {values['walMaxBytes']}\n"
    )


def _measure_disk_mb(directory: Path) -> float:
    return sum(_read_sizes(directory)) / MB


def _read_sizes(directory: Path) -> Iterator[int]:
    for path in directory.rglob("*"):
        try:
            yield path.stat().st_size
        except FileNotFoundError:  # RabbitMQ removes a file once all its messages are acknowledged
            continue


def render_table(rows: Sequence[Stage]) -> str:
    """Return the rows as a Markdown table."""
    head = ["stage", "seconds", *(f"{part}, MB" for part in PARTS), "RabbitMQ's files, MB"]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    for row in rows:
        memory = [f"{row.highest_mb[part]:,.0f}" if part in row.highest_mb else "" for part in PARTS]
        cells = [row.name, f"{row.duration_s:.0f}", *memory, f"{row.disk_mb:,.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
