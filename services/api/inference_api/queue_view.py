"""Estimates a job's place in its queue and the time to its result, without a record of any job."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Any, NamedTuple

#: Seconds between two samples that are kept.
INTERVAL_S = 0.5
#: Most samples: an hour of them. The place of an older job is unknown.
MAX_SAMPLES = 7_200


#: Newest samples from which the workers' throughput follows: six seconds.
NEWEST = 13


class Sample(NamedTuple):
    """A look at the queue.

    Attributes:
        at_s: seconds since 1970.
        ready: jobs that waited.
        results: results until then, since this process started.
        workers: workers that consumed.
    """

    at_s: float
    ready: int
    results: int
    workers: int

    @property
    def arrived(self) -> int:
        """Jobs that had come by then, since this process started, and those that waited at its start."""
        return self.ready + self.results


class QueueView:
    """Estimates from the depth of the queue and the number of results; every API process sees the same.

    The queue is first in, first out, and an id says when it was issued. So a job's place is the number of jobs that
    had arrived by then, minus those that have left since. Jobs that a worker holds count as gone.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._results = 0
        self._last: Sample | None = None
        self._per_worker_s = 0.0

    @property
    def workers(self) -> int | None:
        """How many workers consume the queue, None if unknown."""
        return None if self._last is None else self._last.workers

    def look(self, now_s: float, ready: int, workers: int) -> None:
        """Take in how many jobs wait now, and how many workers consume them."""
        self._last = Sample(now_s, ready, self._results, workers)
        if not self._samples or now_s - self._samples[-1].at_s >= INTERVAL_S:
            self._samples.append(self._last)
            newest = list(islice(reversed(self._samples), NEWEST))[::-1]
            self._per_worker_s = throughput_of(newest) or self._per_worker_s

    def count(self, results: int) -> None:
        """Count results that were stored just now."""
        self._results += results

    def describe(self, issued_s: float) -> dict[str, Any]:
        """Return `position`, `eta_s` and `workers` of a job that has no result, each only if it is known.

        Args:
            issued_s: when its id was issued, seconds since 1970.
        """
        if self._last is None:
            return {}
        position, rate = self._position(issued_s, self._last.ready), self._per_worker_s * self._last.workers
        known = {} if position is None else {"position": position}
        eta = {"eta_s": round(position / rate, 1)} if position is not None and rate else {}
        return {**known, **eta, "workers": self._last.workers}

    def _position(self, issued_s: float, ready: int) -> int | None:
        # Not from a look before the job came: the number would go up with the next look.
        after = bisect_left(self._samples, (issued_s,))
        if not 0 < after < len(self._samples):
            return None
        one, other = self._samples[after - 1], self._samples[after]
        share = (issued_s - one.at_s) / (other.at_s - one.at_s)
        arrived = one.arrived + share * (other.arrived - one.arrived)
        return max(0, min(round(arrived) - self._results, ready))


def throughput_of(samples: Sequence[Sample]) -> float:
    """Return the results per second of one worker while jobs waited; 0 if unknown."""
    busy = [(one, other) for one, other in pairwise(samples) if one.ready and other.ready]
    worker_s = sum(one.workers * (other.at_s - one.at_s) for one, other in busy)
    return sum(other.results - one.results for one, other in busy) / worker_s if worker_s else 0.0
