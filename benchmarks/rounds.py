"""Measures this system, its peers and the bare model one after the other, several rounds, and takes the medians."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

from benchmarks import bare
from benchmarks.closed import measure_closed
from benchmarks.contenders import PEERS, Contender, Start, run_celery, run_our_job, run_peer, run_this_system
from benchmarks.jobs import Waiting, submit
from benchmarks.loads import open_connections, run_closed_loop, run_poisson
from benchmarks.pictures import BOUNDARY, draw_photographs, make_pictures, wrap_in_form
from benchmarks.report import Row
from benchmarks.subjects import DIGITS, DOCUMENTS, NOTHING, PLAIN
from tests.support.client import Connection

OURS, CELERY, BARE = "this system", "Celery", "bare model"
CLIENTS = (1, 8, 32, 128)
DURATION_S, PHOTOGRAPHS = 2.5, 24
#: Seconds of 50 jobs/s, so that a 99th percentile stands on 300 jobs.
EVEN_S, EVEN_RATE = 6.0, 50
#: Of the server's own throughput with 128 clients.
FRACTIONS = (0.25, 0.5, 0.75, 0.9)
FORM = b"Content-Type: multipart/form-data; boundary=%b\r\n" % BOUNDARY

#: The figures of a load by its name; those of a server's loads; those of a round by server.
Figures = dict[str, Any]
Loads = dict[str, Figures]
Run = Callable[[Contender], Awaitable[Loads]]


async def run_digits(server: Contender) -> Loads:
    """Send small pictures: closed loops, then Poisson arrivals up to nearly all that the server can do."""
    pictures = make_pictures()
    closed = {
        f"{clients} clients": await measure_closed(server, pictures, clients=clients, duration_s=DURATION_S)
        for clients in CLIENTS
    }
    rates = [fraction * closed["128 clients"]["jobs_per_s"] for fraction in FRACTIONS]
    arrivals = {
        f"load {rate:g}": await _run_arrivals(server, r, DURATION_S) for rate, r in zip(FRACTIONS, rates, strict=True)
    }
    return closed | {"50 jobs/s": await _run_arrivals(server, EVEN_RATE, EVEN_S)} | arrivals


async def _run_arrivals(server: Contender, rate_per_s: float, duration_s: float) -> Figures:
    async with open_connections("127.0.0.1", server.port, 64) as clients:
        measured = await run_poisson(
            clients, make_pictures(), rate_per_s=rate_per_s, duration_s=duration_s, job=server.job
        )
    return Row(measured, {}).compute_figures()


async def run_all(server: Contender) -> Loads:
    """Send this system small pictures, forms and photographs."""
    return await run_digits(server) | await run_form(server) | await run_photographs(server) | await run_both(server)


async def run_form(server: Contender) -> Loads:
    """Send the small pictures as forms."""
    forms = [wrap_in_form(file) for file in make_pictures()]
    job = partial(run_our_job, path="/classify", headers=FORM)
    return {"form": await measure_closed(server, forms, clients=128, duration_s=DURATION_S, job=job)}


async def run_photographs(server: Contender) -> Loads:
    """Send photographs: 32 clients, and one alone."""
    files = draw_photographs(PHOTOGRAPHS)
    return {
        f"photographs, {clients}": await measure_closed(server, files, clients=clients, duration_s=DURATION_S)
        for clients in (32, 1)
    }


async def run_both(server: Contender) -> Loads:
    """Send small pictures one by one while 8 clients send photographs."""
    loop = partial(run_closed_loop, waiting=Waiting.PREFER, duration_s=DURATION_S, job=server.job)
    async with open_connections("127.0.0.1", server.port, 9) as clients:
        small, _ = await asyncio.gather(
            loop(clients[:1], make_pictures()), loop(clients[1:], draw_photographs(PHOTOGRAPHS))
        )
    return {"beside photographs": Row(small, {}).compute_figures()}


async def run_nothing(server: Contender) -> Loads:
    """Send inputs to a model that costs nothing, as fast as they are answered."""
    return {"nothing": await measure_closed(server, [NOTHING.example], clients=128, duration_s=DURATION_S)}


async def run_submits(server: Contender) -> Loads:
    """Send this system inputs to a model that costs nothing, as fast as they are answered, then as fast as accepted."""
    answered = await run_nothing(server)
    inputs = [NOTHING.example]
    accepted = await measure_closed(server, inputs, clients=128, duration_s=DURATION_S, job=_submit_nothing)
    return answered | {"submits": accepted}


async def run_documents(server: Contender) -> Loads:
    """Send this system JSON for a model that costs nothing, as fast as it is answered."""
    return {"documents": await measure_closed(server, [DOCUMENTS.example], clients=128, duration_s=DURATION_S)}


async def _submit_nothing(connection: Connection, body: bytes, waiting: Waiting) -> None:
    await submit(connection, body, path=f"/models/{NOTHING.spec.name}")


def plan(python: Path) -> list[tuple[str, Start, Run]]:
    """Return the servers of a round in their order, each with its loads; `python` has the peers."""
    starts: dict[str, Callable[..., Any]] = {
        OURS: run_this_system,
        **{name: partial(run_peer, name, python) for name in PEERS},
        CELERY: partial(run_celery, python),
    }
    return [
        *((name, partial(start, DIGITS), run_all if name == OURS else run_digits) for name, start in starts.items()),
        ("mosec", partial(starts["mosec"], PLAIN), run_photographs),
        *(
            (name, partial(start, NOTHING), run_submits if name == OURS else run_nothing)
            for name, start in starts.items()
        ),
        (OURS, partial(run_this_system, DOCUMENTS), run_documents),
    ]


def measure(python: Path, rounds: int) -> Iterator[dict[str, Loads]]:
    """Yield the figures of each round, by server and load."""
    steps = plan(python)
    with tqdm(total=rounds * (len(steps) + 1), desc="rounds", unit="server") as progress:
        for _ in range(rounds):
            figures: dict[str, Loads] = {BARE: {"loop": bare.measure()}}
            progress.update()
            for name, start, run in steps:
                with start() as server:
                    figures.setdefault(name, {}).update(asyncio.run(_run(run, server)))
                progress.update()
            yield figures


async def _run(run: Run, server: Contender) -> Loads:
    return await run(server)


def take_medians(rounds: Sequence[Any]) -> Any:
    """Return the median of each number in nested dictionaries of the same keys; other values are the first round's."""
    first = rounds[0]
    if isinstance(first, dict):
        return {key: take_medians([one[key] for one in rounds]) for key in first}
    return median(rounds) if isinstance(first, (int, float)) else first
