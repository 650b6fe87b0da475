"""How many workers are wanted, from the jobs that wait or run and the rates that workers measured."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from inference_api.operations.scaling import average, workers_wanted
from inference_bridge.depths import Depths
from inference_bridge.errors import BrokerUnavailable, StoreUnavailable
from inference_bridge.reports import FRESH_S, WorkerReport
from tests.support.waiting import until_found
from tests.unit.api.conftest import Service

FRESH = WorkerReport("default", jobs_in_work=0, throughput=10.0, solo_throughput=1.0)
GONE = replace(FRESH, throughput=40.0, age_s=FRESH_S + 1)


async def demand(service: Service, **query: Any) -> dict[str, Any]:
    """Ask as the autoscaler does."""
    parameters = {"target_wait_s": 10, "recent_s": 0, **query}
    response = await service.operations.get("/scaling/mnist", params=parameters)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def waiting(monkeypatch: pytest.MonkeyPatch, jobs: int, suspects: int = 0) -> None:
    async def read(_: object) -> Depths:
        return Depths(jobs, suspects)

    monkeypatch.setattr("inference_bridge.memory.broker.MemoryDepthReader.read", read)


@pytest.mark.parametrize(
    ("jobs", "busy_s", "expected"),
    [(0, 0.0, 0), (1, 0.0, 1), (1, 0.001, 1), (1, 600.0, 1), (40, 80.0, 8), (40, 81.0, 9), (100, 30.0, 3)],
)
def test_workers_do_all_work_in_time_one_at_least_and_one_per_job_at_most(
    jobs: int, busy_s: float, expected: int
) -> None:
    assert workers_wanted(jobs, busy_s, target_wait_s=10) == expected


def test_what_workers_that_are_there_measured_counts() -> None:
    reports = [GONE, FRESH, replace(FRESH, throughput=20.0), replace(FRESH, throughput=None)]

    assert average(reports, "default", lambda report: report.throughput) == 15.0


def test_what_the_last_workers_measured_counts_when_all_are_gone() -> None:
    assert average([GONE, replace(FRESH, throughput=None)], "default", lambda report: report.throughput) == 40.0


def test_what_workers_of_another_pool_measured_does_not_count() -> None:
    assert average([FRESH, GONE], "spot", lambda report: report.throughput) is None


async def test_nothing_to_do_wants_no_worker(service: Service) -> None:
    answer = await demand(service)

    assert answer["workers"] == 0
    assert answer["last_result_age_s"] is None


async def test_one_job_wants_one_worker_when_nothing_is_known(service: Service) -> None:
    await service.submit()

    assert (await demand(service))["workers"] == 1


async def test_a_guess_counts_until_a_worker_has_measured(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, jobs=400)
    assert (await demand(service, throughput=20))["workers"] == 2

    await service.store.report("worker", FRESH)

    assert await demand(service, throughput=20) == {
        "workers": 4,
        "waiting_jobs": 400,
        "suspects": 0,
        "jobs_in_work": 0,
        "throughput": 10.0,
        "solo_throughput": 1.0,
        "last_result_age_s": None,
    }


async def test_jobs_in_work_count_whoever_holds_them(service: Service) -> None:
    await service.store.report("one", replace(FRESH, jobs_in_work=150))
    await service.store.report("other", replace(FRESH, pool="spot", jobs_in_work=100))

    assert (await demand(service))["workers"] == 3


async def test_suspects_count_at_the_rate_at_which_they_run(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, jobs=0, suspects=20)
    await service.store.report("worker", FRESH)

    assert (await demand(service))["workers"] == 2


async def test_what_a_worker_holds_that_is_gone_does_not_count(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference_bridge.reports.FRESH_S", -1.0)
    await service.store.report("worker", replace(FRESH, jobs_in_work=5))

    assert (await demand(service))["workers"] == 0


async def test_a_worker_stays_wanted_for_a_while_after_the_last_result(service: Service) -> None:
    inference_id = (await service.submit()).json()["inference_id"]
    service.broker.jobs.clear()
    await service.answer(inference_id)

    async def wants_one() -> bool:
        return bool((await demand(service, recent_s=3_600))["workers"] == 1)

    await until_found(wants_one)

    assert (await demand(service, recent_s=0))["workers"] == 0


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("memory.broker.MemoryDepthReader.read", BrokerUnavailable("RabbitMQ is away")),
        ("memory.store.MemoryStore.reports", StoreUnavailable("Redis is away")),
    ],
    ids=["broker", "store"],
)
async def test_a_server_that_is_away_is_an_error_and_no_figure(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str, error: Exception
) -> None:
    async def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(f"inference_bridge.{path}", fail)

    response = await service.operations.get("/scaling/mnist", params={"target_wait_s": 10})

    assert (response.status_code, response.json()["code"]) == (503, error.code)  # type: ignore[attr-defined]


async def test_a_store_that_does_not_answer_is_an_error_in_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("inference_api.operations.scaling.STORE_TIMEOUT_S", 0.05)
    monkeypatch.setattr("inference_bridge.memory.store.MemoryStore.reports", hang)

    response = await service.operations.get("/scaling/mnist", params={"target_wait_s": 10})

    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/scaling/letters?target_wait_s=1", 404), ("/scaling/mnist", 400), ("/scaling/mnist?target_wait_s=0", 400)],
)
async def test_a_wrong_question_is_a_problem(service: Service, path: str, status: int) -> None:
    response = await service.operations.get(path)

    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("path", ["/metrics", "/scaling/mnist?target_wait_s=1"])
async def test_clients_do_not_reach_what_is_for_the_platform(service: Service, path: str) -> None:
    assert (await service.client.get(path)).status_code == 404
    assert (await service.operations.get(path)).status_code == 200


async def test_the_metrics_say_how_many_jobs_wait(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, jobs=3, suspects=1)

    text = await service.metrics()

    assert 'inference_waiting_jobs{model="mnist",queue="mnist.jobs"} 3.0' in text
    assert 'inference_waiting_jobs{model="mnist",queue="mnist.retry"} 1.0' in text


async def test_the_metrics_do_not_say_how_many_jobs_wait_while_nobody_knows(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(monkeypatch, jobs=3)
    await service.metrics()

    async def fail(_: object) -> Depths:
        raise BrokerUnavailable("away")

    monkeypatch.setattr("inference_bridge.memory.broker.MemoryDepthReader.read", fail)

    assert "inference_waiting_jobs{" not in await service.metrics()
