"""The throughput of all workers, measured by the notifications of their results."""

import math
import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 10.0
MAX_RETRY_AFTER_S = 60
#: Without results, workers are about to start, or there are none.
IDLE_RETRY_AFTER_S = 10


class Throughput:
    """Results per second over the last ten seconds, of all workers together.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: deque[tuple[float, int]] = deque()
        self._total = 0
        self._last_s = -math.inf

    def add(self, result_count: int) -> None:
        """Count `result_count` results that were notified just now."""
        if not result_count:
            return
        self._last_s = self._clock()
        self._counts.append((self._last_s, result_count))
        self._total += result_count
        self._forget()

    def per_s(self) -> float:
        """Return results per second; 0 without results in the last ten seconds."""
        self._forget()
        if not self._counts:
            return 0.0
        return self._total / max(1.0, self._clock() - self._counts[0][0])

    def idle_s(self) -> float:
        """Return the seconds since the last result; infinity before the first."""
        return self._clock() - self._last_s

    def seconds_for(self, job_count: int) -> int:
        """Return the seconds that `job_count` jobs take at this rate, 1 to 60; 10 without results."""
        rate = self.per_s()
        return min(MAX_RETRY_AFTER_S, max(1, math.ceil(job_count / rate))) if rate else IDLE_RETRY_AFTER_S

    def _forget(self) -> None:
        oldest = self._clock() - WINDOW_S
        while self._counts and self._counts[0][0] < oldest:
            self._total -= self._counts.popleft()[1]
