"""How large a batch pays, and how many jobs a worker holds for it: learned from the batches as they run.

A batch of `size` jobs takes `a + b * size` seconds. Where `b` is all there is, a batch of one is as good as any, and
every job that a worker holds beyond it is kept from another. Where `a` is all there is, only large batches pay.
"""

import math
import statistics
from collections import deque
from dataclasses import dataclass

#: Of a model that was never timed a job may take minutes: nothing waits behind the first one.
FIRST_PREFETCH = 1
#: The smallest batch that reaches this share of the best throughput is large enough.
THROUGHPUT_SHARE = 0.95
#: Jobs that make such a batch longer by no more than this share of its time come along: they delay nobody.
FREE_SHARE = 0.05
#: Below this time a batch costs more on its way (a store call, an acknowledgement) than it gains others by being small.
SHORT_S = 0.02
#: While a batch runs for this long, the next one comes from the broker in time; no job has to wait here for its start.
LONG_S = 1.0
#: Of a long batch's time, how much may be spent to let the next one become full.
FILL_SHARE = 0.01
FILL_MAX_S = 0.05
#: No batch is larger than the largest one that was measured, times this.
GROWTH = 8
#: The first size after 1: what it costs beyond a batch of one tells `a` from `b`.
PROBE_SIZE = 2
#: After the first batches the line is fitted anew once in so many.
REFIT_EVERY = 16
#: One batch in so many is twice as large as it needs be.
TRIAL_EVERY = 64
#: Times that are kept of each size; their median forgives one slow batch.
TIMES_PER_SIZE = 5


@dataclass(frozen=True, slots=True)
class BatchTime:
    """The time of a batch, `fixed_s + per_job_s * size`, both 0 or more."""

    fixed_s: float
    per_job_s: float

    def of(self, size: int) -> float:
        """Return the seconds that a batch of `size` jobs takes."""
        return self.fixed_s + self.per_job_s * size

    def sufficient_size(self, max_batch_size: int) -> int:
        """Return the smallest size with `THROUGHPUT_SHARE` of the best throughput, and what costs next to nothing more.

        A batch that takes less than `SHORT_S` is not made smaller.
        """
        if not self.per_job_s:
            return max_batch_size
        most_s = self.of(max_batch_size)
        # size / (a + b * size) >= share * most / (a + b * most), solved for the size.
        spared_s = most_s - THROUGHPUT_SHARE * max_batch_size * self.per_job_s
        efficient = _round_up(THROUGHPUT_SHARE * max_batch_size * self.fixed_s / spared_s)
        free = int(FREE_SHARE * self.of(efficient) / self.per_job_s)
        short = _round_up((SHORT_S - self.fixed_s) / self.per_job_s)
        return min(max_batch_size, max(efficient + free, short))


class BatchSizing:
    """Batch size, prefetch and patience of one worker with one model.

    It starts with single jobs, tries a batch of two, and grows from there as far as that pays.

    Args:
        max_batch_size: largest batch, 1 or more.
    """

    def __init__(self, max_batch_size: int) -> None:
        self._max_batch_size = max_batch_size
        self._times_s: dict[int, deque[float]] = {}
        self._batch_time: BatchTime | None = None
        self._batch_count = 0
        self._is_growing = True
        self._size = 1
        self.batch_size = 1

    @property
    def prefetch(self) -> int:
        """Jobs that the worker holds: those that run, and those that it needs to stay busy until more can arrive."""
        batch_s = self._batch_s
        # What waits here while it grows would run in batches that are too small.
        if batch_s >= LONG_S or self._is_growing:
            return self.batch_size
        # Short batches follow each other faster than acknowledgements bring new jobs.
        return self._size * (3 if batch_s <= 5 * SHORT_S else 2)

    @property
    def throughput(self) -> float | None:
        """Jobs per second with batches as large as pay, as far as such were measured; None before the first batch."""
        if self._batch_time is None:
            return None
        size = min(self._size, max(self._times_s))
        return size / self._batch_time.of(size)

    @property
    def solo_throughput(self) -> float | None:
        """Jobs per second one by one; None before the first batch."""
        return None if self._batch_time is None else 1 / self._batch_time.of(1)

    @property
    def is_slow(self) -> bool:
        """Whether a batch takes so long that a job which waits here had better wait in the queue."""
        return LONG_S <= self._batch_s < math.inf

    @property
    def fill_s(self) -> float:
        """Seconds that a free device waits for a batch to become full, once there is something to run."""
        return min(FILL_MAX_S, FILL_SHARE * self._batch_s) if self.is_slow else 0.0

    def observe(self, size: int, batch_s: float) -> None:
        """Learn that a batch of `size` jobs took `batch_s` seconds."""
        self._times_s.setdefault(size, deque(maxlen=TIMES_PER_SIZE)).append(batch_s)
        self._batch_count += 1
        if self._batch_count <= REFIT_EVERY or self._batch_count % REFIT_EVERY == 0:
            self._refit()
        # A larger batch now and then: a slow one that was measured once may not decide for good.
        is_trial = self._batch_count % TRIAL_EVERY == 0
        self.batch_size = min(self._max_batch_size, self._size * (2 if is_trial else 1))

    def lower_ceiling(self, max_batch_size: int) -> None:
        """Let no batch be larger than this from now on."""
        self._max_batch_size = min(self._max_batch_size, max_batch_size)
        self._size = min(self._size, self._max_batch_size)
        self.batch_size = min(self.batch_size, self._max_batch_size)

    def _refit(self) -> None:
        medians = {size: statistics.median(times) for size, times in self._times_s.items()}
        self._batch_time = fit(medians)
        largest = max(medians)
        is_probing = largest < min(PROBE_SIZE, self._max_batch_size)
        wanted = PROBE_SIZE if is_probing else self._batch_time.sufficient_size(self._max_batch_size)
        self._size = min(wanted, GROWTH * largest)
        self._is_growing = is_probing or self._size < wanted

    @property
    def _batch_s(self) -> float:
        # Of a model that nobody has timed yet, a job may take minutes: nothing waits behind it.
        return math.inf if self._batch_time is None else self._batch_time.of(self._size)


def _round_up(size: float) -> int:
    return max(1, math.ceil(round(size, 6)))


def fit(times_s: dict[int, float]) -> BatchTime:
    """Return the line through the times of batches by their size: the median of the slopes (Theil and Sen)."""
    slopes = [
        (times_s[large] - times_s[small]) / (large - small)
        for small in times_s
        for large in times_s
        if large >= 2 * small
    ]
    if not slopes:  # sizes that are too close tell nothing: as if each job had its own time
        return BatchTime(0.0, statistics.median([batch_s / size for size, batch_s in times_s.items()]))
    per_job_s = max(0.0, statistics.median(slopes))
    return BatchTime(
        max(0.0, statistics.median([batch_s - per_job_s * size for size, batch_s in times_s.items()])), per_job_s
    )
