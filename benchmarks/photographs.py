"""Measures photographs with one or two API processes, and one or two threads that prepare them in each."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from tqdm import tqdm

from benchmarks.closed import run_and_read
from benchmarks.cpu import CpuMeter
from benchmarks.jobs import run_job
from benchmarks.loads import open_connections
from benchmarks.pictures import draw_photographs
from benchmarks.report import Row, describe_machine
from benchmarks.rounds import PHOTOGRAPHS, Figures, take_medians
from tests.support.deployment import Deployment, Service
from tests.support.environment import environment
from tests.support.servers import running_servers

#: The number of API processes, and of threads that prepare uploads in each.
CASES = ((1, 1), (1, 2), (2, 1), (2, 2))
CLIENTS, DURATION_S = 32, 4.0
NOTES = f"""
{CLIENTS} clients in a closed loop send JPEG files of 640x480 pixels, each to its own API process, and wait in the same
call. One worker runs the model. CPU ms are of all API processes, per photograph.
[Decision 24](decisions/0024-replicas-prepare-photographs.md) says what follows.
"""


def measure(rounds: int) -> str:
    """Return the page: the medians of each case, and the machine."""
    figures = take_medians(list(_measure_rounds(rounds)))
    lines = ["| API processes | threads in each | photographs/s | p50 ms | p99 ms | API CPU ms |"]
    lines.append("|" + " --: |" * 6)
    for (processes, threads), one in figures.items():
        cells = [one["jobs_per_s"], one["p50_ms"], one["p99_ms"], one["cpu_ms_per_job"]["API"]]
        lines.append(f"| {processes} | {threads} | {' | '.join(f'{cell:.1f}' for cell in cells)} |")
    table = "\n".join(lines)
    return f"{table}\n{NOTES}\n{describe_machine(environment({}))}"


def _measure_rounds(rounds: int) -> Iterator[dict[tuple[int, int], Figures]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_servers(Path(folder)) as (rabbitmq, redis),
        Deployment(Path(folder), amqp_url=rabbitmq.url, redis_url=redis.url) as system,
        tqdm(total=rounds * len(CASES), desc="photographs", unit="case") as progress,
    ):
        system.worker().wait_until_ready()
        for _ in range(rounds):
            figures = {}
            for processes, threads in CASES:
                with _run_apis(system, processes, threads) as apis:
                    figures[processes, threads] = asyncio.run(_measure(apis))
                progress.update()
            yield figures


@contextmanager
def _run_apis(system: Deployment, processes: int, threads: int) -> Iterator[list[Service]]:
    apis = [system.api(INFERENCE_PREPARE_THREADS=str(threads)) for _ in range(processes)]
    try:
        yield [api.wait_until_ready() for api in apis]
    finally:
        for api in apis:
            api.process.stop()


async def _measure(apis: list[Service]) -> Figures:
    async with AsyncExitStack() as stack:
        clients = []
        for api in apis:
            port = int(api.url.rpartition(":")[2])
            clients += await stack.enter_async_context(open_connections("127.0.0.1", port, CLIENTS // len(apis)))
        parts = {api.url: api.process for api in apis}
        measured, before, after = await run_and_read(
            clients, draw_photographs(PHOTOGRAPHS), CpuMeter(parts).read_s, duration_s=DURATION_S, job=run_job
        )
    return Row(measured, {"API": sum(after[name] - before[name] for name in parts)}).compute_figures()
