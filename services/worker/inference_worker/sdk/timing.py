"""Times a model at growing batch sizes."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch

from inference_worker.items import Item
from inference_worker.sdk.examples import example_body
from inference_worker.sdk.trial import Trial

#: A size is timed for this long, and at least MIN_RUNS times; a longer batch than MAX_BATCH_S is the last one.
MIN_S, MIN_RUNS, MAX_BATCH_S = 0.3, 3, 5.0


def time_batches(trial: Trial, max_batch_size: int) -> Iterator[tuple[int, float | None]]:
    """Yield sizes of a batch, 1, 2, 4 …, and its median time in seconds; the last may be very long, or None: failed."""
    [item] = trial.read([example_body(trial.spec)])
    size = 1
    while size <= max_batch_size and isinstance(item, Item):
        call = partial(trial.predict, [item] * size)
        batch_s = _median(call) if call() else None  # the first call of a size may also compile or allocate
        yield size, batch_s
        if batch_s is None or batch_s > MAX_BATCH_S:
            return
        size *= 2


def time_reading(trial: Trial) -> float:
    """Return the median time to read one input in a thread, seconds."""
    return _median(partial(trial.read, [example_body(trial.spec)]))


def peak_memory() -> str:
    """Return the most memory that the process, and the GPU if it uses one, have held."""
    per_unit = 1 if sys.platform == "darwin" else 1_024  # the unit of ru_maxrss differs
    process = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * per_unit / 2**30
    if not torch.cuda.is_initialized():
        return f"{process:.2f} GiB"
    return f"{process:.2f} GiB, on the GPU {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB"


def _median(call: Callable[[], object]) -> float:
    times: list[float] = []
    while len(times) < MIN_RUNS or sum(times) < MIN_S:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
        if times[-1] > MAX_BATCH_S:
            break
    return statistics.median(times)
