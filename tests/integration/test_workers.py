"""Workers come and go: each job is answered, none twice."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import System, some_pictures
from tests.support.deployment import Deployment, Service
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.waiting import until_in_thread

PICTURES = some_pictures(60)
EXIT_TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def api(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("api")
    with Deployment(directory, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
        yield deployment.api().wait_until_ready()


@pytest.fixture
def deployment(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path) -> Iterator[Deployment]:
    """No worker yet; the model takes 20 ms for a picture."""
    with Deployment(
        tmp_path,
        amqp_url=rabbitmq.url,
        redis_url=redis_server.url,
        INFERENCE_MODEL="tests.support.models:SlowModel",
        INFERENCE_MAX_BATCH_SIZE="8",
    ) as deployment:
        yield deployment


@pytest.fixture
async def system(api: Service) -> AsyncIterator[System]:
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
        yield System(api, [], client)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """The file that a gated worker waits for before its second batch."""
    return tmp_path / "gate"


def ready_worker(deployment: Deployment, **environment: str) -> Service:
    return deployment.worker(**environment).wait_until_ready()


def gated_worker(deployment: Deployment, gate: Path) -> Service:
    return ready_worker(deployment, INFERENCE_MODEL="tests.support.models:GatedModel", GATE=str(gate))


async def until_logged(worker: Service, event: str) -> None:
    await until_in_thread(lambda: event in worker.process.log.read_text())


async def test_a_worker_that_is_asked_to_stop_finishes_its_batch_and_hands_back_the_rest(
    system: System, deployment: Deployment, gate: Path
) -> None:
    """A gate holds the batch until the worker was asked; another worker takes the rest."""
    stopping, staying = gated_worker(deployment, gate), deployment.worker()
    ids = await system.submit_all(PICTURES)
    await until_logged(stopping, "waiting at the gate")

    stopping.process.send_signal(signal.SIGTERM)
    await until_logged(stopping, "drain started")
    await asyncio.to_thread(gate.touch)
    exit_status = stopping.process.wait(EXIT_TIMEOUT_S)

    assert exit_status == 0
    assert "drain finished" in stopping.process.log.read_text()
    assert {result["status"] for result in await system.results(ids)} == {"succeeded"}
    assert staying.metric("inference_results_total") > 0
    assert staying.metric("inference_duplicate_results_total") == 0


async def test_the_jobs_of_a_killed_worker_are_done_by_another(
    system: System, deployment: Deployment, gate: Path
) -> None:
    killed = gated_worker(deployment, gate)
    ids = await system.submit_all(PICTURES[:30])
    await until_in_thread(lambda: killed.metric("inference_results_total") > 0)
    await until_logged(killed, "waiting at the gate")

    killed.process.stop(signal.SIGKILL)
    other = ready_worker(deployment)

    assert {result["status"] for result in await system.results(ids)} == {"succeeded"}
    await until_in_thread(lambda: other.metric("inference_solo_runs_total") > 0)


async def test_jobs_are_accepted_while_there_is_no_worker(system: System, deployment: Deployment) -> None:
    ids = await system.submit_all(PICTURES[:10])
    pending = await system.client.get(f"/result/{ids[0]}")

    deployment.worker()

    assert pending.json()["status"] == "pending"
    assert {result["status"] for result in await system.results(ids)} == {"succeeded"}


async def test_a_worker_that_hangs_ends_itself_and_another_does_its_jobs(
    system: System, deployment: Deployment
) -> None:
    hanging = ready_worker(
        deployment, INFERENCE_MODEL="tests.support.models:HangingModel", INFERENCE_FORWARD_TIMEOUT_S="0.5"
    )
    ids = await system.submit_all(PICTURES[:8])

    exit_status = hanging.process.wait(EXIT_TIMEOUT_S)
    ready_worker(deployment)

    assert exit_status == 70
    assert {result["status"] for result in await system.results(ids)} == {"succeeded"}
