"""Messages in the queue that no API published: each is parked, and harms nobody."""

import os
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pika import BasicProperties

from inference_api.dead.report import Report
from inference_bridge.redis_store import RedisStore
from inference_bridge.requests import to_properties
from mnist_model.spec import SPEC
from tests.integration.broker_client import BrokerClient
from tests.integration.conftest import TIMEOUT_S
from tests.support.deployment import Deployment, Service
from tests.support.jobs import a_job
from tests.support.results import results_of
from tests.support.servers import RabbitMQ, RedisServer
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


def nested(depth: int) -> bytes:
    table = b""
    for _ in range(depth):
        table = b"\x01aF" + struct.pack(">I", len(table)) + table
    return table


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


def strangers(trap: Path) -> list[tuple[BasicProperties, bytes]]:
    tables: dict[str, Any] = {"a": {"b": [{"c": None}, [1, [2, {"d": True}]]]}}
    return [
        (changed(type="other.v9"), TENSOR),
        (changed(type=None), TENSOR),
        (changed(content_type="application/python-pickle"), TENSOR),
        (changed(message_id=None), TENSOR),
        (changed(message_id="../../etc/passwd"), TENSOR),
        (properties_with(), b"short"),
        (properties_with(), b""),
        (properties_with(), os.urandom(1_000_000)),
        (properties_with(), pickle.dumps(Intruder(trap))),
        (changed(message_id=None), pickle.dumps(Intruder(trap)).ljust(784, b".")),
        (properties_with(deadline="tomorrow"), TENSOR),
        (properties_with(deadline=-1), TENSOR),
        (properties_with(deadline=None), TENSOR),
        (properties_with(deadline=tables), TENSOR),
        (properties_with(**{"deadline": "x" * 60_000}), TENSOR),
        (BasicProperties(headers={**tables, "x-death": "never", "x-delivery-count": [1]}), b"?"),
        (BasicProperties(headers={"x-death": [{"reason": 7, "time": "now"}]}), b"?"),
        (RawHeaders(b"\x01aT" + struct.pack(">Q", 2**63)), TENSOR),
        (RawHeaders(nested(5_000)), TENSOR),
        (RawHeaders(nested(400)), TENSOR),
        (BasicProperties(), b""),
    ]


#: RabbitMQ 3.10 cannot hand these on: its dead-lettering would die of them, again and again.
FORGED_DEATHS: list[Any] = [
    [3],
    [None],
    [[1]],
    [{"queue": "mnist.jobs", "reason": "rejected", "count": "many"}],
    [{"queue": "mnist.jobs", "reason": "rejected", "count": {"a": 1}}],
]

#: Odd, but each is a job with an id, a tensor and a moment until which it is worth running.
ODD_JOBS: list[dict[str, Any]] = [
    {"x-delivery-count": "many"},
    {"x-delivery-count": HUGE},
    {"x-delivery-count": -HUGE},
    {"x-acquired-count": {"a": 1}},
    {"deadline": HUGE},
    {"traceparent": ["no", "text"]},
    {"x-death": "never", "nested": {"a": {"b": {"c": [[[]]]}}}},
]


@pytest.fixture(scope="module")
def worker(
    rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("strangers")
    with Deployment(
        directory, amqp_url=rabbitmq.url, redis_url=redis_server.url, INFERENCE_MODEL="tests.support.models:ECHO"
    ) as deployment:
        yield deployment.worker().wait_until_ready()


@pytest.fixture
def invalid_before(worker: Service) -> float:
    """How many invalid messages the worker has counted before the test."""
    return invalid_messages(worker)


def invalid_messages(worker: Service) -> float:
    return worker.metric("inference_invalid_messages_total")


async def classes_of(store: RedisStore, ids: list[str]) -> list[int | None]:
    return [result.get("predicted_class") for result in await results_of(store, ids, TIMEOUT_S)]


async def test_strangers_are_parked_and_their_neighbours_answered(
    broker: BrokerClient, store: RedisStore, worker: Service, invalid_before: float, tmp_path: Path
) -> None:
    ids = []
    for properties, body in strangers(tmp_path / "trap"):
        broker.publish(properties, body)
        neighbour = properties_with()
        broker.publish(neighbour, TENSOR)
        ids.append(str(neighbour.message_id))
    count = len(ids)

    assert await classes_of(store, ids) == [5] * count
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
    forged = [properties_with(**{"x-death": deaths}) for deaths in FORGED_DEATHS]
    forged.append(properties_with(**{"x-death": [3], "x-delivery-count": 9}))  # a suspect, by its own account
    for properties in forged:
        broker.publish(properties, TENSOR)
    hidden = b"\x07x-deathA\x00\x00\x00\x05I\x00\x00\x00\x07" + b"\x01aT" + struct.pack(">Q", 2**63)
    broker.publish(RawHeaders(hidden), TENSOR)
    broker.publish(BasicProperties(), b"a stranger after them")
    neighbour = properties_with()
    broker.publish(neighbour, TENSOR)

    assert await classes_of(store, [str(neighbour.message_id)]) == [5]
    assert await classes_of(store, [str(properties.message_id) for properties in forged]) == [None] * len(forged)
    await broker.until_messages({"mnist.dead": 1, "mnist.retry": 0, "mnist.jobs": 0})
    assert [letter.body for letter in await broker.dead()] == [b"a stranger after them"]
    assert invalid_messages(worker) == invalid_before + len(forged) + 2


async def test_a_job_with_odd_headers_is_answered(
    broker: BrokerClient, store: RedisStore, worker: Service, invalid_before: float
) -> None:
    jobs = [properties_with(**headers) for headers in ODD_JOBS]
    for properties in jobs:
        broker.publish(properties, TENSOR)

    assert await classes_of(store, [str(job.message_id) for job in jobs]) == [5] * len(jobs)
    await broker.until_messages({"mnist.dead": 0, "mnist.retry": 0, "mnist.jobs": 0})
    assert invalid_messages(worker) == invalid_before
