"""Messages in the queue that no API published: each is parked, and harms nobody."""

import os
import pickle
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pika import BasicProperties

from inference_api.dead.report import Report
from inference_bridge.jobs import to_properties
from inference_bridge.redis_store import RedisStore
from mnist_model.spec import SPEC
from tests.integration.broker_client import BrokerClient
from tests.integration.conftest import TIMEOUT_S
from tests.support.deployment import Deployment, Service
from tests.support.jobs import a_job
from tests.support.results import results_of
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.tables import TOO_LATE, field, nested
from tests.support.waiting import until_in_thread

TENSOR = bytes([5]) + bytes(783)
HUGE = 2**63 - 1


class RawHeaders(BasicProperties):
    """Properties with nothing but headers that are encoded already, as pika would never encode them."""

    def __init__(self, table: bytes) -> None:
        super().__init__()
        self._table = table

    def encode(self) -> list[bytes]:
        return [struct.pack(">HI", self.FLAG_HEADERS, len(self._table)), self._table]


class Intruder:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._path),)


def properties_with(**headers: Any) -> BasicProperties:
    """Return the properties of a sound job, with some headers of its own."""
    properties = to_properties(a_job(TENSOR), SPEC)
    properties.headers = {**(properties.headers or {}), **headers}
    return properties


def changed(**values: Any) -> BasicProperties:
    """Return the properties of a job with some of them changed."""
    properties = properties_with()
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def foreign_messages(trap: Path) -> dict[str, tuple[BasicProperties, bytes]]:
    """Return messages that no API sent; two of them make the directory `trap` when somebody unpickles them."""
    tables: dict[str, Any] = {"a": {"b": [{"c": None}, [1, [2, {"d": True}]]]}}
    pickled = pickle.dumps(Intruder(trap))
    return {
        "another model's job": (changed(type="other.v9"), TENSOR),
        "no type": (changed(type=None), TENSOR),
        "another content type": (changed(content_type="application/python-pickle"), TENSOR),
        "no id": (changed(message_id=None), TENSOR),
        "a path for an id": (changed(message_id="../../etc/passwd"), TENSOR),
        "a short body": (properties_with(), b"short"),
        "an empty body": (properties_with(), b""),
        "a megabyte": (properties_with(), os.urandom(1_000_000)),
        "a pickle": (properties_with(), pickled),
        "a pickle as long as a tensor, no id": (changed(message_id=None), pickled.ljust(784, b".")),
        "a word for a deadline": (properties_with(deadline="tomorrow"), TENSOR),
        "a deadline before 1970": (properties_with(deadline=-1), TENSOR),
        "an empty deadline": (properties_with(deadline=None), TENSOR),
        "tables for a deadline": (properties_with(deadline=tables), TENSOR),
        "a long text for a deadline": (properties_with(deadline="x" * 60_000), TENSOR),
        "forged counts": (BasicProperties(headers={**tables, "x-death": "never", "x-delivery-count": [1]}), b"?"),
        "a forged death": (BasicProperties(headers={"x-death": [{"reason": 7, "time": "now"}]}), b"?"),
        "a moment after the year 9999": (RawHeaders(TOO_LATE), TENSOR),
        "tables 5,000 deep": (RawHeaders(nested(5_000)), TENSOR),
        "tables 400 deep": (RawHeaders(nested(400)), TENSOR),
        "nothing at all": (BasicProperties(), b""),
    }


#: Headers of jobs that RabbitMQ 3.10 cannot hand on: each of its attempts at dead-lettering would fail.
FORGED_DEATHS: dict[str, dict[str, Any]] = {
    "a number": {"x-death": [3]},
    "nothing": {"x-death": [None]},
    "a list": {"x-death": [[1]]},
    "a word for a count": {"x-death": [{"queue": "mnist.jobs", "reason": "rejected", "count": "many"}]},
    "a table for a count": {"x-death": [{"queue": "mnist.jobs", "reason": "rejected", "count": {"a": 1}}]},
    "a suspect by its own account": {"x-death": [3], "x-delivery-count": 9},
}
#: The same in bytes that pika cannot decode: a number among the deaths, and a moment that is too late.
HIDDEN_DEATH = field("x-death", b"A", struct.pack(">I", 5) + b"I" + struct.pack(">i", 7)) + TOO_LATE

