"""Measures the submit rate and the API's memory while a million jobs come to wait without a worker."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.contenders import deploy
from benchmarks.jobs import submit
from benchmarks.loads import open_connections
from benchmarks.memory import MemoryMeter
from benchmarks.subjects import NOTHING
from tests.support.client import Connection
from tests.support.deployment import Service
from tests.support.servers import running_servers

JOBS, STAGES, CLIENTS, WARM_UP_JOBS = 1_000_000, 20, 64, 5_000
PATH = f"/models/{NOTHING.spec.name}"


def measure(jobs: int = JOBS) -> dict[str, Any]:
    """Return the submit rate and the API's highest memory of each stage; each stage submits as many jobs."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_servers(Path(folder)) as (rabbitmq, redis),
        deploy(Path(folder), rabbitmq, redis, NOTHING, INFERENCE_QUEUE_MAX_LENGTH=str(2 * jobs)) as system,
    ):
        return {"stages": asyncio.run(_submit_all(system.api().wait_until_ready(), jobs))}


async def _submit_all(api: Service, jobs: int) -> list[dict[str, float]]:
    meter, port = MemoryMeter({"API": api.process}), int(api.url.rpartition(":")[2])
    stages = []
    async with open_connections("127.0.0.1", port, CLIENTS) as clients:
        await _submit(clients, WARM_UP_JOBS)
        for number in tqdm(range(1, STAGES + 1), desc="deep", unit="stage"):
            begin = time.perf_counter()
            highest = await meter.find_highest_mb(_submit(clients, jobs // STAGES))
            rate = jobs / STAGES / (time.perf_counter() - begin)
            stages.append({"jobs": jobs * number // STAGES, "jobs_per_s": rate, "api_mb": highest["API"]})
    return stages


async def _submit(clients: list[Connection], jobs: int) -> None:
    left = iter(range(jobs))

    async def submit_some(connection: Connection) -> None:
        for _ in left:
            await submit(connection, NOTHING.example, path=PATH)

    await asyncio.gather(*map(submit_some, clients))


def render_deep(deep: dict[str, Any]) -> str:
    """Return every fifth stage as a Markdown table, and the first."""
    lines = ["| jobs that wait | submits/s | API memory, MB |", "| --: | --: | --: |"]
    stages = deep["stages"]
    shown = [stages[0], *stages[4::5]]
    lines += [f"| {one['jobs']:,} | {one['jobs_per_s']:,.0f} | {one['api_mb']:.0f} |" for one in shown]
    return "\n".join(lines) + "\n"
