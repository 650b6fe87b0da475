"""Compares this system with servers that keep requests in memory, and with Celery.

`make bench ARGS='peers --rounds 3 --docs'` writes docs/evidence/performance.md. The figures stay in performance.json
beside it, so that `--deep`, which is measured alone, adds its table.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import deep, drawings, rounds, sampling
from benchmarks.bars import compute_bars, compute_deep_bars, render_bars
from benchmarks.peers.installation import install_peers, read_versions
from benchmarks.report import describe_machine
from benchmarks.rounds import BARE, CELERY, CLIENTS, OURS, Loads
from benchmarks.subjects import DOCUMENTS
from tests.support.deployment import ROOT
from tests.support.environment import environment
from tests.support.servers import running_servers

DROPPED = Path(__file__).with_name("dropped.md")
SERVERS = (OURS, "mosec", "LitServe", CELERY)
Evidence = dict[str, Any]


def measure(folder: Path, round_count: int) -> Iterator[Evidence]:
    """Yield the figures after each round, with those of `deep` that the folder has."""
    python = install_peers(ROOT / "build" / "peers")
    where, profile = environment(_find_versions()) | read_versions(), sampling.profile(python)
    measured: list[dict[str, Loads]] = []
    for figures in rounds.measure(python, round_count):
        measured.append(figures)
        medians = rounds.take_medians(measured)
        common = {"rounds": len(measured), "where": where, "profile": profile, "deep": read(folder).get("deep")}
        yield common | {"medians": medians}


def _find_versions() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder, running_servers(Path(folder)) as (rabbitmq, redis):
        return {"RabbitMQ": rabbitmq.version(), "Redis": redis.version()}


def measure_deep(folder: Path, jobs: int) -> Iterator[Evidence]:
    """Measure jobs that wait; yield the figures that the folder has, with these."""
    yield read(folder) | {"deep": deep.measure(jobs)}


def read(folder: Path) -> Evidence:
    """Return the figures in a folder; none if there is no file."""
    file = folder / "performance.json"
    evidence: Evidence = json.loads(file.read_text()) if file.exists() else {}
    return evidence


def write(folder: Path, evidence: Evidence) -> None:
    """Write the figures, and the page and the pictures if the rounds were measured."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "performance.json").write_text(json.dumps(evidence, indent=1) + "\n")
    if "medians" in evidence:
        (folder / "performance.md").write_text(render(evidence))
        draw(folder, evidence)


def draw(folder: Path, evidence: Evidence) -> None:
    """Draw the pictures of the page."""
    medians = evidence["medians"]
    drawings.draw_throughput(medians, folder / "throughput.svg")
    drawings.draw_latency(medians, folder / "latency.svg")
    drawings.draw_cpu(medians, folder / "cpu.svg")
    steps = {name.replace("_", " "): spent for name, spent in medians[BARE]["loop"]["steps_ms"].items()}
    drawings.draw_shares("a photograph of 640x480 by step", "CPU-ms", steps, folder / "steps.svg")
    shares = {name: 100 * share for name, share in evidence["profile"].items()}
    drawings.draw_shares("the API's time by package, 128 clients", "% of its CPU time", shares, folder / "profile.svg")


def render(evidence: Evidence) -> str:
    """Return the page, in Markdown; without rounds, the table of waiting jobs."""
    if "medians" not in evidence:
        return deep.render_deep(evidence["deep"])
    medians, waiting = evidence["medians"], evidence["deep"]
    bare = medians[BARE]["loop"]
    count = evidence["rounds"]
    rounds_text = f"medians of {count} interleaved rounds" if count > 1 else "one round"
    head = f"Written by `make bench ARGS='peers --rounds {count} --docs'`: {rounds_text}."
    deep_table = deep.render_deep(waiting) if waiting else "Not measured.\n"
    return PAGE.format(
        head=head,
        bars=render_bars([*compute_bars(medians), *compute_deep_bars(waiting)]),
        servers=render_servers(medians),
        forward=f"{medians[OURS]['128 clients']['forward_ms']:.2f}",
        worker=f"{medians[OURS]['128 clients']['cpu_ms_per_job']['worker']:.2f}",
        bare_rate=f"{bare['jobs_per_s']:,.0f}",
        mosec_share=f"{medians['mosec']['128 clients']['jobs_per_s'] / bare['jobs_per_s']:.0%}",
        bare_prepare=f"{bare['prepare_ms']:.2f}",
        bare_forward=f"{bare['forward_ms']:.2f}",
        total=f"{sum(bare['steps_ms'].values()):.1f}",
        right=f"{bare['right']['digits']:.0%}",
        plain_right=f"{bare['right']['plain']:.0%}",
        document_bytes=len(DOCUMENTS.example),
        deep=deep_table,
        dropped=DROPPED.read_text(),
        machine=describe_machine(evidence["where"]),
    )