#: Odd, but each is a job with an id, a tensor and a moment until which it is worth running.
ODD_HEADERS: dict[str, dict[str, Any]] = {
    "a word for a count": {"x-delivery-count": "many"},
    "the highest count": {"x-delivery-count": HUGE},
    "a count below zero": {"x-delivery-count": -HUGE},
    "a table for a count": {"x-acquired-count": {"a": 1}},
    "the last moment of all": {"deadline": HUGE},
    "a list for a trace": {"traceparent": ["no", "text"]},
    "a word for the deaths": {"x-death": "never", "nested": {"a": {"b": {"c": [[[]]]}}}},
}


@pytest.fixture(scope="module")
def worker(
    rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("foreign")
    with Deployment(
        directory, amqp_url=rabbitmq.url, redis_url=redis_server.url, INFERENCE_MODEL="tests.support.models:EchoModel"
    ) as deployment:
        yield deployment.worker().wait_until_ready()


@pytest.fixture
def invalid_before(worker: Service) -> float:
    """How many invalid messages the worker has counted before the test."""
    return invalid_messages(worker)


def invalid_messages(worker: Service) -> float:
    return worker.metric("inference_invalid_messages_total")


async def classes_of(store: RedisStore, jobs: Mapping[str, BasicProperties]) -> dict[str, int | None]:
    """Return the class in the result of each job, None where it failed; the names are those of the jobs."""
    results = await results_of(store, [str(job.message_id) for job in jobs.values()], TIMEOUT_S)
    return {name: result.get("predicted_class") for name, result in zip(jobs, results, strict=True)}


async def test_foreign_messages_are_parked_and_their_neighbours_answered(
    broker: BrokerClient, store: RedisStore, worker: Service, invalid_before: float, tmp_path: Path
) -> None:
    neighbours = {}
    for name, (properties, body) in foreign_messages(tmp_path / "trap").items():
        broker.publish(properties, body)
        neighbours[name] = properties_with()
        broker.publish(neighbours[name], TENSOR)
    count = len(neighbours)

    assert await classes_of(store, neighbours) == dict.fromkeys(neighbours, 5)
    await broker.until_messages({"mnist.dead": count, "mnist.retry": 0, "mnist.jobs": 0})
    await until_in_thread(lambda: invalid_messages(worker) == invalid_before + count)
    assert worker.is_ready()
    assert not (tmp_path / "trap").exists()
    for letter in await broker.dead():
        assert '"reason": "invalid_message"' in Report.of(letter, SPEC).in_full(letter, SPEC, None, 0)
    log = worker.process.log.read_text()
    assert "broker connection lost" not in log
    assert "Traceback" not in log


async def test_a_forged_history_is_deleted_and_dead_lettering_goes_on(
    broker: BrokerClient, store: RedisStore, worker: Service, invalid_before: float
) -> None:
    forged = {name: properties_with(**headers) for name, headers in FORGED_DEATHS.items()}
    for properties in forged.values():
        broker.publish(properties, TENSOR)
    broker.publish(RawHeaders(HIDDEN_DEATH), TENSOR)
    broker.publish(BasicProperties(), b"a foreign message after them")
    neighbour = properties_with()
    broker.publish(neighbour, TENSOR)

    assert await classes_of(store, {"neighbour": neighbour}) == {"neighbour": 5}
    assert await classes_of(store, forged) == dict.fromkeys(forged)
    await broker.until_messages({"mnist.dead": 1, "mnist.retry": 0, "mnist.jobs": 0})
    assert [letter.body for letter in await broker.dead()] == [b"a foreign message after them"]
    assert invalid_messages(worker) == invalid_before + len(forged) + 2


async def test_a_job_with_odd_headers_is_answered(
    broker: BrokerClient, store: RedisStore, worker: Service, invalid_before: float
) -> None:
    jobs = {name: properties_with(**headers) for name, headers in ODD_HEADERS.items()}
    for properties in jobs.values():
        broker.publish(properties, TENSOR)

    assert await classes_of(store, jobs) == dict.fromkeys(jobs, 5)
    await broker.until_messages({"mnist.dead": 0, "mnist.retry": 0, "mnist.jobs": 0})
    assert invalid_messages(worker) == invalid_before
