"""The bars that the medians of a run should reach, and whether they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.rounds import OURS, Loads

#: Photographs/s with 32 clients before their preparation was made faster: commit 68b9d9c, in turns with later code on a
#: machine with 2 cores, where another such machine had reached 20.8.
PHOTOGRAPHS_BEFORE = 24.3


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the table.

    Attributes:
        name: the figure, with its unit if it is not a ratio.
        measured: the figure.
        bar: the worst figure that is good enough.
        stretch: the figure that is hoped for, None where there is none.
        is_most: whether less is better.
    """

    name: str
    measured: float
    bar: float
    stretch: float | None
    is_most: bool = False

    @property
    def verdict(self) -> str:
        """The result in a word or three."""
        if self.stretch is not None and self._reaches(self.stretch):
            return "met, stretch too"
        return "met" if self._reaches(self.bar) else "**not met**"

    def _reaches(self, limit: float) -> bool:
        return self.measured <= limit if self.is_most else self.measured >= limit


def compute_bars(medians: dict[str, Loads]) -> list[Bar]:
    """Return every bar of a run."""
    ours = medians[OURS]

    def ratio(load: str, key: str, peer: str) -> float:
        return float(ours[load][key] / medians[peer][load][key])

    def cpu_ms(load: str, part: str) -> float:
        return float(ours[load]["cpu_ms_per_job"][part])

    photographs = ours["photographs, 32"]["jobs_per_s"]
    at_128, at_32, alone, even = "128 clients", "32 clients", "1 clients", "50 jobs/s"
    return [
        Bar("jobs/s, 128 clients, against mosec", ratio(at_128, "jobs_per_s", "mosec"), 1.2, 1.35),
        Bar("jobs/s, 32 clients, against mosec", ratio(at_32, "jobs_per_s", "mosec"), 0.95, 1.1),
        Bar("jobs/s, 128 clients, against LitServe", ratio(at_128, "jobs_per_s", "LitServe"), 1.7, 2),
        Bar("jobs/s, 128 clients, against Celery", ratio(at_128, "jobs_per_s", "Celery"), 12, 14),
        Bar("p50, 1 client, against mosec", ratio(alone, "p50_ms", "mosec"), 0.9, 0.8, is_most=True),
        Bar("p50, 1 client, against LitServe", ratio(alone, "p50_ms", "LitServe"), 1.1, 1.0, is_most=True),
        Bar("p99, 50 jobs/s, against mosec", ratio(even, "p99_ms", "mosec"), 1.1, 0.9, is_most=True),
        Bar("API CPU per job, raw, ms", cpu_ms(at_128, "API"), 0.35, 0.28, is_most=True),
        Bar("API CPU per job, form, ms", cpu_ms("form", "API"), 0.40, 0.33, is_most=True),
        Bar(
            "worker CPU per job outside the forward pass, ms",
            cpu_ms(at_128, "worker") - ours[at_128]["forward_ms"],
            0.12,
            0.08,
            is_most=True,
        ),
        Bar("submits/s, a model that costs nothing", ours["submits"]["jobs_per_s"], 2600, 3200),
        Bar("photographs/s, 32 clients, against before", photographs / PHOTOGRAPHS_BEFORE, 5, 8),
        Bar(
            "photographs/s, 32 clients, against mosec with a plain decode",
            ratio("photographs, 32", "jobs_per_s", "mosec"),
            0.23,
            0.4,
        ),
        Bar("p50 of one photograph alone, ms", ours["photographs, 1"]["p50_ms"], 20, None, is_most=True),
        Bar(
            "p99 of a 28x28 PNG beside 8 clients with photographs, ms",
            ours["beside photographs"]["p99_ms"],
            50,
            None,
            is_most=True,
        ),
    ]


def compute_deep_bars(deep: dict[str, Any] | None) -> list[Bar]:
    """Return the bars of many waiting jobs, last quarter against first; none if they were not measured."""
    if deep is None:
        return []
    stages = deep["stages"]
    count = max(1, len(stages) // 4)
    jobs = f"{stages[-1]['jobs']:,} jobs deep"

    def ratio(key: str) -> float:
        first, last = (median(stage[key] for stage in part) for part in (stages[:count], stages[-count:]))
        return float(last / first)

    return [
        Bar(f"submit rate, {jobs}, against the first quarter", ratio("jobs_per_s"), 0.9, None),
        Bar(f"API memory, {jobs}, against the first quarter", ratio("api_mb"), 1.1, None, is_most=True),
    ]


def render_bars(bars: Sequence[Bar]) -> str:
    """Return the bars as a Markdown table."""
    lines = ["| figure | measured | bar | stretch | |", "| --- | --: | --: | --: | --- |"]
    for bar in bars:
        sign = "≤" if bar.is_most else "≥"
        stretch = "" if bar.stretch is None else f"{sign} {bar.stretch:,g}"
        measured = f"{bar.measured:,.0f}" if bar.measured >= 100 else f"{bar.measured:.2f}"
        lines.append(f"| {bar.name} | {measured} | {sign} {bar.bar:,g} | {stretch} | {bar.verdict} |")
    return "\n".join(lines) + "\n"
