"""A worker says how much it holds and how fast it is."""

import pytest

from inference_worker.sizing import BatchSizing
from tests.support.models import HANGS, EchoModel, FaultyModel
from tests.support.waiting import until, until_found
from tests.unit.worker.bench import Bench


def test_a_worker_that_has_run_nothing_knows_no_throughput() -> None:
    sizing = BatchSizing(64, max_held=1_000)

    assert (sizing.throughput, sizing.solo_throughput) == (None, None)


def test_the_throughput_is_of_the_largest_batch_that_was_measured() -> None:
    sizing = BatchSizing(64, max_held=1_000)
    for size in (1, 2, 4):
        sizing.observe(size, 0.5)

    assert (sizing.throughput, sizing.solo_throughput) == (8.0, 2.0)


def test_the_throughput_is_of_batches_as_large_as_pay() -> None:
    sizing = BatchSizing(64, max_held=1_000)
    for size in (1, 2, 8, 64):
        sizing.observe(size, 0.5 * size)

    assert sizing.throughput == 2.0


@pytest.fixture
def model() -> EchoModel:
    return FaultyModel()


@pytest.fixture(autouse=True)
def _reports_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_worker.reporting.REPORT_INTERVAL_S", 0.01)


async def until_jobs_in_work(bench: Bench, expected: int) -> None:
    async def says_so() -> bool:
        return [report.jobs_in_work for report in await bench.store.reports()] == [expected]

    await until_found(says_so)


async def test_a_worker_says_how_many_jobs_it_holds(bench: Bench, model: FaultyModel) -> None:
    await until_jobs_in_work(bench, 0)

    await bench.publish(HANGS, *[1] * 11)

    await until_jobs_in_work(bench, 12)
    model.released.set()
    await until_jobs_in_work(bench, 0)


async def test_a_job_that_a_draining_worker_finishes_needs_no_other_one(bench: Bench, model: FaultyModel) -> None:
    await bench.publish(HANGS)
    await until_jobs_in_work(bench, 1)

    bench.stop.set()

    await until_jobs_in_work(bench, 0)
    assert not bench.working.done()
    model.released.set()


async def test_a_store_that_is_away_gets_the_report_later(bench: Bench) -> None:
    bench.store.takes_no_reports = True
    await until(lambda: bench.store.refused_reports > 2)

    bench.store.takes_no_reports = False

    await until_jobs_in_work(bench, 0)
