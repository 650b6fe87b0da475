"""Writes docs/scaling.md, its figures and its picture from the recordings of a run in build/e2e."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e import from_zero, leaders
from tests.e2e.conftest import OUTPUT
from tests.support.deployment import ROOT

SOURCES = ("queue", "wait")

_HEAD = """# From zero to N workers and back

`make e2e` measures and writes this page; the raw figures are in [scaling.json](scaling.json).

A kind cluster on one machine: a node for everything but the workers, a second node with two pretended GPUs. {jobs}
pictures are submitted at once to a system that has no worker. Each takes a worker {seconds_per_job:g} s. KEDA may
start three workers, so one finds no GPU and stays pending. No image is pulled and no node started; elsewhere those
come on top.
[keda/README.md](../keda/README.md#two-sources) says what the sources of KEDA's figure are, `queue` and `wait`.

![Workers and jobs over time](pictures/scaling.svg)

```
{comparison}
```

`after` counts from the burst. A worker is paid while it holds a GPU, starting and draining too, and idle while it runs
no job.

Measured on {measured}, Kubernetes {kubernetes}.

## The model beside it

`python keda/simulate.py --compare docs/scaling.json` gives [the model](../keda/README.md#the-model) the same settings,
the same arrivals, and the time that a worker took to start. It knows nothing of missing GPUs: its third worker works,
and is paid. Nobody knows how old KEDA's figure was, nor when KEDA last looked, nor the autoscaler, which does every
15 s: the model tries and gives the least and the most.
"""

_STEPS = """
## Time of each step

On {cpus} cores that ran everything, in seconds; a test's time includes the wait for an idle system before it,
the first one's all that stands above it. Images that were built before are not built again.

| step | s |
| --- | ---: |
"""


def main() -> None:
    """Write the page from the last run."""
    files = {source: OUTPUT / f"burst-{source}.json" for source in SOURCES}
    recordings = {source: json.loads(file.read_text()) for source, file in files.items()}
    for module in (from_zero, leaders):
        module.FIGURES.write_text(module.RECORDED.read_text())
    more = from_zero.render_section(json.loads(from_zero.FIGURES.read_text()))
    more += leaders.render_section(json.loads(leaders.FIGURES.read_text()))
    write(ROOT / "docs", recordings, json.loads((OUTPUT / "steps.json").read_text()), more)


def write(folder: Path, recordings: dict[str, Any], steps: dict[str, Any], more: str) -> None:
    """Write scaling.json, pictures/scaling.svg and scaling.md from a recording of each source, by its name.

    Args:
        folder: the folder to write into.
        recordings: of a burst with each source, from test_burst.py.
        steps: seconds of each step of the run, from conftest.py.
        more: the sections after the burst.
    """
    figures, picture = folder / "scaling.json", folder / "pictures/scaling.svg"
    figures.write_text(json.dumps(recordings) + "\n")
    command = [sys.executable, "keda/simulate.py", "--compare", str(figures), "--svg", str(picture)]
    model = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    about = {
        **next(iter(recordings.values())),
        "comparison": model.stdout.rpartition("\n\n")[2].rstrip(),
        "measured": " and ".join(sorted({recording["measured"] for recording in recordings.values()})),
        "kubernetes": steps["kubernetes"],
    }
    durations = "".join(
        f"| {name.removeprefix('test_').replace('_', ' ')} | {s:.0f} |\n" for name, s in steps["s"].items()
    )
    (folder / "scaling.md").write_text(_HEAD.format(**about) + more + _STEPS.format(cpus=steps["cpus"]) + durations)


if __name__ == "__main__":
    main()
