"""A hundred jobs, three of them poison: the others are answered, the three are named."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from inference_bridge.ids import TicketSigner
from inference_bridge.redis_store import RedisStore
from inference_bridge.requests import InferenceRequest
from mnist_model.spec import SPEC
from tests.integration.broker_client import BrokerClient
from tests.support.deployment import TICKET_KEY, Deployment
from tests.support.models import HANGS, KILLS, RAISES
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.supervisor import Supervisor

#: A restart takes seconds, nearly all of them for importing torch, and there are four or more in a row.
RESULTS_TIMEOUT_S = 90.0
POISON = {17: RAISES, 42: KILLS, 77: HANGS}
CODES = {17: "prediction_failed", 42: "worker_crashed", 77: "worker_crashed"}


def a_job(number: int) -> InferenceRequest:
    now_ms = time.time_ns() // 1_000_000
    inference_id = TicketSigner(TICKET_KEY.encode(), model=SPEC.name).issue(now_ms)
    body = bytes([POISON.get(number, number)]) + bytes(783)
    return InferenceRequest(inference_id, body, submitted_s=now_ms // 1000, deadline_ms=now_ms + 900_000)


async def results_of(store: RedisStore, ids: list[str]) -> list[dict[str, object]]:
    async with asyncio.timeout(RESULTS_TIMEOUT_S):
        while None in (bodies := await store.get(ids)):
            await asyncio.sleep(0.05)
    return [json.loads(body or b"") for body in bodies]


@pytest.mark.timeout(180)
async def test_three_poisonous_jobs_of_a_hundred_fail_and_no_other(
    broker: BrokerClient, store: RedisStore, rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path
) -> None:
    environment = {"INFERENCE_MODEL": "tests.support.models:FAULTY", "INFERENCE_FORWARD_TIMEOUT_S": "1"}
    jobs = [a_job(number) for number in range(100)]
    ids = [job.inference_id for job in jobs]
    innocents = [ids[number] for number in range(100) if number not in POISON]
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=redis_server.url, **environment) as deployment:
        workers = [deployment.worker(), deployment.worker()]
        for worker in workers:
            worker.wait_until_ready()
        with Supervisor(workers) as supervisor:
            for job in jobs:
                broker.publish_job(job)
            results = await results_of(store, ids)
            await broker.until_messages({"mnist.dead": 3, "mnist.retry": 0, "mnist.jobs": 0})

    classes = {number: result.get("predicted_class") for number, result in enumerate(results)}
    errors = {number: result["error"]["code"] for number, result in enumerate(results) if "error" in result}  # type: ignore[index]
    assert errors == CODES
    assert classes == {number: None if number in POISON else number % 10 for number in range(100)}
    assert {letter.inference_id for letter in await broker.dead()} == {ids[number] for number in POISON}
    # The killer and the one that hangs have three attempts each; nobody else was running when a worker died alone.
    assert max(await store.attempts(innocents)) <= 1
    assert supervisor.restarts >= 6
