"""Draws runs of the model and recordings as SVG. The same figures give the same file. It needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cluster import Run, Sample

#: Most points of a curve, besides each change of workers.
MAX_POINTS = 2000
COLOURS = {"queue": "#c05621", "wait": "#2b6cb0"}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "keda",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.grid": True,
    "grid.color": "#e2e8f0",
    "legend.frameon": False,
}


class Curve(NamedTuple):
    """A run with one source, and its recording, which may be empty; the time axis begins at `start_s`."""

    source: str
    run: Run
    recorded: Sequence[Sample]
    start_s: float


def draw(path: Path, curves: Sequence[Curve]) -> None:
    """Draw workers and jobs over time. Beside a recording, the model is dashed; alone, it also shows its waits."""
    import matplotlib
    from matplotlib.figure import Figure

    is_compared = any(curve.recorded for curve in curves)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 7), layout="constrained")
        panels = figure.subplots(3 if is_compared else 4, 1, sharex=True)
        for curve in curves:
            if is_compared:
                _draw_samples(panels, curve, curve.recorded, f"{curve.source}, recorded", "-")
            _draw_samples(panels, curve, curve.run.samples, f"{curve.source}, simulated", "--" if is_compared else "-")
            if not is_compared:
                _draw_waits(panels[3], curve)
        titles = ("workers asked for", "workers ready", "jobs without a result", "wait by arrival, s")
        for axes, title in zip(panels, titles, strict=False):
            axes.set(title=title, ylim=(0, None))
        for axes in panels[:2]:
            axes.yaxis.get_major_locator().set_params(integer=True)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
        panels[-1].set_xlabel("seconds after the first job" if is_compared else "seconds")
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_samples(panels: Sequence[Any], curve: Curve, samples: Sequence[Sample], name: str, style: str) -> None:
    thinned = _thin_out(samples)
    seconds = [sample.s - curve.start_s for sample in thinned]
    for axes, of in zip(panels, ("replicas", "ready", "messages"), strict=False):
        counts = [getattr(sample, of) for sample in thinned]
        axes.step(seconds, counts, style, where="post", color=COLOURS[curve.source], label=name)


def _draw_waits(axes: Any, curve: Curve) -> None:
    waits = sorted(curve.run.waits)[:: max(1, len(curve.run.waits) // MAX_POINTS)]
    axes.plot([at_s for at_s, _ in waits], [s for _, s in waits], ".", markersize=2, color=COLOURS[curve.source])


def _thin_out(samples: Sequence[Sample]) -> list[Sample]:
    every = max(1, len(samples) // MAX_POINTS)
    pairs = zip([samples[0], *samples], samples, strict=False)
    return [new for n, (old, new) in enumerate(pairs) if n % every == 0 or old[1:3] != new[1:3]]
