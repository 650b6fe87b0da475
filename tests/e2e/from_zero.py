"""Figures of starts from zero, and of two workers that share: a run writes them, docs/scaling.md shows them."""

import time
from typing import Any

from tests.e2e.conftest import OUTPUT
from tests.e2e.figures import open_figures
from tests.support.deployment import ROOT

RECORDED = OUTPUT / "from-zero.json"
"""The figures of runs in the cluster."""
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


def write(name: str, source: str, figure: object) -> None:
    """Add the figure of a source to the recorded figures."""
    with open_figures(RECORDED) as recorded:
        recorded.setdefault(name, {})[source] = figure
        recorded["measured"] = time.strftime("%Y-%m-%d")


def render_section(recorded: dict[str, Any]) -> str:
    """Return the section of docs/scaling.md."""
    rows = "".join(_render_row(_ROWS[name], recorded[name]) for name in _ROWS)
    return f"{_HEAD}{rows}\nMeasured on {recorded['measured']}.\n\n"


def _render_row(text: str, by_source: dict[str, Any]) -> str:
    return f"| {text} | {_render_cell(by_source['queue'])} | {_render_cell(by_source['wait'])} |\n"


def _render_cell(figure: Any) -> str:
    return ", ".join(f"{one:g}" for one in figure) if isinstance(figure, list) else f"{figure:g}"
