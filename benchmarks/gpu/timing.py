"""The time of a call on a GPU that is warm."""

import time
from collections.abc import Callable
from statistics import median

REPEATS = 50


def time_ms(call: Callable[[], object]) -> float:
    """Return the median milliseconds of a call that waits for the GPU, without the first calls."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1000)
    return median(times[REPEATS // 5 :])
