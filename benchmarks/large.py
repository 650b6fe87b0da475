"""Measures inputs of 150 KB: the throughput, beside other servers where asked, and the memory while 20,000 jobs wait.

`make bench ARGS=large` measures this system; with `--peers` it installs mosec and LitServe in build/peers and measures
them with the same model, clients and largest batch.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import median_low
from typing import Any

from tqdm import tqdm

from benchmarks import backlog
from benchmarks.contenders import PEERS, Contender, run_peer, run_this_system
from benchmarks.cpu import CpuMeter
from benchmarks.jobs import Waiting
from benchmarks.large_model import make_inputs
from benchmarks.loads import WARM_UP_S, open_connections, run_closed_loop
from benchmarks.peers.installation import REQUIREMENTS, install_peers
from benchmarks.report import Row, describe_machine
from tests.support.deployment import ROOT

CLIENTS = 32
GENERATOR = "load generator"
LOADS_NOTE = """\
"""
BACKLOG_NOTE = """\
"""
Start = Callable[[], AbstractContextManager[Contender]]


def measure(rounds: int, duration_s: float, *, has_peers: bool) -> str:
    """Measure throughput and memory; return the tables with their notes, in Markdown."""
    starts: dict[str, Start] = {"this system": run_this_system}
    if has_peers:
        python = install_peers(ROOT / "build" / "peers")
        starts |= {name: partial(run_peer, name, python) for name in PEERS}
    loads = render_table(measure_loads(starts, rounds, duration_s))
    with tempfile.TemporaryDirectory() as scratch:
        stages, where = backlog.measure(Path(scratch))
    where |= dict(line.split("==") for line in REQUIREMENTS.read_text().split()) if has_peers else {}
    return "\n".join(
        [
            f"## Throughput\n\n{loads}\n{LOADS_NOTE}",
            f"## Memory\n\n{backlog.render_table(stages)}\n{BACKLOG_NOTE}",
            describe_machine(where),
        ]
    )


def measure_loads(starts: dict[str, Start], rounds: int, duration_s: float) -> dict[str, dict[str, Any]]:
    """Return the figures of each server's median round; a round measures one server after the other."""
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in starts}
    for name in tqdm([*starts] * rounds, desc="rounds", unit="server"):
        with starts[name]() as contender:
            measured[name].append(asyncio.run(measure_load(contender, duration_s)).compute_figures())
    return {name: find_median(figures) for name, figures in measured.items()}


def find_median(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the round whose throughput is the median."""
    middle = median_low(figures["jobs_per_s"] for figures in rounds)
    return next(figures for figures in rounds if figures["jobs_per_s"] == middle)


async def measure_load(contender: Contender, duration_s: float) -> Row:
    """Run the closed loop; return its latencies, and the CPU seconds after its warm-up."""
    meter = CpuMeter(contender.parts)
    async with open_connections("127.0.0.1", contender.port, CLIENTS) as clients:
        load = asyncio.create_task(
            run_closed_loop(clients, make_inputs(16), waiting=Waiting.PREFER, duration_s=duration_s, job=contender.job)
        )
        await asyncio.sleep(WARM_UP_S)
        before = meter.read_s()
        measurement = await load
    after = meter.read_s()
    return Row(measurement, {name: after[name] - before[name] for name in after})


def render_table(figures: dict[str, dict[str, Any]]) -> str:
    """Return the figures of each server as a Markdown table."""
    lines = [
        "| server | jobs/s | p50 ms | p99 ms | server CPU ms | of these | load generator CPU ms |",
        "| --- | --: | --: | --: | --: | --- | --: |",
    ]
    return "\n".join([*lines, *(render_line(name, row) for name, row in figures.items())]) + "\n"


def render_line(name: str, figures: dict[str, Any]) -> str:
    """Return a server's line."""
    cpu = dict(figures["cpu_ms_per_job"])
    generator = cpu.pop(GENERATOR)
    parts = ", ".join(f"{part} {spent:.2f}" for part, spent in cpu.items()) if len(cpu) > 1 else ""
    latency = f"{figures['p50_ms']:.1f} | {figures['p99_ms']:.1f}"
    return (
        f"| {name} | {figures['jobs_per_s']:,.0f} | {latency} | {sum(cpu.values()):.2f} | {parts} | {generator:.2f} |"
    )
