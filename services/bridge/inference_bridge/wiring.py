"""Builds topology, store, dead letters and metrics from the settings and a model's spec."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from inference_bridge.errors import ConfigurationError
from inference_bridge.memory.broker import MemoryBroker
from inference_bridge.memory.store import MemoryStore
from inference_bridge.rabbitmq.connection import Connection
from inference_bridge.rabbitmq.dead_letters import DeadLetters
from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.rabbitmq.topology import Topology, topology_for
from inference_bridge.redis_connections import connect_redis
from inference_bridge.redis_store import RedisStore
from inference_bridge.settings import BridgeSettings
from inference_bridge.spec import ModelSpec

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

#: Most bytes of the jobs that wait in memory.
MEMORY_QUEUE_MAX_BYTES = 268_435_456


def build_topology(settings: BridgeSettings, spec: ModelSpec) -> Topology:
    """Return the exchanges and queues of a model."""
    return topology_for(spec, queue_max_length=settings.queue_max_length)


@asynccontextmanager
async def open_dead_letters(settings: BridgeSettings, spec: ModelSpec) -> AsyncIterator[DeadLetters]:
    """Connect to RabbitMQ and yield the dead letters of a model."""
    async with Connection(connection_parameters(settings.broker_url, name="dead letters")) as connection:
        yield DeadLetters(connection, spec=spec, topology=build_topology(settings, spec))


def build_store(settings: BridgeSettings, spec: ModelSpec, *, retries: int = 1) -> RedisStore:
    """Return the store in Redis; see `connect_redis` for `retries`."""
    redis = connect_redis(settings.redis_url.get_secret_value(), ca_file=settings.ca_file, retries=retries)
    return RedisStore(redis, spec=spec, result_ttl_s=settings.result_ttl_s)


def build_memory(settings: BridgeSettings, spec: ModelSpec) -> tuple[MemoryBroker, MemoryStore]:
    """Return a broker and a store in memory, instead of RabbitMQ and Redis."""
    most = MEMORY_QUEUE_MAX_BYTES // spec.takes.max_body_bytes
    broker = MemoryBroker(spec, queue_max_length=min(settings.queue_max_length, most))
    return broker, MemoryStore(result_ttl_s=settings.result_ttl_s, model=spec.name)


def build_registry() -> CollectorRegistry:
    """Return a registry with the metrics of the process and of Python."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


@contextmanager
def open_tracer(settings: BridgeSettings, *, service: str) -> Iterator["Tracer | None"]:
    """Yield a tracer, or None without an endpoint; the last spans leave at the end.

    Raises:
        ConfigurationError: there is an endpoint, and OpenTelemetry is not installed.
    """
    if not settings.otlp_endpoint:
        yield None
        return
    try:
        from inference_bridge.tracing import Tracer  # only here: nobody else pays for its packages
    except ImportError as error:
        remedy = "install mnist-inference-bridge[tracing]"
        raise ConfigurationError(f"INFERENCE_OTLP_ENDPOINT is set, but {error.name} is not there; {remedy}") from error
    tracer = Tracer(settings.otlp_endpoint, service=f"inference-{service}")
    try:
        yield tracer
    finally:
        tracer.close()
