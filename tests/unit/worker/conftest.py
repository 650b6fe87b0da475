"""Fixtures for the tests of the worker's loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from inference_bridge.memory.broker import MemoryBroker
from inference_bridge.reports import DEFAULT_POOL
from inference_worker.engine import Engine
from inference_worker.metrics import WorkerMetrics
from inference_worker.sizing import BatchSizing
from inference_worker.worker import Worker
from tests.support.certificates import Authority, Certificate
from tests.support.models import EchoModel, FaultyModel
from tests.support.sizes import FixedSize
from tests.unit.worker.bench import Bench, FaultyStore, OpenConsumer
from tests.unit.worker.kubernetes import Kubernetes


@pytest.fixture
def model_class() -> type[EchoModel]:
    return FaultyModel


@pytest.fixture
def model(model_class: type[EchoModel]) -> EchoModel:
    return model_class()


@pytest.fixture
async def bench(model: EchoModel) -> AsyncIterator[Bench]:
    broker, store = MemoryBroker(model.spec, queue_max_length=5_000), FaultyStore(result_ttl_s=60)
    consumer = OpenConsumer(broker, prefetch=24)
    engine = Engine(model, max_batch_size=8, forward_timeout_s=5, decode_threads=2, max_result_bytes=4_096)
    registry = CollectorRegistry()
    worker = Worker(
        consumer=consumer,
        store=store,
        engine=engine,
        sizing=cast("BatchSizing", FixedSize(8)),
        spec=model.spec,
        metrics=WorkerMetrics(registry, model=model.spec.name),
        drain_timeout_s=2,
        pool=DEFAULT_POOL,
    )
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    bench = Bench(broker, consumer, store, model, registry, worker, stop, working)
    yield bench
    bench.working.cancel()
    await asyncio.gather(bench.working, return_exceptions=True)
    engine.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ours").create()


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    return authority.issue("localhost")


@pytest.fixture
def kubernetes(authority: Authority, certificate: Certificate, tmp_path: Path) -> Iterator[Kubernetes]:
    kubernetes = Kubernetes(tmp_path, authority.file)
    with kubernetes.serving(certificate):
        yield kubernetes