def render_servers(medians: Mapping[str, Loads]) -> str:
    """Return the figures of every server side by side, in Markdown."""
    lines = [f"| | {' | '.join(SERVERS)} |", "| --- |" + " --: |" * len(SERVERS)]
    for title, load, key in list_rows():
        cells = [_render_figure(medians[name].get(load, {}).get(key)) for name in SERVERS]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def list_rows() -> list[tuple[str, str, str]]:
    """Return the title of each row, and the load and the figure that it shows."""
    return [
        *((f"jobs/s, {n} client{'s' * (n > 1)}", f"{n} clients", "jobs_per_s") for n in CLIENTS),
        ("p50 ms, 1 client", "1 clients", "p50_ms"),
        ("p50 ms, 32 clients", "32 clients", "p50_ms"),
        ("p99 ms, 32 clients", "32 clients", "p99_ms"),
        ("p50 ms, 50 jobs/s", "50 jobs/s", "p50_ms"),
        ("p99 ms, 50 jobs/s", "50 jobs/s", "p99_ms"),
        ("a model that costs nothing: answers/s", "nothing", "jobs_per_s"),
        ("a model that costs nothing: submits/s", "submits", "jobs_per_s"),
        ("a JSON model that costs nothing: answers/s", "documents", "jobs_per_s"),
        ("photographs/s, 32 clients", "photographs, 32", "jobs_per_s"),
        ("p50 ms, one photograph alone", "photographs, 1", "p50_ms"),
        ("p99 ms, a 28x28 PNG beside 8 clients with photographs", "beside photographs", "p99_ms"),
    ]


def _render_figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


PAGE = """\
# Performance

{head}

mosec and LitServe keep a request in memory while its client waits; a restart loses it. Celery's worker takes tasks from
RabbitMQ, and its results go to Redis; a small FastAPI sends a task and waits. This system writes each job to RabbitMQ's
disk before the model sees it, and each result to Redis's disk before the client does.

## Bars

A figure "against" a server is this system's figure divided by that server's, from the same run.

{bars}
How workers share, and a device's idle time, are in [sharing](../sharing.md).

## Side by side

{servers}
Every server has one process with the model and one thread for matrix products, and the same weights and preparation;
clients send a PNG of 28x28 pixels and wait in the same call for the probabilities. Batches hold at most 64; each peer
waits for a batch to fill as long as was best for it. In the rows of photographs, mosec decodes plainly: grey, less the
blurred paper, cut to the ink and scaled. Of these photographs, with a slope of light, a shadow and noise, it reads
{plain_right} right, and this system's preparation {right}; they have neither ruled lines nor frames. A model that costs
nothing takes 784 bytes, the one of JSON a document of {document_bytes} bytes; "submits" are calls that are answered 202
at once.

![Throughput against clients](throughput.svg)

![Latency against load](latency.svg)

The highest rate of each server is 0.9 of its own throughput with 128 clients.

## CPU by process

![CPU-ms per job by process](cpu.svg)

With 128 clients, {forward} of the worker's {worker} ms are the forward pass, by the clock of its thread. In one process
without any server, batches of 64 run at {bare_rate} jobs/s: {bare_prepare} ms for the preparation of a PNG and
{bare_forward} ms for its share of a forward pass. mosec reaches {mosec_share} of this rate with 128 clients: its model
has a process of its own, and its web server is written in Rust.

## A photograph by step

![What a photograph costs by step](steps.svg)

Medians of 60 photographs of 640x480 pixels, JPEG, in one thread; {total} ms in total.

## Profile of the API

![The API's CPU time by package](profile.svg)

py-spy took the API's stack 250 times a second for 8 s, with 128 clients. A sample counts for the innermost frame that
is in one of the packages. Compiled code and system calls count for the Python frame that called them.

## A million jobs that wait

{deep}
`make bench ARGS='peers --deep --docs'` measures this table alone. No worker runs; `INFERENCE_QUEUE_MAX_LENGTH` is twice
the number of jobs, and 64 clients send inputs of 784 bytes. The memory is the highest of samples taken every second.
The bars compare the medians of the first and the last quarter of 20 stages, because single stages scatter.

{dropped}
## Conditions

{machine} All processes, and the clients, share these cores.
"""
