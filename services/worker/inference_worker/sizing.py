"""Learns the best batch size, and how many jobs a worker should hold, from the measured time of its batches.

A batch of `size` jobs takes `a + b * size` seconds. If `a` is close to 0, a batch of one is as efficient as any, and
every further job that a worker holds could run sooner on another worker. If `b` is close to 0, large batches are best.
"""

import math
import statistics
from collections import deque
from dataclasses import dataclass

#: Before the first measurement a job may take minutes, so no other job waits behind it.
FIRST_PREFETCH = 1
#: A batch is large enough if it reaches this share of the best throughput.
THROUGHPUT_SHARE = 0.95
#: A batch takes more jobs as long as they add at most this share to its time.
FREE_SHARE = 0.05
#: In a shorter batch the overhead (a store call, an acknowledgement) costs more than a smaller size would gain.
SHORT_S = 0.02
#: During a batch of this time the next jobs arrive from the broker, so none has to wait in this worker.
LONG_S = 1.0
#: The share of a long batch's time for which the device may wait until the next batch is full.
FILL_SHARE = 0.01
FILL_MAX_S = 0.05
#: A batch is at most this many times larger than the largest measured batch.
GROWTH = 8
#: The first size after 1; the difference between the two times separates `a` from `b`.
PROBE_SIZE = 2
#: After the first batches, the number of batches between two fits of the line.
REFIT_EVERY = 16
#: The number of batches between two trials, which are twice as large as needed.
TRIAL_EVERY = 64
#: Times kept for each size; their median is robust against a single slow batch.
TIMES_PER_SIZE = 5
#: Most bytes of the inputs that a worker holds, running and waiting.
MAX_HELD_BYTES = 268_435_456


def most_held(max_body_bytes: int) -> int:
    """Return how many jobs with bodies of at most this many bytes a worker may hold; 1 or more."""
    return max(1, MAX_HELD_BYTES // max_body_bytes)


@dataclass(frozen=True, slots=True)
class BatchTime:
    """The time of a batch, `fixed_s + per_job_s * size`, both 0 or more."""

    fixed_s: float
    per_job_s: float

    def of(self, size: int) -> float:
        """Return the seconds that a batch of `size` jobs takes."""
        return self.fixed_s + self.per_job_s * size

    def sufficient_size(self, max_batch_size: int) -> int:
        """Return the smallest size with `THROUGHPUT_SHARE` of the best throughput, plus `FREE_SHARE` more time.

        A batch of less than `SHORT_S` is not made smaller.
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
    """The batch size and the prefetch of one worker with one model.

    It starts with single jobs, tries a batch of two, and then grows while the throughput grows.

    Args:
        max_batch_size: largest batch, 1 or more.
        max_held: most jobs that the worker may hold, 1 or more.
    """

    def __init__(self, max_batch_size: int, max_held: int) -> None:
        self._max_batch_size = min(max_batch_size, max_held)
        self._max_held = max_held
        self._times_s: dict[int, deque[float]] = {}
        self._batch_time: BatchTime | None = None
        self._batch_count = 0
        self._is_growing = True
        self._size = 1
        self.batch_size = 1

    @property
    def prefetch(self) -> int:
        """Jobs that the worker holds: running jobs, and enough waiting jobs to stay busy until more arrive."""
        batch_s = self._batch_s
        # While the batch size grows, waiting jobs would run in batches that are too small.
        if batch_s >= LONG_S or self._is_growing:
            return self.batch_size
        # Short batches end faster than new jobs arrive after an acknowledgement.
        return min(self._max_held, self._size * (3 if batch_s <= 5 * SHORT_S else 2))

    @property
    def throughput(self) -> float | None:
        """Jobs per second with the best batch size measured so far; None before the first batch."""
        if self._batch_time is None:
            return None
        size = min(self._size, max(self._times_s))
        return size / self._batch_time.of(size)

    @property
    def solo_throughput(self) -> float | None:
        """Jobs per second with batches of one; None before the first batch."""
        return None if self._batch_time is None else 1 / self._batch_time.of(1)

    @property
    def is_slow(self) -> bool:
        """Whether batches are so long that jobs should wait in the queue, not in this worker."""
        return LONG_S <= self._batch_s < math.inf

    @property
    def fill_s(self) -> float:
        """Seconds that a free device waits for a started batch to become full."""
        return min(FILL_MAX_S, FILL_SHARE * self._batch_s) if self.is_slow else 0.0

    def observe(self, size: int, batch_s: float) -> None:
        """Learn that a batch of `size` jobs took `batch_s` seconds."""
        self._times_s.setdefault(size, deque(maxlen=TIMES_PER_SIZE)).append(batch_s)
        self._batch_count += 1
        if self._batch_count <= REFIT_EVERY or self._batch_count % REFIT_EVERY == 0:
            self._refit()
        # A larger trial batch corrects a size that one slow measurement has made too small.
        is_trial = self._batch_count % TRIAL_EVERY == 0
        self.batch_size = min(self._max_batch_size, self._size * (2 if is_trial else 1))

    def lower_ceiling(self, max_batch_size: int) -> None:
        """Limit the batch size from now on."""
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
        # Before the first measurement a job may take minutes, so no other job waits behind it.
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
    if not slopes:  # sizes too close to compare: assume that the time is proportional to the size
        return BatchTime(0.0, statistics.median([batch_s / size for size, batch_s in times_s.items()]))
    per_job_s = max(0.0, statistics.median(slopes))
    return BatchTime(
        max(0.0, statistics.median([batch_s - per_job_s * size for size, batch_s in times_s.items()])), per_job_s
    )
