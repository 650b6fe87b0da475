"""A hundred jobs, three of them poison: the others are answered, the three are named."""

from pathlib import Path

import pytest

from inference_bridge.redis_store import RedisStore
from tests.integration.broker_client import BrokerClient
from tests.support.deployment import Deployment
from tests.support.jobs import a_job, marked
from tests.support.models import HANGS, KILLS, RAISES
from tests.support.results import results_of
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.supervisor import Supervisor

#: A restart takes seconds, nearly all of them for importing torch, and there are four or more in a row.
RESULTS_TIMEOUT_S = 90.0
POISON = {17: RAISES, 42: KILLS, 77: HANGS}
CODES = {17: "prediction_failed", 42: "worker_crashed", 77: "worker_crashed"}


@pytest.mark.timeout(180)
async def test_three_poisonous_jobs_of_a_hundred_fail_and_no_other(
    broker: BrokerClient, store: RedisStore, rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path
) -> None:
    environment = {"INFERENCE_MODEL": "tests.support.models:FaultyModel", "INFERENCE_FORWARD_TIMEOUT_S": "1"}
    jobs = [a_job(marked(POISON.get(number, number))) for number in range(100)]
    ids = [job.inference_id for job in jobs]
    innocents = [ids[number] for number in range(100) if number not in POISON]
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=redis_server.url, **environment) as deployment:
        workers = [deployment.worker(), deployment.worker()]
        for worker in workers:
            worker.wait_until_ready()
        with Supervisor(workers) as supervisor:
            for job in jobs:
                broker.publish_job(job)
            results = await results_of(store, ids, RESULTS_TIMEOUT_S)
            await broker.until_messages({"mnist.dead": 3, "mnist.retry": 0, "mnist.jobs": 0})

    classes = {number: result.get("predicted_class") for number, result in enumerate(results)}
    errors = {number: result["error"]["code"] for number, result in enumerate(results) if "error" in result}
    assert errors == CODES
    assert classes == {number: None if number in POISON else number % 10 for number in range(100)}
    assert {letter.inference_id for letter in await broker.dead()} == {ids[number] for number in POISON}
    # The killer and the job that hangs have three attempts each; nobody else was running when a worker died alone.
    assert max(await store.attempts(innocents)) <= 1
    assert supervisor.restarts >= 6
