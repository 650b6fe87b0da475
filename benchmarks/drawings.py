"""Draws the figures of the comparison, as SVG."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.rounds import BARE, CELERY, CLIENTS, EVEN_RATE, FRACTIONS, OURS, Loads
from tests.support.drawing import BLUE, GREEN, GREY, HEIGHT_IN, ORANGE, STYLE, WIDTH_IN, save

COLOURS = {OURS: BLUE, "mosec": ORANGE, "LitServe": GREEN, CELERY: GREY}
#: Processes from left to right; a peer without parts is one.
PARTS = {"API": BLUE, "worker": ORANGE, "RabbitMQ": GREEN, "Redis": GREY}
ONE_PART = "#553c9a"


def draw_throughput(medians: Mapping[str, Loads], path: Path) -> None:
    """Draw jobs/s against the number of clients."""
    with mpl.rc_context(STYLE):
        figure, axes = _begin()
        for name, colour in COLOURS.items():
            rates = [medians[name][f"{clients} clients"]["jobs_per_s"] for clients in CLIENTS]
            axes.plot(CLIENTS, rates, "o-", color=colour, label=name)
        axes.axhline(
            medians[BARE]["loop"]["jobs_per_s"], color="black", linestyle=":", label="the model without a server"
        )
        axes.set(title="jobs/s, 28x28 PNG", xlabel="clients in a closed loop", xscale="log", ylim=(0, None))
        axes.set_xticks(CLIENTS, [str(clients) for clients in CLIENTS], minor=False)
        _end(figure, axes, path)


def draw_latency(medians: Mapping[str, Loads], path: Path) -> None:
    """Draw the median and the 99th percentile of the latency against the rate of Poisson arrivals."""
    loads = [f"{EVEN_RATE} jobs/s", *(f"load {fraction:g}" for fraction in FRACTIONS)]
    with mpl.rc_context(STYLE):
        figure, axes = _begin()
        for name, colour in COLOURS.items():
            points = sorted(
                (one["jobs_per_s"], one["p50_ms"], one["p99_ms"]) for one in (medians[name][load] for load in loads)
            )
            rates, middles, worst = zip(*points, strict=True)
            axes.plot(rates, worst, "o-", color=colour, label=f"{name}, p99")
            axes.plot(rates, middles, "o:", color=colour, label=f"{name}, p50")
        axes.set(title="latency, ms", xlabel="jobs/s, Poisson arrivals", yscale="log")
        _end(figure, axes, path)


def draw_cpu(medians: Mapping[str, Loads], path: Path) -> None:
    """Draw the CPU-ms per job of each server by process, with 128 clients."""
    with mpl.rc_context(STYLE):
        figure, axes = _begin()
        for name in COLOURS:
            cpu, left = medians[name]["128 clients"]["cpu_ms_per_job"], 0.0
            for part in (part for part in cpu if part != "load generator"):
                axes.barh(name, cpu[part], left=left, color=PARTS.get(part, ONE_PART))
                left += cpu[part]
        for part, colour in (PARTS | {"all in one": ONE_PART}).items():
            axes.barh(OURS, 0, color=colour, label=part)
        bare = medians[BARE]["loop"]
        axes.axvline(bare["prepare_ms"] + bare["forward_ms"], color="black", linestyle=":", label="the model alone")
        axes.set(title="CPU-ms per job, 128 clients", xlabel="ms")
        axes.invert_yaxis()
        _end(figure, axes, path)


def draw_shares(title: str, unit: str, shares: Mapping[str, float], path: Path) -> None:
    """Draw a bar for each name, from the top in their order."""
    with mpl.rc_context(STYLE):
        figure, axes = _begin()
        axes.barh(list(shares), list(shares.values()), color=BLUE)
        axes.set(title=title, xlabel=unit)
        axes.invert_yaxis()
        save(figure, path)


def _begin() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    axes = figure.subplots()
    axes.set_axisbelow(True)
    return figure, axes


def _end(figure: Figure, axes: Axes, path: Path) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)
