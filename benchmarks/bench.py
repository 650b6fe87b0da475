"""Measures one API process and one worker in front of a real RabbitMQ and Redis, all on this machine.

`make bench` runs it; `make bench ARGS=--docs` also writes docs/benchmarks.md. It sends to 127.0.0.1 only, takes about
two minutes, and ends its own processes.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from tqdm import tqdm

from benchmarks import comparison, large, photographs, share
from benchmarks.cpu import CpuMeter
from benchmarks.jobs import Waiting
from benchmarks.loads import Measurement, open_connections, run_closed_loop, run_poisson, submit_then_drain
from benchmarks.pictures import make_pictures
from benchmarks.report import Row, describe_machine, render_table
from tests.support.deployment import ROOT, Deployment
from tests.support.environment import environment
from tests.support.servers import running_servers

HOST = "127.0.0.1"
LOADS = 10


async def run_loads(port: int, duration_s: float, jobs: int) -> AsyncIterator[Measurement]:
    """Run the loads one after the other."""
    supply = make_pictures()
    for count, waiting in (
        (1, Waiting.PREFER),
        (32, Waiting.PREFER),
        (128, Waiting.PREFER),
        (1, Waiting.LONG_POLL),
        (32, Waiting.LONG_POLL),
        (128, Waiting.LONG_POLL),
        (32, Waiting.POLL),
    ):
        async with open_connections(HOST, port, count) as clients:
            yield await run_closed_loop(clients, supply, waiting=waiting, duration_s=duration_s)
    async with open_connections(HOST, port, 64) as clients:
        yield await run_poisson(clients, supply, rate_per_s=50, duration_s=duration_s)
        async for measurement in submit_then_drain(clients, supply, jobs=jobs):
            yield measurement


async def measure_loads(port: int, meter: CpuMeter, *, duration_s: float, jobs: int) -> list[Row]:
    """Run every load; return a row for each."""
    rows: list[Row] = []
    before = meter.read_s()
    with tqdm(total=LOADS, desc="loads", unit="load") as progress:
        async for measurement in run_loads(port, duration_s, jobs):
            after = meter.read_s()
            rows.append(Row(measurement, {name: after[name] - before[name] for name in after}))
            before = after
            progress.update()
    return rows


def main() -> None:
    """Start the system, measure it, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=("loads", "share", "large", "peers", "photographs"),
        default="loads",
        help="share: how workers share; large: inputs of 150 KB; peers: beside mosec, LitServe and Celery; "
        "photographs: with more API processes and threads",
    )
    parser.add_argument("--rounds", type=int, default=1, help="of all but `loads`; the median counts")
    parser.add_argument("--peers", action="store_true", help="measure mosec and LitServe too, with `large`")
    parser.add_argument("--duration-s", type=float, default=8, help="length of each timed load")
    parser.add_argument("--jobs", type=int, default=5_000, help="jobs of submit-then-drain")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json", help="where the JSON goes")
    parser.add_argument("--docs", action="store_true", help="write the page in docs too")
    parser.add_argument(
        "--deep", type=int, nargs="?", const=1_000_000, help="of `peers`: measure so many waiting jobs alone"
    )
    options = parser.parse_args()
    if options.what == "share":
        measure_sharing(options.rounds, writes_docs=options.docs)
        return
    if options.what == "large":
        measure_large(options.rounds, options.duration_s, has_peers=options.peers, writes_docs=options.docs)
        return
    if options.what == "photographs":
        measure_photographs(options.rounds, writes_docs=options.docs)
        return
    if options.what == "peers":
        compare(options.rounds, options.deep, writes_docs=options.docs)
        return
    with tempfile.TemporaryDirectory() as scratch:
        rows, where = measure(Path(scratch), options.duration_s, options.jobs)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps({"environment": where, "loads": [row.compute_figures() for row in rows]}, indent=2)
    )
    print(render_table(rows, where))
    if options.docs:
        page = ROOT / "docs" / "benchmarks.md"
        page.write_text(f"# Benchmarks\n\nWritten by `make bench ARGS=--docs`.\n\n{render_table(rows, where)}\n")


def measure_sharing(rounds: int, *, writes_docs: bool) -> None:
    """Print how workers share, and write docs/sharing.md."""
    with tempfile.TemporaryDirectory() as scratch:
        table = share.render_table(share.measure(Path(scratch), rounds))
    print(table)
    if writes_docs:
        head = f"# How workers share\n\nWritten by `make bench ARGS='share --rounds {rounds} --docs'`: medians.\n"
        (ROOT / "docs" / "sharing.md").write_text(
            f"{head}\n{table}\n{share.NOTES}\n{describe_machine(environment({}))}\n"
        )


def measure_large(rounds: int, duration_s: float, *, has_peers: bool, writes_docs: bool) -> None:
    """Print the figures of large inputs, and write docs/large.md."""
    page = large.measure(rounds, duration_s, has_peers=has_peers)
    print(page)
    if writes_docs:
        command = f"make bench ARGS='large{' --peers' * has_peers} --rounds {rounds} --docs'"
        (ROOT / "docs" / "large.md").write_text(f"# Large inputs\n\nWritten by `{command}`: medians.\n\n{page}\n")


def measure_photographs(rounds: int, *, writes_docs: bool) -> None:
    """Print the figures of photographs, and write docs/photographs.md."""
    page = photographs.measure(rounds)
    print(page)
    if writes_docs:
        head = f"# Photographs\n\nWritten by `make bench ARGS='photographs --rounds {rounds} --docs'`: medians.\n"
        (ROOT / "docs" / "photographs.md").write_text(f"{head}\n{page}\n")


def compare(rounds: int, deep_jobs: int | None, *, writes_docs: bool) -> None:
    """Print this system's figures beside its peers', and write docs/evidence/performance.md."""
    folder = ROOT / "docs" / "evidence" if writes_docs else ROOT / "build" / "evidence"
    found = comparison.measure_deep(folder, deep_jobs) if deep_jobs else comparison.measure(folder, rounds)
    for evidence in found:  # after each round, so that a run that is interrupted leaves what it has
        comparison.write(folder, evidence)
    print(comparison.render(comparison.read(folder)))


def measure(scratch: Path, duration_s: float, jobs: int) -> tuple[list[Row], dict[str, str]]:
    """Run every load against a new system; return the figures and the environment."""
    with running_servers(scratch) as (rabbitmq, redis):
        with Deployment(scratch, amqp_url=rabbitmq.url, redis_url=redis.url) as system:
            api, worker = system.api(), system.worker()
            api.wait_until_ready()
            worker.wait_until_ready()
            parts = {"API": api.process, "worker": worker.process, "RabbitMQ": rabbitmq.process, "Redis": redis.process}
            port = int(api.url.rpartition(":")[2])
            rows = asyncio.run(measure_loads(port, CpuMeter(parts), duration_s=duration_s, jobs=jobs))
        return rows, environment({"RabbitMQ": rabbitmq.version(), "Redis": redis.version()})


if __name__ == "__main__":
    main()
