"""`python -m inference_api dead` lists dead letters, gives them a second life, and ends them."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from pika import BasicProperties

from inference_bridge.jobs import Job
from inference_bridge.rabbitmq.dead_letters import DeadLetter
from inference_bridge.redis_store import RedisStore
from tests.e2e.runbook import find_commands
from tests.integration.broker_client import BrokerClient, broker_client
from tests.integration.conftest import TIMEOUT_S
from tests.support.deployment import SPECS, Deployment
from tests.support.jobs import a_job
from tests.support.models import RAISES
from tests.support.results import results_of
from tests.support.servers import RabbitMQ, RedisServer, free_port

FAULTY, ECHO = "tests.support.models:FaultyModel", "tests.support.models:EchoModel"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#: Tests that ask for a dead letter and not for how it became one.
PARKED = 7
EMPTY = {"mnist.dead": 0, "mnist.retry": 0, "mnist.jobs": 0}


@pytest.fixture(scope="module")
def operator_url(rabbitmq: RabbitMQ) -> Iterator[str]:
    """A user who may read dead letters and publish jobs, and nothing else."""
    rabbitmq.control("add_user", "operator", "secret")
    rabbitmq.control("set_permissions", "operator", "^$", "^inference$", r"^mnist\.dead$")
    yield rabbitmq.url.replace("guest:guest", "operator:secret")
    rabbitmq.control("delete_user", "operator")


@pytest.fixture
def deployment(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
        yield deployment


class Command:
    """`python -m inference_api dead …` as an operator's user."""

    def __init__(self, amqp_url: str, redis_url: str) -> None:
        self.environment = {
            "PATH": "/usr/bin",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONIOENCODING": "utf-8",
            "INFERENCE_AMQP_URL": amqp_url,
            "INFERENCE_REDIS_URL": redis_url,
            "INFERENCE_MODELS": SPECS,
        }

    async def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "inference_api", "dead", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )


@pytest.fixture
def dead(operator_url: str, redis_server: RedisServer) -> Command:
    return Command(operator_url, redis_server.url)


def a_poisonous_job(*, age_s: int = 0) -> Job:
    """Return a job that raises; its picture has one white line, the lowest."""
    return a_job(bytes([RAISES]) + bytes(755) + bytes([255]) * 28, age_s=age_s, traceparent=TRACE)


async def park(deployment: Deployment, broker: BrokerClient, *jobs: Job) -> None:
    """Let a worker, which has ended since, fail and park jobs."""
    worker = deployment.worker(INFERENCE_MODEL=FAULTY).wait_until_ready()
    for job in jobs:
        broker.publish_job(job)
    await broker.until_messages({**EMPTY, "mnist.dead": len(jobs)})
    worker.process.stop()


