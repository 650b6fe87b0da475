"""Starts from zero, with each source of KEDA's figure: how fast, how often, and how two workers share."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import from_zero, release
from tests.e2e.repeating import keep_repeating
from tests.e2e.system import System
from tests.e2e.traffic import assert_answered_right, submit
from tests.support.waiting import wait_for

BURSTS = 5
BURST_JOBS = 10
#: Most seconds, with the API's figure, from a burst until KEDA asks for the first worker.
FIRST_WORKER_S = 2.5
LIGHT_JOBS = 15
LIGHT_PAUSE_S = 20.0
LIGHT_COOLDOWN_S = 60
SHARED_JOBS = 40
SHARED_SECONDS_PER_JOB = 4.0
MOST_OF_ONE = 0.6


@pytest.fixture(params=release.SOURCES)
def source(request: pytest.FixtureRequest, system: System) -> Iterator[str]:
    """A source of the figure; the chart's default is installed again at the end."""
    release.install(*release.SOURCES[request.param])
    system.wait_until_idle()
    yield str(request.param)
    release.install()


def test_a_burst_brings_the_first_worker(source: str, system: System) -> None:
    release.set_seconds_per_job(0)
    took = [_measure_first_worker(system) for _ in range(BURSTS)]

    from_zero.write("first_worker_s", source, took)
    assert source == "queue" or max(took) <= FIRST_WORKER_S, took


def test_light_traffic_keeps_its_worker(source: str, system: System) -> None:
    release.set_seconds_per_job(0)
    release.install(*release.SOURCES[source], "--set", f"autoscaling.cooldownPeriod={LIGHT_COOLDOWN_S}")
    system.wait_until_idle()
    seen: list[int] = []
    with keep_repeating(lambda: seen.append(system.count_wanted_workers()), every_s=0.5):
        jobs = [job for _ in range(LIGHT_JOBS) for job in _submit_and_pause()]
    starts = sum(before == 0 < after for before, after in zip([0, *seen], seen, strict=False))

    from_zero.write("light_starts", source, starts)
    assert_answered_right(jobs)
    assert source == "queue" or starts == 1


def test_two_workers_share_a_burst_of_slow_jobs(source: str, system: System) -> None:
    release.set_seconds_per_job(SHARED_SECONDS_PER_JOB)

    jobs = submit(SHARED_JOBS)
    assert_answered_right(jobs)

    wait_for("every result is counted", lambda: sum(_read_counts(system)) >= SHARED_JOBS, 30)
    counts = _read_counts(system)
    from_zero.write("share", source, counts)
    assert sum(counts) == SHARED_JOBS
    assert max(counts) <= MOST_OF_ONE * SHARED_JOBS, counts


def _measure_first_worker(system: System) -> float:
    system.wait_until_idle()
    started = time.monotonic()
    jobs = submit(BURST_JOBS)
    wait_for("a worker that is asked for", system.count_wanted_workers, 60, every_s=0.1)
    took = time.monotonic() - started
    assert_answered_right(jobs)
    return round(took, 2)


def _submit_and_pause() -> list[Any]:
    started = time.monotonic()
    jobs = submit(1)
    time.sleep(LIGHT_PAUSE_S - (time.monotonic() - started))
    return jobs


def _read_counts(system: System) -> list[float]:
    return sorted(system.sum_metric(pod, "inference_results_total") for pod in system.list_started_workers())
