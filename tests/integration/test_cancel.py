"""Cancels over HTTP with real servers: a job that no batch has yet never runs, and each job has one final state."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from inference_bridge.redis_store import RedisStore
from tests.integration.broker_client import TOPOLOGY, BrokerClient
from tests.integration.conftest import System
from tests.support.deployment import Deployment
from tests.support.jobs import a_job, marked
from tests.support.parallel import in_parallel
from tests.support.results import results_of
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.waiting import PROCESS_TIMEOUT_S, until_in_thread

MAX_CONCURRENT = 32
JOBS, CANCELED, RACES = 5_000, 1_000, 1_000
EMPTY = {queue.name: 0 for queue in TOPOLOGY.queues}


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


def publish(broker: BrokerClient, count: int) -> list[str]:
    """Publish jobs as the API does; return their ids."""
    jobs = [a_job(marked(number % 10)) for number in range(count)]
    for job in jobs:
        broker.publish_job(job)
    return [job.inference_id for job in jobs]


async def cancel(system: System, inference_id: str) -> str:
    response = await system.client.post(f"/result/{inference_id}/cancel")
    assert response.status_code == 200, response.text
    return str(response.json()["status"])


async def test_a_thousand_canceled_jobs_of_five_thousand_never_run(
    system: System, deployment: Deployment, broker: BrokerClient, store: RedisStore
) -> None:
    ids = publish(broker, JOBS)
    gone = ids[:: JOBS // CANCELED]

    answers = await in_parallel(lambda one: cancel(system, one), gone, max_concurrent=MAX_CONCURRENT)
    worker = deployment.worker().wait_until_ready()
    results = await results_of(store, ids, PROCESS_TIMEOUT_S)
    await until_in_thread(lambda: worker.metric("inference_batch_size_sum") >= JOBS - CANCELED)
    await broker.until_messages(EMPTY)

    assert answers == ["canceled"] * CANCELED
    assert [result["inference_id"] for result in results if result["status"] == "canceled"] == gone
    assert {result["status"] for result in results} == {"canceled", "succeeded"}
    assert worker.metric("inference_batch_size_sum") == JOBS - CANCELED
    assert system.api.metric("inference_canceled_total") == CANCELED


async def test_a_cancel_that_races_a_result_says_what_every_later_call_says(
    system: System, deployment: Deployment, broker: BrokerClient, store: RedisStore
) -> None:
    deployment.worker().wait_until_ready()
    ids = publish(broker, RACES)

    said = await in_parallel(lambda one: cancel(system, one), reversed(ids), max_concurrent=MAX_CONCURRENT)

    assert said[::-1] == [result["status"] for result in await results_of(store, ids)]
    assert set(said) <= {"canceled", "succeeded"}
