"""Writes docs/scaling.md, its figures and its picture from what a run in the cluster has left in build/e2e."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.chaos.charts import BLUE, GREY, ORANGE, STYLE
from tests.deployment import ROOT
from tests.e2e.conftest import OUTPUT

FIGURES = ROOT / "docs/scaling.json"
PICTURE = ROOT / "docs/pictures/scaling.svg"
PAGE = ROOT / "docs/scaling.md"

_HEAD = """# From zero to N workers and back

This page is written by `make e2e`, from what that has seen; the raw figures are in [scaling.json](scaling.json).

A kind cluster on one machine: a node for everything but the workers, and one with two pretended GPUs. {jobs} pictures
are submitted at once to a system that has no worker. Each takes a worker {seconds_per_job:g} s. KEDA may start three
workers, so one finds no GPU and stays pending. No image is pulled and no node started; elsewhere those come on top.

![Workers and jobs over time](pictures/scaling.svg)

| from | to | seconds |
| --- | --- | ---: |
"""

_MODEL = """
## The model beside it

`python keda/simulate.py --compare docs/scaling.json` gives [the model](../keda/README.md) the same settings, the same
arrivals, and the time that a worker took to start. It knows nothing of missing GPUs. Nobody knows when the autoscaler
last looked, which it does every 15 s, nor when RabbitMQ last renewed its figure: the model tries and gives the least
and the most. It looks once a second, and KEDA's clock begins with its trace. What the cluster had left is read from
RabbitMQ's figure, so its end is seen late.

```
{comparison}
```
"""

_STEPS = """
## What each step took

On {cpus} cores that ran everything, in seconds; a test's time includes the wait for an idle system before it,
the first one's all that stands above it. Images that were built before are not built again.

| step | s |
| --- | ---: |
"""


def main() -> None:
    """Write the page."""
    recording = json.loads((OUTPUT / "burst.json").read_text())
    steps = json.loads((OUTPUT / "steps.json").read_text())
    FIGURES.write_text(json.dumps(recording) + "\n")
    _draw(recording, PICTURE)
    PAGE.write_text(_page(recording, steps))


def _page(recording: dict[str, Any], steps: dict[str, Any]) -> str:
    rows = "".join(f"| {start} | {end} | {seconds:.1f} |\n" for start, end, seconds in intervals(recording))
    model = subprocess.run(
        [sys.executable, "keda/simulate.py", "--compare", str(FIGURES)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    comparison = model.stdout.rpartition("\n\n")[2].rstrip()
    durations = "".join(
        f"| {name.removeprefix('test_').replace('_', ' ')} | {s:.0f} |\n" for name, s in steps["s"].items()
    )
    return (
        _HEAD.format(**recording)
        + rows
        + f"\nMeasured on {recording['measured']}, Kubernetes {steps['kubernetes']}.\n"
        + _MODEL.format(comparison=comparison)
        + _STEPS.format(cpus=steps["cpus"])
        + durations
    )


def intervals(recording: dict[str, Any]) -> list[tuple[str, str, float]]:
    """Return what happened when: from what to what, and how many seconds lay between."""
    marks, samples = recording["marks"], recording["samples"]
    most = max(sample["replicas"] for sample in samples)

    def first(name: str, count: int) -> float:
        return next(float(sample["s"]) for sample in samples if sample[name] >= count)

    return [
        ("the burst", "the first worker is asked for", first("replicas", 1) - marks["burst"]),
        ("the burst", "the first worker is ready", first("ready", 1) - marks["burst"]),
        ("the burst", "the first worker's first result", marks["first result"] - marks["burst"]),
        ("the burst", f"{most} workers are asked for", first("replicas", most) - marks["burst"]),
        ("the burst", "the last result", marks["last result"] - marks["burst"]),
        ("the last result", "no worker is asked for", _to_zero(recording)),
        ("the last result", "no worker is there", marks["no worker"] - marks["last result"]),
    ]


def _to_zero(recording: dict[str, Any]) -> float:
    done = recording["marks"]["last result"]
    return next(float(s["s"]) for s in recording["samples"] if s["s"] > done and not s["replicas"]) - float(done)


def _draw(recording: dict[str, Any], path: Path) -> None:
    samples, start = recording["samples"], recording["marks"]["burst"]
    seconds = [sample["s"] - start for sample in samples]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 4.6), layout="constrained")
        workers, jobs = figure.subplots(2, 1, sharex=True)
        workers.step(seconds, [s["replicas"] for s in samples], where="post", color=ORANGE, label="asked for")
        workers.step(seconds, [s["ready"] for s in samples], where="post", color=BLUE, label="ready")
        workers.set(title="workers", ylim=(0, None))
        workers.yaxis.get_major_locator().set_params(integer=True)
        jobs.plot(seconds, [s["pending"] for s in samples], color=BLUE, label="without a result")
        jobs.plot(seconds, [s["messages"] for s in samples], color=GREY, label="as RabbitMQ tells KEDA")
        jobs.set(title="jobs", xlabel="seconds after the burst", ylim=(0, None))
        for axes in (workers, jobs):
            axes.legend()
        figure.savefig(path, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
