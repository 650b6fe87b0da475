"""Reports of workers for autoscaling: how many jobs each holds, and its throughput."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_POOL = "default"
#: Seconds between two reports of a worker.
REPORT_INTERVAL_S = 0.5
#: A worker with an older report counts as gone.
FRESH_S = 5.0
#: A report older than this is deleted when another worker of the pool reports.
FORGET_S = 60.0
#: The last report of a pool is kept for this time.
KEEP_S = 30 * 86_400
_FIELDS = ("pool", "jobs_in_work", "throughput", "solo_throughput")


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """One worker's report.

    Attributes:
        pool: the workers that scale together with it.
        jobs_in_work: jobs and suspects that it holds.
        throughput: jobs per second with large batches; None before the first measurement.
        solo_throughput: jobs per second with batches of one; None before the first measurement.
        age_s: seconds since the report, by the clock of the store.
    """

    pool: str
    jobs_in_work: int
    throughput: float | None
    solo_throughput: float | None
    age_s: float = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether the worker still runs, as far as known."""
        return self.age_s <= FRESH_S


def to_json(report: WorkerReport) -> str:
    """Return a report as a JSON object, without its age."""
    return json.dumps({name: getattr(report, name) for name in _FIELDS})


def from_object(report: Mapping[str, Any], *, age_s: float) -> WorkerReport:
    """Return the report that `to_json` wrote; fields of later versions are ignored."""
    return WorkerReport(**{name: report[name] for name in _FIELDS}, age_s=age_s)
