"""What each worker says of itself, so that the number of workers can follow: how much it holds, and how fast it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_POOL = "default"
#: How often a worker reports.
REPORT_INTERVAL_S = 0.5
#: A worker that has been silent for longer holds nothing that anybody knows of.
FRESH_S = 5.0
#: What a silent worker measured is kept until another one of its pool reports, from this age on.
FORGET_S = 60.0
#: What the last worker measured is kept for so long.
KEEP_S = 30 * 86_400
_FIELDS = ("pool", "jobs_in_work", "throughput", "solo_throughput")


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What one worker says of itself.

    Attributes:
        pool: the workers that are scaled together with it.
        jobs_in_work: jobs and suspects that it holds.
        throughput: jobs per second that it does with batches as large as pay; None before it has measured one.
        solo_throughput: jobs per second that it does one by one; None before it has measured one.
        age_s: seconds since it said so, as the store knows them.
    """

    pool: str
    jobs_in_work: int
    throughput: float | None
    solo_throughput: float | None
    age_s: float = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether the worker that said so is still there."""
        return self.age_s <= FRESH_S


def to_json(report: WorkerReport) -> str:
    """Return a report as a JSON object, without its age."""
    return json.dumps({name: getattr(report, name) for name in _FIELDS})


def from_object(report: Mapping[str, Any], *, age_s: float) -> WorkerReport:
    """Return the report that `to_json` made, also when a later version has added to it."""
    return WorkerReport(**{name: report[name] for name in _FIELDS}, age_s=age_s)
