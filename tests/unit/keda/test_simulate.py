"""The model scales by the rules of KEDA and Kubernetes, and loses no job."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployment import ROOT
from tests.unit.keda.scripts import KEDA, PROFILES, cluster, rules, settings, simulate, traces

#: Two jobs a second, so that little work keeps workers busy.
SLOW: dict[str, Any] = {"throughput": 2, "jobs_per_replica": 10, "prefetch": 3}
BURST: list[tuple[float, int]] = [(10, 60)]


def run(arrivals: list[tuple[float, int]], made: Any) -> Any:
    return cluster.simulate(arrivals, made)


def replicas_at(samples: list[Any], second: float) -> int:
    return next(int(sample.replicas) for sample in samples if sample.s == second)


def test_a_part_of_a_workers_share_is_worth_a_whole_worker() -> None:
    assert rules.count_workers_wanted(5001, 5000, replicas=4) == 2


@pytest.mark.parametrize(("jobs", "wanted"), [(5500, 1), (5501, 2)])
def test_ten_percent_too_much_change_nothing(jobs: int, wanted: int) -> None:
    assert rules.count_workers_wanted(jobs, 5000, replicas=1) == wanted


@pytest.mark.parametrize(("jobs", "is_active"), [(0, False), (5, False), (6, True)])
def test_only_more_than_the_activation_value_starts_a_worker(jobs: int, is_active: bool) -> None:
    assert rules.is_active(jobs, activation_value=5) is is_active


def test_fewer_workers_must_be_wanted_for_the_whole_window() -> None:
    recommended = [(0, 4), (15, 2), (30, 3)]

    assert rules.stabilise(1, 4, recommended, now_s=60, window_s=120) == 4
    assert rules.stabilise(1, 4, recommended, now_s=121, window_s=120) == 3
    assert rules.stabilise(1, 4, recommended, now_s=151, window_s=120) == 1


def test_more_workers_come_at_once() -> None:
    assert rules.stabilise(4, 1, [(0, 1)], now_s=15, window_s=120) == 4
    assert rules.limit(4, 1, [], 15, settings(max_replicas=4)) == 4


def test_no_more_than_the_maximum_come() -> None:
    assert rules.limit(9, 1, [], 15, settings(max_replicas=4)) == 4


@pytest.mark.parametrize(("now_s", "left"), [(75, 3), (76, 2)])
def test_one_worker_goes_in_a_period(now_s: float, left: int) -> None:
    one_went = [(16, -1)]

    assert rules.limit(1, 3, one_went, now_s, settings(down_pods=1, down_period_s=60)) == left


@pytest.mark.parametrize(("now_s", "is_over"), [(309, False), (310, True)])
def test_the_cooldown_runs_from_the_last_look_that_saw_work(now_s: float, is_over: bool) -> None:
    assert rules.has_cooled_down(now_s, last_active_s=10, cooldown_s=300) is is_over


def test_the_cooldown_ends_all_workers_at_once_whatever_may_go_in_a_period() -> None:
    counts = [sample.replicas for sample in run(BURST, settings(**SLOW, cooldown_s=30)).samples]

    assert (4, 0) in itertools.pairwise(counts)


def test_the_first_worker_comes_when_a_look_sees_the_job() -> None:
    samples = run([(10, 1)], settings(polling_s=5, metric_lag_s=3.5, start_s=20)).samples

    assert next(sample.s for sample in samples if sample.replicas) == 15
    assert next(sample.s for sample in samples if sample.ready) == 35


def test_too_few_jobs_to_activate_stay_and_the_run_still_ends() -> None:
    result = run([(10, 5)], settings(activation_value=5))

    assert not result.waits
    assert result.samples[-1].messages == 5


def test_office_hours_keep_one_worker_without_a_job() -> None:
    samples = run([(9 * 3600, 1), (86_400, 0)], settings("business-hours")).samples

    assert [replicas_at(samples, hour * 3600 + 60) for hour in (7, 8, 12, 17, 19)] == [0, 1, 1, 1, 0]


def test_office_hours_end_on_friday() -> None:
    (hours,) = settings("business-hours").office_hours

    assert hours.are_open(4 * rules.DAY_S + 12 * 3600)
    assert not hours.are_open(5 * rules.DAY_S + 12 * 3600)


def test_the_queue_can_ask_for_more_than_office_hours_do() -> None:
    samples = run([(9 * 3600, 60)], settings("business-hours", **SLOW)).samples

    assert max(sample.replicas for sample in samples) == 4


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("arrivals", [[(0, 1)], [(7.25, 40)], [(s, 3) for s in range(0, 4000, 130)]], ids=len)
def test_every_job_gets_one_result(profile: Path, arrivals: list[tuple[float, int]]) -> None:
    result = run(arrivals, settings(profile.stem))

    accepted = sorted(at_s for at_s, jobs in arrivals for _ in range(jobs))
    assert sorted(at_s for at_s, _ in result.waits) == accepted


def test_a_long_job_keeps_its_worker_since_it_counts_while_it_runs() -> None:
    result = run([(10, 1)], settings("long-jobs", cooldown_s=30))

    ((arrived_s, wait_s),) = result.waits
    assert wait_s < 240
    assert all(sample.replicas for sample in result.samples if 20 < sample.s < arrived_s + wait_s)


def test_a_worker_that_is_stopped_finishes_its_job_and_hands_back_the_rest() -> None:
    pool = cluster.Pool(settings(min_replicas=1, throughput=0.1, drain_s=30))
    pool.accept(0, 3)
    pool.work(1)
    pool.scale(0, 1)
    pool.work(10)

    assert pool.waits == [(0, 10)]
    assert (pool.messages, len(pool.workers)) == (2, 0)


def test_a_job_longer_than_the_drain_is_handed_back() -> None:
    pool = cluster.Pool(settings(min_replicas=1, throughput=0.1, drain_s=5))
    pool.accept(0, 1)
    pool.work(1)
    pool.scale(0, 1)
    pool.work(6)

    assert (pool.waits, pool.messages, len(pool.workers)) == ([], 1, 0)


def test_a_pod_costs_from_its_creation_to_the_end_of_its_drain() -> None:
    pool = cluster.Pool(settings(throughput=0.1, start_s=20, drain_s=30))
    pool.scale(1, 100)
    pool.accept(100, 1)
    pool.work(120)
    pool.scale(0, 121)
    pool.work(130)

    assert pool.sum_pod_s(200) == 30


def test_the_worker_that_was_ready_last_goes_first() -> None:
    pool = cluster.Pool(settings(start_s=20))
    pool.scale(1, 0)
    pool.scale(2, 50)
    pool.scale(1, 100)
    pool.work(100)

    assert [worker.created_s for worker in pool.workers] == [0]


def test_a_worker_holds_three_batches_at_most() -> None:
    pool = cluster.Pool(settings("long-jobs", min_replicas=2))
    pool.accept(0, 10)
    pool.work(1)

    assert [len(worker.held) for worker in pool.workers] == [3, 3]


def test_a_built_in_trace_has_as_many_jobs_as_one_asks_for() -> None:
    totals = {name: sum(jobs for _, jobs in traces.read_arrivals(name, 1234)) for name in traces.SHAPES}

    assert totals == dict.fromkeys(traces.SHAPES, 1234)


@pytest.mark.parametrize(
    ("text", "message"),
    [("1,2\nx,3\n", "line 2 is 'x,3'"), ("5,1\n4,1\n", "4,1 after second 5"), ("5,0\n", "has no job")],
)
def test_a_wrong_trace_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "trace.csv").write_text(text)

    with pytest.raises(ValueError, match=message):
        traces.read_arrivals(str(tmp_path / "trace.csv"), None)


@pytest.mark.parametrize("cron", ["0 8 1 * *", "0 8 * * MON", "@daily"])
def test_a_schedule_that_the_model_does_not_know_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match="MINUTE HOUR"):
        simulate.parse_cron(cron)


def test_sunday_is_the_last_day_of_the_week_by_both_its_numbers() -> None:
    assert simulate.parse_cron("0 0 * * 0") == simulate.parse_cron("0 0 * * 7") == (6 * rules.DAY_S,)


def test_the_example_in_the_readme_is_what_it_prints() -> None:
    done = subprocess.run([sys.executable, "keda/simulate.py"], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert done.stdout in (KEDA / "README.md").read_text()
    assert done.stdout


@pytest.mark.parametrize("wrong", [{"throughput": 0}, {"start_s": -1}, {"metric_lag_s": -1}], ids=str)
def test_a_figure_that_cannot_be_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        settings(**wrong)
