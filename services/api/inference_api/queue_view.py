"""Estimates a job's place in its queue and the time to its result, without a record of any job."""

from bisect import bisect_left
from collections import deque
from typing import Any, NamedTuple

#: Seconds between two samples that are kept.
INTERVAL_S = 0.5
#: Most samples: an hour of them. The place of an older job is unknown.
MAX_SAMPLES = 7_200


class Sample(NamedTuple):
    """A look at the queue.

    Attributes:
        at_s: seconds since 1970.
        arrived: jobs that had come since this process started, with those that waited then.
    """

    at_s: float
    arrived: int


class QueueView:
    """Estimates from the depth of the queue and the number of results; both are the same for every API process.

    The queue is first in, first out, and an id says when it was issued. So a job's place is the number of jobs that
    had arrived by then, without those that have left since. Jobs that a worker holds count as gone.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._results = 0
        self._ready = 0
        self._workers: int | None = None

    @property
    def workers(self) -> int | None:
        """How many workers consume the queue, None if unknown."""
        return self._workers

    def look(self, now_s: float, ready: int, workers: int) -> None:
        """Take in how many jobs wait now, and how many workers consume them."""
        self._ready, self._workers = ready, workers
        if not self._samples or now_s - self._samples[-1].at_s >= INTERVAL_S:
            self._samples.append(Sample(now_s, ready + self._results))

    def count(self, results: int) -> None:
        """Count results that were stored just now."""
        self._results += results

    def describe(self, issued_s: float, results_per_s: float) -> dict[str, Any]:
        """Return `position`, `eta_s` and `workers` of a job that has no result, each only if it is known.

        Args:
            issued_s: when its id was issued, seconds since 1970.
            results_per_s: of all workers together; 0 if unknown.
        """
        position = self._position(issued_s)
        is_moving = position is not None and self._workers and results_per_s > 0
        known = {
            "position": position,
            "eta_s": round((position or 0) / results_per_s, 1) if is_moving else None,
            "workers": self._workers,
        }
        return {name: value for name, value in known.items() if value is not None}

    def _position(self, issued_s: float) -> int | None:
        # Not from a look before the job came: the number would go up with the next look.
        after = bisect_left(self._samples, (issued_s,))
        if not 0 < after < len(self._samples):
            return None
        one, other = self._samples[after - 1], self._samples[after]
        share = (issued_s - one.at_s) / (other.at_s - one.at_s)
        arrived = one.arrived + share * (other.arrived - one.arrived)
        return max(0, min(round(arrived) - self._results, self._ready))
