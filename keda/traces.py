"""Reads a trace of arrivals, (second, jobs) in order, from a CSV file, or builds one. Nothing is random.

Jobs of a built-in trace arrive one by one at uneven distances, so that they do not keep step with KEDA's polls.
"""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from cluster import Arrivals
from rules import DAY_S

#: The fractional parts of its multiples fill an interval evenly, without a rhythm.
GOLDEN_RATIO = (1 + math.sqrt(5)) / 2
SHAPES = ("burst", "steady", "office-day")


def read_arrivals(source: str, jobs: int | None) -> Arrivals:
    """Return a built-in trace, with `jobs` jobs if given, or the trace of a CSV file with lines `seconds,jobs`.

    Raises:
        ValueError: a line has another form, or is out of order; the message names it.
    """
    if source in SHAPES:
        return build_trace(source, jobs)
    arrivals: list[tuple[float, int]] = []
    with Path(source).open(newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            try:
                at_s, count = row
                arrivals.append((float(at_s), int(count)))
            except ValueError:
                raise ValueError(f"{source}, line {number} is {','.join(row)!r}, expected seconds,jobs") from None
    return check_arrivals(arrivals, source)


def check_arrivals(arrivals: Arrivals, source: str) -> Arrivals:
    """Return arrivals; raise ValueError if they have no job, or a time that is negative or out of order."""
    if not any(jobs for _, jobs in arrivals):
        raise ValueError(f"{source} has no job; give it at least one line with jobs")
    for (before_s, _), (after_s, jobs) in zip([(0.0, 0), *arrivals], arrivals, strict=False):
        if after_s < before_s or jobs < 0:
            raise ValueError(
                f"{source} has {after_s:g},{jobs} after second {before_s:g}; sort it, from 0 jobs at 0 s on"
            )
    return arrivals


def build_trace(name: str, jobs: int | None) -> Arrivals:
    """Return a built-in trace: 10 minutes with a burst of 10 s, an even hour, or a day with two peaks."""
    if name == "burst":
        return [*_spread([1] * 10, jobs or 20_000, start_s=10, step_s=1), (600, 0)]
    if name == "steady":
        return [*_spread([1] * 3600, jobs or 360_000, start_s=0, step_s=1), (3600, 0)]
    hours = [second / 3600 for second in range(0, DAY_S, 10)]
    rates = [_compute_hump(hour, 8, 12) + _compute_hump(hour, 13, 18) for hour in hours]
    return [*_spread(rates, jobs or 500_000, start_s=0, step_s=10), (DAY_S, 0)]


def _compute_hump(hour: float, start: float, end: float) -> float:
    return math.sin(math.pi * (hour - start) / (end - start)) ** 2 if start < hour < end else 0


def _spread(rates: Sequence[float], jobs: int, *, start_s: float, step_s: float) -> list[tuple[float, int]]:
    arrivals, reached, sent, whole = [], 0.0, 0, sum(rates)
    for step, rate in enumerate(rates):
        reached += rate
        due = round(jobs * reached / whole) - sent
        parts = sorted((sent + n) * GOLDEN_RATIO % 1 for n in range(due))
        arrivals += [(start_s + (step + part) * step_s, 1) for part in parts]
        sent += due
    return arrivals
