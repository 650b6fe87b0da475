"""Measures inputs of 150 KB: the throughput, beside other servers where asked, and the memory while 20,000 jobs wait.

`make bench ARGS=large` measures this system; with `--peers` it installs mosec and LitServe in build/peers and measures
them with the same model, clients and largest batch.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median_low
from typing import Any

from tqdm import tqdm

from benchmarks import backlog
from benchmarks.closed import measure_closed
from benchmarks.contenders import PEERS, Start, run_peer, run_this_system
from benchmarks.large_model import make_inputs
from benchmarks.peers.installation import install_peers, read_versions
from benchmarks.report import describe_machine
from benchmarks.subjects import LARGE
from tests.support.deployment import ROOT

CLIENTS = 32
GENERATOR = "load generator"
LOADS_NOTE = """\
32 clients in a closed loop, each with one call for each job; batches of at most 16, on the CPU, in one process with one
thread. CPU ms are per job. The peers hold a request in memory while its client waits, and a restart loses it. This
system writes each job to RabbitMQ's disk before the model sees it, and each result to Redis's disk before the client
does. Each peer has the batch delay with which it was fastest here.
"""
BACKLOG_NOTE = """\
The highest resident memory of each stage, sampled every second. 20,000 bodies of 150,528 bytes are 3 GB. A worker runs
in the first stage and in the last two; its start is part of the seconds. All results were fetched at the end, and all
jobs had succeeded.

The memory of each part has a bound that does not depend on the number of jobs that wait:

- **API**: bodies that arrive (`INFERENCE_MAX_BUFFERED_BYTES`) and bodies that RabbitMQ has not confirmed (64 MiB).
- **RabbitMQ**: bodies are on its disk. In memory it has those of the write-ahead log, about three times
  `rabbitmq.walMaxBytes`; at `rabbitmq.memoryHighWatermark` it blocks publishers, and `POST` is 503. The measured
  RabbitMQ has the chart's value of both.
- **RabbitMQ's disk**: a queue holds at most 4 GiB, so 28,532 of these jobs; more are refused with 503.
- **Redis**: results only, until their time to live.
- **worker**: the batches that it runs, and the jobs that it holds ahead, at most 256 MiB.
"""


def measure(rounds: int, duration_s: float, *, has_peers: bool) -> str:
    """Measure throughput and memory; return the tables with their notes, in Markdown."""
    starts: dict[str, Start] = {"this system": partial(run_this_system, LARGE)}
    if has_peers:
        python = install_peers(ROOT / "build" / "peers")
        starts |= {name: partial(run_peer, name, python, LARGE) for name in PEERS}
    loads = render_table(measure_loads(starts, rounds, duration_s))
    with tempfile.TemporaryDirectory() as scratch:
        stages, where = backlog.measure(Path(scratch))
    where |= read_versions() if has_peers else {}
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
    inputs = make_inputs(16)
    for name in tqdm([*starts] * rounds, desc="rounds", unit="server"):
        with starts[name]() as contender:
            measured[name].append(
                asyncio.run(measure_closed(contender, inputs, clients=CLIENTS, duration_s=duration_s))
            )
    return {name: find_median(figures) for name, figures in measured.items()}


def find_median(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the round whose throughput is the median."""
    middle = median_low(figures["jobs_per_s"] for figures in rounds)
    return next(figures for figures in rounds if figures["jobs_per_s"] == middle)


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