@pytest.fixture(scope="module")
def parked(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> list[DeadLetter]:
    """Jobs that have failed and were parked: one for each test that only asks what is done about them."""
    directory = tmp_path_factory.mktemp("parked")

    async def letters() -> list[DeadLetter]:
        with Deployment(directory, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
            async with broker_client(rabbitmq) as broker:
                await park(deployment, broker, *(a_poisonous_job() for _ in range(PARKED)))
                return await broker.dead()

    return asyncio.run(letters())


@pytest.fixture
async def letter(broker: BrokerClient, parked: list[DeadLetter]) -> DeadLetter:
    """A job that is the only dead letter."""
    letter = parked.pop()
    broker.publish_dead(letter.properties, letter.body)
    await broker.until_messages({**EMPTY, "mnist.dead": 1})
    return letter


async def test_a_dead_job_is_listed_with_its_failure(dead: Command, letter: DeadLetter) -> None:
    listed = (await dead("list")).stdout.splitlines()

    inference_id, reason, attempts, died_at, size = listed[1].split()
    assert (inference_id, reason, attempts, size) == (letter.inference_id, "prediction_failed", "1", "784")
    assert died_at.endswith("Z")
    assert listed[-1] == "1 dead letter"


async def test_a_dead_job_is_shown_with_its_result_and_its_picture(
    dead: Command, letter: DeadLetter, store: RedisStore
) -> None:
    [result] = await results_of(store, [str(letter.inference_id)])

    shown = (await dead("show", str(letter.inference_id))).stdout

    described, end = json.JSONDecoder().raw_decode(shown)
    assert described["properties"]["message_id"] == letter.inference_id
    assert described["headers"]["traceparent"] == TRACE
    assert described["headers"]["x-death"][0]["queue"] == "mnist.retry"
    assert described["result"] == result
    assert shown[end:].strip("\n").splitlines()[-1] == "█" * 56


async def test_a_dead_job_gets_a_second_life_and_is_answered(
    deployment: Deployment, broker: BrokerClient, dead: Command
) -> None:
    """Its id is older than any that may be pending."""
    api = deployment.api().wait_until_ready()
    job = a_poisonous_job(age_s=2_000)
    await park(deployment, broker, job)
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
        before = await status_of(client, job)
        replayed = await dead("replay", job.inference_id)
        between = await status_of(client, job)
        deployment.worker(INFERENCE_MODEL=ECHO)
        await broker.until_messages(EMPTY)
        after = await status_of(client, job)

    assert (replayed.returncode, before, between, after) == (0, "failed", "pending", "succeeded"), replayed


async def status_of(client: httpx.AsyncClient, job: Job) -> str:
    """Return what the API says of a job."""
    return str((await client.get(f"/result/{job.inference_id}")).json()["status"])


async def test_looking_thirty_times_loses_nothing(broker: BrokerClient, dead: Command, letter: DeadLetter) -> None:
    for _ in range(3):
        assert (await dead("list")).stdout.endswith("1 dead letter\n")
    for _ in range(27):
        assert [seen.inference_id for seen in await broker.dead()] == [letter.inference_id]


async def test_a_letter_that_was_kept_twice_is_published_once(
    broker: BrokerClient, dead: Command, letter: DeadLetter
) -> None:
    broker.publish_dead(letter.properties, letter.body)
    broker.publish_dead(BasicProperties(message_id="no job"), b"what is this")
    await broker.until_messages({**EMPTY, "mnist.dead": 3})

    done = await dead("replay", "--all")

    assert done.returncode == 0
    assert done.stdout.count(f"{letter.inference_id}: replayed") == 1
    assert "-: not a valid job of mnist.v1" in done.stdout
    await broker.until_messages({"mnist.dead": 1, "mnist.retry": 0, "mnist.jobs": 1})


async def test_what_has_succeeded_keeps_its_answer(
    broker: BrokerClient, dead: Command, letter: DeadLetter, deployment: Deployment
) -> None:
    deployment.worker(INFERENCE_MODEL=ECHO)
    await dead("replay", str(letter.inference_id))
    await broker.until_messages(EMPTY)
    broker.publish_dead(letter.properties, letter.body)  # as if the command had been killed before its last step
    await broker.until_messages({**EMPTY, "mnist.dead": 1})

    done = await dead("replay", str(letter.inference_id))

    assert (done.returncode, "has succeeded" in done.stdout) == (0, True)
    await broker.until_messages(EMPTY)


async def test_a_letter_stays_until_its_job_is_in_the_queue(
    broker: BrokerClient, dead: Command, letter: DeadLetter
) -> None:
    async with broker.no_way_to_jobs():
        refused = await dead("replay", str(letter.inference_id))
        [kept] = await broker.dead()
    done = await dead("replay", str(letter.inference_id))

    assert (refused.returncode, kept.inference_id) == (69, letter.inference_id)
    assert "no queue bound" in refused.stderr
    assert done.returncode == 0
    await broker.until_messages({**EMPTY, "mnist.jobs": 1})


async def test_purging_deletes_all_and_says_how_many(broker: BrokerClient, dead: Command) -> None:
    for _ in range(3):
        broker.publish_dead(BasicProperties(), b"")
    await broker.until_messages({**EMPTY, "mnist.dead": 3})

    purged, listed = await dead("purge"), await dead("list")

    assert (purged.returncode, purged.stdout) == (0, "deleted 3 dead letters\n")
    assert (listed.returncode, listed.stdout) == (0, "no dead letters\n")


async def test_an_id_that_is_not_there_is_named(broker: BrokerClient, dead: Command) -> None:
    for done in (await dead("show", "A" * 24), await dead("replay", "A" * 24)):
        assert done.returncode == 1
        assert f"{'A' * 24} is not among the 0 dead letters" in done.stderr


async def test_the_exit_status_says_what_is_wrong(
    rabbitmq: RabbitMQ, operator_url: str, redis_server: RedisServer, broker: BrokerClient
) -> None:
    broker.publish_dead(BasicProperties(), b"")
    nowhere = f"127.0.0.1:{free_port()}"
    wrong = {
        "broker": Command(f"amqp://guest:guest@{nowhere}/%2F", redis_server.url),
        "store": Command(operator_url, f"redis://{nowhere}/0"),
        "password": Command(operator_url.replace("secret", "other"), redis_server.url),
        "setting": Command("http://example", redis_server.url),
    }

    done = {what: await command("list") for what, command in wrong.items()}

    assert {what: one.returncode for what, one in done.items()} == {
        "broker": 69,
        "store": 69,
        "password": 78,
        "setting": 78,
    }
    assert all(one.stderr.count("\n") == 1 and "Traceback" not in one.stderr for one in done.values())


#: In place of kubectl and of the Secret: the command runs here, as it would in a pod of the API.
STAND_INS = """
k() { while [ "$1" != -- ]; do shift; done; shift; "$@"; }
password() { printf secret; }
"""


async def test_the_functions_of_the_runbook_log_in_as_the_operator(
    rabbitmq: RabbitMQ, operator_url: str, redis_server: RedisServer, dead: Command, letter: DeadLetter, tmp_path: Path
) -> None:
    """The API's own user, whose password is wrong here, may not read dead letters."""
    # Not a link: Python finds its packages beside the path that it was started by.
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    with redis.Redis.from_url(redis_server.url) as administrator:
        administrator.execute_command("ACL", "SETUSER", "operator", "on", ">secret", "~*", "&*", "+@all")
    environment = {
        **dead.environment,
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "INFERENCE_AMQP_URL": rabbitmq.url.replace("guest:guest", "api:wrong"),
        "INFERENCE_REDIS_URL": redis_server.url.replace("//", "//api:wrong@"),
    }
    script = f"{STAND_INS}{find_commands('InferenceDeadLetters')}dead show {letter.inference_id}"

    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-euc", script], env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
    )

    assert done.returncode == 0, done.stderr
    assert "1 dead letter\n" in done.stdout
    assert f'"inference_id": "{letter.inference_id}"' in done.stdout
