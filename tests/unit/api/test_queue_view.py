"""A job's place in its queue and the time to its result, as the pending body says them."""

import itertools
import json
import random
from statistics import median

import numpy as np
import pytest

from inference_api.queue_view import INTERVAL_S, MAX_SAMPLES, QueueView
from tests.support.deployment import ROOT
from tests.support.waiting import until_found
from tests.unit.api.conftest import Service
from tests.unit.api.several import TREE, serving

#: The most that a median estimate may be off.
MOST = 0.2


def test_a_place_counts_the_jobs_that_came_before_and_are_not_done() -> None:
    view = QueueView()
    view.look(100.0, 0, 1)
    view.look(101.0, 50, 1)
    view.count(10)
    view.look(103.0, 40, 2)

    assert view.describe(100.5) == {"position": 15, "eta_s": 1.5, "workers": 2}
    assert view.describe(101.0)["position"] == 40


def test_a_job_never_moves_back() -> None:
    view, numbers, rng = QueueView(), list[int](), random.Random(7)
    ready = 30
    for step in range(200):
        view.look(step * 0.5, ready, 2)
        done = rng.randint(0, min(ready, 5))
        view.count(done)
        ready += rng.randint(0, 5) - done
        numbers += [at for at in [view.describe(3.2).get("position")] if at is not None]

    assert len(numbers) > 190
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == 0


@pytest.mark.parametrize("issued_s", [99.9, 101.1], ids=["before the first look", "after the last look"])
def test_what_is_unknown_is_left_out(issued_s: float) -> None:
    view = QueueView()
    assert view.describe(issued_s) == {}

    view.look(100.0, 0, 1)
    view.look(101.0, 50, 1)

    assert view.describe(issued_s) == {"workers": 1}


@pytest.mark.parametrize(("workers", "results"), [(0, 5), (1, 0)])
def test_there_is_no_time_to_expect_without_a_worker_or_a_result(workers: int, results: int) -> None:
    view = QueueView()
    view.look(100.0, 0, 1)
    view.look(101.0, 50, 1)
    view.count(results)
    view.look(102.0, 45, workers)

    assert view.describe(100.5) == {"position": 25 - results, "workers": workers}


def test_an_idle_worker_does_not_count_as_a_slow_one() -> None:
    view = QueueView()
    for second in range(20):
        view.look(100.0 + second, 0, 1)
    view.look(120.0, 500, 1)
    view.count(100)
    view.look(121.0, 400, 1)

    assert view.describe(120.0) == {"position": 400, "eta_s": 4.0, "workers": 1}


def test_results_that_were_missed_do_not_leave_a_job_behind_an_empty_queue() -> None:
    view = QueueView()
    for at_s, ready in ((100.0, 0), (101.0, 50), (102.0, 4)):
        view.look(at_s, ready, 1)

    assert view.describe(100.9)["position"] == 4


def test_looks_in_a_hurry_do_not_make_the_place_of_an_old_job_unknown() -> None:
    view = QueueView()
    for number in range(10 * MAX_SAMPLES):
        view.look(number * INTERVAL_S / 10, number, 1)

    assert view.describe(INTERVAL_S * 7)["position"] == 70


def errors_in(looks: list[tuple[float, int, int, int]]) -> list[float]:
    """Replay looks at a queue: seconds, waiting jobs, workers and results so far; return how far each estimate was off.

    A job's place is its number, so its time of issue and of its result follow from the looks.
    """
    view, done, errors = QueueView(), 0, list[float]()
    arrived = [(at_s, ready + results) for at_s, ready, _, results in looks]
    left = [(at_s, looks[-1][3] - ready) for at_s, ready, _, _ in looks]
    jobs = range(1, looks[-1][3], max(1, looks[-1][3] // 100))
    issued = {job: time_of(job, arrived) for job in jobs}
    taken = {job: time_of(job, left) for job in jobs}
    for at_s, ready, workers, results in looks:
        view.count(results - done)
        view.look(at_s, ready, workers)
        done = results
        for job in jobs:
            eta_s = view.describe(issued[job]).get("eta_s")
            if eta_s is not None and done and taken[job] - at_s > 1:
                errors.append(abs(eta_s - (taken[job] - at_s)) / (taken[job] - at_s))
    return errors


def time_of(number: int, counts: list[tuple[float, int]]) -> float:
    """Return when a count reached a number, straight between two looks."""
    for (one_s, one), (other_s, other) in itertools.pairwise(counts):
        if one < number <= other:
            return one_s + (number - one) / (other - one) * (other_s - one_s)
    return counts[-1][0]


@pytest.mark.parametrize("rate", [40, 400, 4_000])
def test_the_median_estimate_in_a_burst_is_near(rate: int) -> None:
    """Jobs of 60 s of work come in 10 s; the worker starts at 5 s and answers batches of unequal size."""
    rng, looks, arrived, done = random.Random(rate), list[tuple[float, int, int, int]](), 0.0, 0
    total = 60 * rate
    for step in range(2_000):
        at_s = step * 0.1
        arrived = min(total, at_s / 10 * total)
        has_worker = at_s > 5
        if has_worker:
            done = min(int(arrived), done + rng.randint(0, rate // 5))
        if step % 5 == 0:
            looks.append((at_s, int(arrived) - done, int(has_worker), done))
        if done == total:
            break

    assert median(errors_in(looks)) < MOST


@pytest.mark.parametrize("run", ["queue", "wait"])
def test_the_median_estimate_in_the_recorded_bursts_is_near(run: str) -> None:
    """The management API, which was asked, counts every five seconds: between its counts the line is straight."""
    recorded = json.loads((ROOT / "docs/scaling.json").read_text())[run]
    jobs, samples = recorded["jobs"], recorded["samples"]
    counts = [(recorded["marks"]["first result"], jobs)]
    for before, after in itertools.pairwise(samples):
        if after["messages"] < before["messages"]:
            counts.append((min(after["s"], recorded["marks"]["last result"]), after["messages"]))
    looks = [(-0.5, 0, 0, 0), (0.0, jobs, 0, 0)]
    times, left_then = zip(*counts, strict=True)
    for at_s in np.arange(0.5, counts[-1][0] + 0.5, 0.5):
        left = int(np.interp(at_s, times, left_then))
        workers = next((sample["ready"] for sample in reversed(samples) if sample["s"] <= at_s), 0)
        looks.append((float(at_s), left, workers, jobs - left))

    assert median(errors_in(looks)) < MOST


# Over HTTP


async def test_a_pending_body_of_a_named_model_says_its_place(service: Service) -> None:
    ids = [(await service.submit()).json()["inference_id"] for _ in range(2)]

    async def has_place() -> dict[str, object] | None:
        body = (await service.client.get(f"/models/mnist/result/{ids[1]}")).json()
        return body if "position" in body.get("queue", {}) else None

    body = await until_found(has_place)

    assert body["status"] == "pending"
    assert body["queue"] == {"position": body["queue"]["position"], "workers": 0}  # type: ignore[index]
    assert (await service.client.get(f"/result/{ids[1]}")).json() == {"inference_id": ids[1], "status": "pending"}


async def test_an_accepted_job_hears_at_once_that_there_is_no_worker() -> None:
    async with serving([TREE]) as several:
        body = (await several.submit("tree", TREE.example)).json()

    assert body["queue"] == {"workers": 0}
