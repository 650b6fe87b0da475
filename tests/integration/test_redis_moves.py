"""Redis fails over, behind its address or by its Sentinels: API and worker follow, and no copied key is lost."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redis

from tests.integration.conftest import TIMEOUT_S, System, some_pictures
from tests.support.deployment import Deployment
from tests.support.proxy import Proxy
from tests.support.sentinels import follow, promote, wait_for_copy, watched_servers
from tests.support.servers import RabbitMQ, RedisServer

PICTURES = some_pictures(30)
KEY = {"Idempotency-Key": "one job"}


@dataclass
class Moving:
    """A Redis with a copy.

    Attributes:
        fail_over: makes the copy the master.
    """

    url: str
    master: RedisServer
    fail_over: Callable[[], None]


def behind_an_address(directory: Path, stack: ExitStack) -> Moving:
    """The address leads to the copy from then on; the old master lives, and its connections stay."""
    master, replica = RedisServer(directory / "master").start(), RedisServer(directory / "replica").start()
    stack.callback(master.close)
    stack.callback(replica.close)
    follow(replica, master)
    proxy = stack.enter_context(Proxy(master.port))

    def fail_over() -> None:
        promote(replica)
        proxy.target_port = replica.port
        with redis.Redis.from_url(master.url) as client:
            client.replicaof("127.0.0.1", "1")  # of nobody, so that it learns nothing of the new master

    return Moving(f"redis://127.0.0.1:{proxy.port}/0", master, fail_over)


def by_sentinels(directory: Path, stack: ExitStack) -> Moving:
    """The master dies, and with it the first Sentinel of the URL."""
    watched = stack.enter_context(watched_servers(directory))

    def fail_over() -> None:
        watched.master.stop(signal.SIGKILL)
        watched.sentinels[0].process.stop(signal.SIGKILL)

    return Moving(watched.url, watched.master, fail_over)


@pytest.fixture(params=[behind_an_address, by_sentinels])
def moving(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Moving]:
    with ExitStack() as stack:
        yield request.param(tmp_path, stack)


@pytest.fixture
async def system(moving: Moving, rabbitmq: RabbitMQ, tmp_path: Path) -> AsyncIterator[System]:
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=moving.url) as deployment:
        api, worker = deployment.api(), deployment.worker()
        for service in (api, worker):
            service.wait_until_ready()
        async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
            yield System(api, [worker], client)


async def submit_keyed(system: System) -> httpx.Response:
    return await system.client.post("/classify", files={"file": PICTURES[0]}, headers=KEY)


async def answers_until_accepted(system: System) -> list[httpx.Response]:
    """Repeat a POST with a key until it is accepted."""
    answers = [await submit_keyed(system)]
    async with asyncio.timeout(TIMEOUT_S):
        while answers[-1].status_code != 202:
            await asyncio.sleep(0.1)
            answers.append(await submit_keyed(system))
    return answers


async def test_api_and_worker_follow_the_master_and_lose_nothing(system: System, moving: Moving) -> None:
    [worker] = system.workers
    finished = await system.submit_all(PICTURES[:5])
    before = await system.results(finished)
    keyed = (await submit_keyed(system)).json()["inference_id"]
    await system.result(keyed)
    await asyncio.to_thread(wait_for_copy, moving.master)
    worker.process.send_signal(signal.SIGSTOP)  # so that it still has to store these at the old master
    accepted = await system.submit_all(PICTURES)
    waiting = asyncio.create_task(
        system.client.post("/classify", files={"file": PICTURES[0]}, headers={"Prefer": "wait=25"})
    )

    await asyncio.to_thread(moving.fail_over)
    worker.process.send_signal(signal.SIGCONT)
    answers = await answers_until_accepted(system)

    assert {answer.status_code for answer in answers[:-1]} <= {503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers[:-1])
    assert answers[-1].json()["inference_id"] == keyed
    assert {result["status"] for result in await system.results(accepted)} == {"succeeded"}
    assert await system.results(finished) == before
    assert (await waiting).json()["status"] == "succeeded"
    await system.until_ready()
