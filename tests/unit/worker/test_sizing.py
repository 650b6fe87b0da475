"""The size of batches follows from their times."""

from collections.abc import Callable

import pytest

from inference_worker.sizing import BatchSizing, BatchTime, fit, most_held

MAX_BATCH_SIZE = 64


def sizing_after(
    batch_time: Callable[[int], float], *, batches: int, max_batch_size: int = MAX_BATCH_SIZE
) -> BatchSizing:
    """Return the sizing of a worker after some batches under full load."""
    sizing = BatchSizing(max_batch_size, max_held=1_000)
    for _ in range(batches):
        sizing.observe(sizing.batch_size, batch_time(sizing.batch_size))
    return sizing


def test_nothing_waits_behind_the_first_job_of_a_model_that_was_never_timed() -> None:
    """The job may take minutes; another worker can take the next one."""
    sizing = BatchSizing(MAX_BATCH_SIZE, max_held=1_000)

    assert (sizing.batch_size, sizing.prefetch) == (1, 1)


@pytest.mark.parametrize(
    ("batch_time", "expected"),
    [
        pytest.param(BatchTime(0.0, 0.5), 1, id="each-job-takes-as-long"),
        pytest.param(BatchTime(0.05, 0.0), 64, id="only-the-call-takes-long"),
        pytest.param(BatchTime(0.05, 0.00001), 64, id="a-job-takes-next-to-nothing"),
        pytest.param(BatchTime(0.01, 0.01), 15, id="a-job-takes-as-long-as-the-call"),
        pytest.param(BatchTime(0.1, 0.01), 49, id="a-call-takes-ten-jobs"),
        pytest.param(BatchTime(0.0002, 0.0003), 64, id="a-fast-model"),
        pytest.param(BatchTime(0.0, 0.1), 1, id="each-job-takes-long"),
    ],
)
def test_the_smallest_batch_that_pays_is_large_enough(batch_time: BatchTime, expected: int) -> None:
    assert batch_time.sufficient_size(MAX_BATCH_SIZE) == expected


@pytest.mark.parametrize("fixed_s", [0.0, 0.001, 0.05, 2.0])
@pytest.mark.parametrize("per_job_s", [0.0003, 0.02, 1.0])
def test_a_size_that_is_found_has_95_percent_of_the_best_throughput(fixed_s: float, per_job_s: float) -> None:
    line = BatchTime(fixed_s, per_job_s)
    size = sizing_after(line.of, batches=12).batch_size

    assert size / line.of(size) >= 0.949 * MAX_BATCH_SIZE / line.of(MAX_BATCH_SIZE)


def test_a_model_whose_time_does_not_depend_on_the_batch_gets_large_ones_within_a_few_batches() -> None:
    """The size grows up to eightfold from one batch to the next."""
    assert sizing_after(BatchTime(0.05, 0).of, batches=4).batch_size == 64


def test_nothing_waits_in_a_worker_whose_batches_still_grow() -> None:
    sizing = sizing_after(BatchTime(0.05, 0).of, batches=2)

    assert sizing.prefetch == sizing.batch_size


def test_a_worker_whose_batches_are_large_enough_holds_the_next_ones() -> None:
    sizing = sizing_after(BatchTime(0.05, 0).of, batches=3)

    assert sizing.prefetch == 3 * sizing.batch_size


def test_a_model_that_takes_each_job_by_itself_gets_single_jobs_and_one_waits() -> None:
    """The next job is there when the device is free."""
    sizing = sizing_after(BatchTime(0, 0.5).of, batches=3)

    assert (sizing.batch_size, sizing.prefetch) == (1, 2)


def test_nothing_waits_behind_a_job_that_takes_minutes() -> None:
    sizing = sizing_after(BatchTime(0, 120).of, batches=3)

    assert (sizing.batch_size, sizing.prefetch) == (1, 1)


def test_the_next_batch_of_a_fast_model_is_ready_before_the_device_is() -> None:
    sizing = sizing_after(BatchTime(0.0002, 0.0003).of, batches=8)

    assert sizing.prefetch == 3 * sizing.batch_size


def test_one_slow_batch_does_not_change_the_size() -> None:
    sizing = sizing_after(BatchTime(0, 0.5).of, batches=10)
    sizing.observe(1, 30.0)
    sizing.observe(1, 0.5)

    assert sizing.batch_size == 1


def test_a_slow_second_batch_is_forgotten_in_time() -> None:
    sizing = BatchSizing(MAX_BATCH_SIZE, max_held=1_000)
    sizing.observe(1, 0.05)
    sizing.observe(2, 0.10)

    for _ in range(400):
        sizing.observe(sizing.batch_size, 0.05)

    assert sizing.batch_size >= 63


def test_no_batch_is_larger_than_the_ceiling() -> None:
    sizing = sizing_after(BatchTime(0.05, 0).of, batches=8)
    sizing.lower_ceiling(16)
    sizing.observe(16, 0.05)

    assert sizing.batch_size == 16


def test_a_worker_never_holds_more_than_it_may() -> None:
    sizing = BatchSizing(MAX_BATCH_SIZE, max_held=100)
    for _ in range(8):
        sizing.observe(sizing.batch_size, 0.05)

    assert (sizing.batch_size, sizing.prefetch) == (64, 100)


def test_a_batch_is_not_larger_than_what_a_worker_may_hold() -> None:
    sizing = BatchSizing(MAX_BATCH_SIZE, max_held=5)
    for _ in range(8):
        sizing.observe(sizing.batch_size, 0.05)

    assert (sizing.batch_size, sizing.prefetch) == (5, 5)


@pytest.mark.parametrize(("max_body_bytes", "expected"), [(8_388_608, 32), (268_435_456, 1), (268_435_457, 1)])
def test_what_a_worker_holds_has_at_most_256_mib(max_body_bytes: int, expected: int) -> None:
    assert most_held(max_body_bytes) == expected


def test_a_model_that_may_only_run_single_jobs_does_so() -> None:
    sizing = sizing_after(BatchTime(0.05, 0).of, batches=3, max_batch_size=1)

    assert (sizing.batch_size, sizing.prefetch) == (1, 3)


def test_a_line_is_found_through_times_of_which_one_is_wrong() -> None:
    times_s = {size: 0.02 + 0.001 * size for size in (1, 2, 4, 8, 16, 32)} | {8: 5.0}

    line = fit(times_s)

    assert line.fixed_s == pytest.approx(0.02, rel=0.01)
    assert line.per_job_s == pytest.approx(0.001, rel=0.01)
