"""Pictures of the report, as SVG."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from chaos.soak import Sample
from tests.support.drawing import BLUE, GREY, HEIGHT_IN, ORANGE, STYLE, WIDTH_IN, save


def draw_overload(overload: dict[str, Any], path: Path) -> None:
    """Draw what becomes of each offered rate, and how long it takes."""
    steps = overload["steps"]
    offered = [step["multiple"] for step in steps]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        rates, times = figure.subplots(1, 2)
        rates.plot(offered, [step["accepted_per_s"] for step in steps], "o-", color=BLUE, label="accepted")
        rates.plot(offered, [step["refused_per_s"] for step in steps], "o-", color=ORANGE, label="refused")
        rates.axhline(overload["capacity_per_s"], color=GREY, linestyle=":", label="capacity")
        rates.set(title="submissions per second", xlabel="offered, as a multiple of the capacity", ylim=(0, None))
        results = [step["result_p99_s"] * 1000 for step in steps]
        refused = [step for step in steps if step["refused_per_s"]]
        refusals = [step["refusal_p99_ms"] for step in refused]
        times.plot(offered, results, "o-", color=BLUE, label="accepted: until its result")
        times.plot(
            [step["multiple"] for step in refused], refusals, "o-", color=ORANGE, label="refused: until it says so"
        )
        times.set(title="99th percentile, ms", xlabel="offered, as a multiple of the capacity", yscale="log")
        for axes in (rates, times):
            axes.legend()
        save(figure, path)


def draw_soak(samples: Sequence[Sample], path: Path) -> None:
    """Draw the memory of every process over time."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        axes = figure.subplots()
        for name in dict.fromkeys(sample.process for sample in samples):
            own = [sample for sample in samples if sample.process == name]
            axes.plot([sample.at_s / 60 for sample in own], [sample.memory_mib for sample in own], label=name)
        axes.set(title="resident memory, MiB", xlabel="minutes under load", ylim=(0, None))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        save(figure, path)
