"""How soon the first worker comes, how often, and how two share: written by a run, read for docs."""

import json
import time
from pathlib import Path
from typing import Any

from tests.e2e.conftest import OUTPUT
from tests.support.deployment import ROOT

RECORDED = OUTPUT / "from-zero.json"
"""What runs in the cluster have left."""
FIGURES = ROOT / "docs/from_zero.json"

_HEAD = """
## The first worker, and the last

| with | `queue` | `wait` |
| --- | ---: | ---: |
"""
_ROWS = {
    "first_worker_s": "five bursts on a system without a worker, each: seconds to the first worker that is asked for",
    "light_starts": "a job every 20 s for 5 minutes, `cooldownPeriod` 60: starts from zero",
    "share": "40 jobs of 4 s on a system without a worker, two GPUs: jobs that each worker did",
}


def write(name: str, source: str, figure: object, path: Path = RECORDED) -> None:
    """Leave a figure that was taken with a source beside what was left before."""
    recorded = json.loads(path.read_text()) if path.exists() else {}
    recorded.setdefault(name, {})[source] = figure
    recorded["measured"] = time.strftime("%Y-%m-%d")
    path.write_text(json.dumps(recorded) + "\n")


def section(recorded: dict[str, Any]) -> str:
    """Return what docs/scaling.md says about it."""
    rows = "".join(_row(_ROWS[name], recorded[name]) for name in _ROWS)
    return f"{_HEAD}{rows}\nMeasured on {recorded['measured']}.\n\n"


def _row(text: str, by_source: dict[str, Any]) -> str:
    return f"| {text} | {_cell(by_source['queue'])} | {_cell(by_source['wait'])} |\n"


def _cell(figure: Any) -> str:
    return ", ".join(f"{one:g}" for one in figure) if isinstance(figure, list) else f"{figure:g}"
