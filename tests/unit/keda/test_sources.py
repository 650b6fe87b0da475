"""With `autoscaling.source: wait` the model asks for the workers that the API asks for."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.keda.scripts import chart_values, cluster, rules, settings, simulate

#: Two jobs a second, so that little work keeps workers busy; each worker is to have five seconds of it.
SLOW: dict[str, Any] = {"source": "wait", "throughput": 2, "guess": 2, "target_wait_s": 5, "prefetch": 3}


def run(arrivals: Sequence[tuple[float, int]], made: Any) -> Any:
    return cluster.simulate(arrivals, made)


def first_asked_s(result: Any) -> float:
    return next(float(sample.s) for sample in result.samples if sample.replicas)


def starts(result: Any) -> int:
    return sum(old.replicas == 0 < new.replicas for old, new in itertools.pairwise(result.samples))


@pytest.mark.parametrize(("jobs", "wanted"), [(100, 1), (101, 2), (300, 3)])
def test_so_many_workers_are_wanted_that_no_job_waits_longer(jobs: int, wanted: int) -> None:
    assert rules.count_workers_in_time(jobs, 10, 10, is_recent=False) == wanted


def test_a_rounding_error_is_worth_no_worker() -> None:
    assert rules.count_workers_in_time(21, 0.7, 10, is_recent=False) == 3


def test_no_more_workers_are_wanted_than_there_are_jobs() -> None:
    assert rules.count_workers_in_time(3, 0.01, 10, is_recent=False) == 3


@pytest.mark.parametrize(("is_recent", "wanted"), [(False, 0), (True, 1)])
def test_without_a_job_one_worker_is_wanted_after_a_recent_result_only(is_recent: bool, wanted: int) -> None:
    assert rules.count_workers_in_time(0, 10, 10, is_recent=is_recent) == wanted


def test_the_autoscaler_takes_the_figure_for_workers() -> None:
    autoscaler = rules.Autoscaler(settings("scale-to-zero", "wait", max_replicas=9))

    assert autoscaler.sync(7, replicas=1, now_s=15) == 7


def test_the_chart_is_believed_until_a_worker_has_worked_and_then_the_worker() -> None:
    made = settings(**SLOW | {"throughput": 1, "min_replicas": 1})
    pool = cluster.Pool(made)
    pool.accept(0, 40)
    before = cluster.read_figure(pool, made, 0)
    pool.work(1)
    pool.work(2)

    assert (before, cluster.read_figure(pool, made, 2)) == (4, 8)


def test_what_a_worker_does_stays_known_when_all_are_gone() -> None:
    made = settings(**SLOW | {"throughput": 1, "min_replicas": 1})
    pool = cluster.Pool(made)
    pool.accept(0, 1)
    pool.work(0)
    pool.work(1)
    pool.scale(0, 1)
    pool.work(2)
    pool.accept(1000, 40)

    assert (pool.workers, cluster.read_figure(pool, made, 1000)) == ([], 8)


@pytest.mark.parametrize(("now_s", "figure"), [(3, 1), (3.5, 0)])
def test_a_result_keeps_a_worker_wanted_for_two_looks(now_s: float, figure: int) -> None:
    made = settings(**SLOW | {"throughput": 1, "min_replicas": 1}, polling_s=1)
    pool = cluster.Pool(made)
    pool.accept(0, 1)
    pool.work(0)
    pool.work(1)

    assert cluster.read_figure(pool, made, now_s) == figure


def test_a_job_is_seen_sooner_than_in_rabbitmqs_figure() -> None:
    arrivals = [(10.2, 1)]

    seconds = [first_asked_s(run(arrivals, settings(source=source))) for source in ("queue", "wait")]

    assert seconds == [15, 11]


def test_light_traffic_keeps_its_worker_though_no_look_sees_a_job() -> None:
    arrivals = [(20.3 * n, 1) for n in range(15)]

    counts = [starts(run(arrivals, settings(source=source, cooldown_s=15 + 10))) for source in ("queue", "wait")]

    assert counts[0] > counts[1] == 1


def test_the_worker_goes_when_no_job_has_come_for_the_cooldown() -> None:
    arrivals = [(10, 1), (100, 1)]

    assert starts(run(arrivals, settings(source="wait", cooldown_s=60))) == 2


def test_a_worker_that_does_less_than_the_chart_believes_gets_help() -> None:
    peaks = [
        max(sample.replicas for sample in run([(10, 60)], settings(**SLOW | {"guess": guess})).samples)
        for guess in (2, 100)
    ]

    assert peaks == [4, 4]


@pytest.mark.parametrize("source", rules.SOURCES)
def test_every_job_gets_one_result(source: str) -> None:
    arrivals = [(7.25, 40), (400, 3)]

    assert (
        sorted(at_s for at_s, _ in run(arrivals, settings(**SLOW | {"source": source})).waits)
        == [7.25] * 40 + [400] * 3
    )


def test_the_source_is_the_charts_or_the_one_that_is_asked_for() -> None:
    values = chart_values(source="wait")

    assert simulate.build_settings(values).source == "wait"
    assert simulate.build_settings(values, source="queue").source == "queue"


def test_the_target_is_the_charts() -> None:
    assert simulate.build_settings(chart_values(targetWaitSeconds=3)).target_wait_s == 3


def test_what_the_chart_believes_is_not_what_a_worker_really_does() -> None:
    made = simulate.build_settings(chart_values(), throughput=50)

    assert (made.guess, made.throughput) == (500, 50)


def test_a_source_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="'prometheus', must be one of queue, wait"):
        simulate.build_settings(chart_values(source="prometheus"))


@pytest.mark.parametrize(("source", "polling_s"), [("queue", 5), ("wait", 1)])
def test_without_a_polling_interval_each_source_has_its_own(source: str, polling_s: int) -> None:
    assert simulate.build_settings(chart_values(source=source, pollingInterval=None)).polling_s == polling_s
    assert simulate.build_settings(chart_values(source=source, pollingInterval=7)).polling_s == 7


def test_the_value_that_jobs_must_exceed_is_not_for_workers() -> None:
    values = chart_values(activationValue=20)

    assert [simulate.build_settings(values, source=of).activation_value for of in ("queue", "wait")] == [20, 0]


def test_a_comparison_tries_each_age_of_the_figure_and_each_time_since_a_look() -> None:
    made = settings(source="wait", polling_s=4)

    found = simulate.try_phases([(8, 1)], made, first_job_s=8)

    # Each with five times since the autoscaler's look, which do not matter for the first worker.
    assert [of.first_pod_s for of in found][::5] == [0, 3, 2, 1, 4, 3, 2, 1]
