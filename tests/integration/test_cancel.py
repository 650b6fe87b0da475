"""Cancels over HTTP with real servers: what no batch has yet never runs, and each job has one final state."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import System, some_pictures
from tests.support.deployment import Deployment
from tests.support.parallel import in_parallel
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.waiting import until_in_thread

MAX_CONCURRENT = 32
JOBS, CANCELED, RACES = 5_000, 1_000, 2_000


@pytest.fixture
def deployment(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path) -> Iterator[Deployment]:
    """No worker yet; the model answers at once."""
    with Deployment(
        tmp_path,
        amqp_url=rabbitmq.url,
        redis_url=redis_server.url,
        INFERENCE_MODEL="tests.support.models:EchoModel",
    ) as deployment:
        yield deployment


@pytest.fixture
async def system(deployment: Deployment) -> AsyncIterator[System]:
    api = deployment.api().wait_until_ready()
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
        yield System(api, [], client)


async def cancel(system: System, inference_id: str) -> str:
    response = await system.client.post(f"/result/{inference_id}/cancel")
    assert response.status_code == 200, response.text
    return str(response.json()["status"])


async def test_a_thousand_canceled_jobs_of_five_thousand_never_run(system: System, deployment: Deployment) -> None:
    ids = await system.submit_all(some_pictures(1) * JOBS)
    gone = ids[:: JOBS // CANCELED]

    answers = await in_parallel(lambda one: cancel(system, one), gone, max_concurrent=MAX_CONCURRENT)
    worker = deployment.worker().wait_until_ready()
    statuses = {one: result["status"] for one, result in zip(ids, await system.results(ids), strict=True)}
    await until_in_thread(lambda: worker.metric("inference_batch_size_sum") == JOBS - CANCELED)

    assert answers == ["canceled"] * CANCELED
    assert {one for one, status in statuses.items() if status == "canceled"} == set(gone)
    assert set(statuses.values()) == {"canceled", "succeeded"}
    assert system.api.metric("inference_canceled_total") == CANCELED


async def test_a_cancel_that_races_a_result_says_what_every_later_call_says(
    system: System, deployment: Deployment
) -> None:
    deployment.worker().wait_until_ready()
    [picture] = some_pictures(1)

    async def race(_: int) -> tuple[str, str]:
        inference_id = await system.submit(picture)
        said = await cancel(system, inference_id)
        response = await system.client.get(f"/result/{inference_id}")
        return said, str(response.json()["status"])

    answers = await in_parallel(race, range(RACES), max_concurrent=MAX_CONCURRENT)

    assert all(said == read for said, read in answers)
    assert {said for said, _ in answers} <= {"canceled", "succeeded"}
