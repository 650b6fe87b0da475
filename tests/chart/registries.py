"""The metrics of the services, without the services."""

import asyncio

from prometheus_client import CollectorRegistry

from inference_api.hooks.metrics import HookMetrics
from inference_api.metrics import ApiMetrics, WaitingJobs
from inference_bridge.memory.broker import MemoryBroker
from inference_worker.metrics import WorkerMetrics
from mnist_model.spec import SPEC


def registries() -> tuple[CollectorRegistry, CollectorRegistry]:
    """Return two registries, with every metric of an API process and with every metric of a worker."""
    api, worker = CollectorRegistry(), CollectorRegistry()
    metrics = ApiMetrics(api)
    metrics.of_model(SPEC.name)
    metrics.responses.labels(SPEC.name, "classify", "202")
    metrics.watch_waiters(SPEC.name, lambda: 0)
    metrics.watch_buffers(lambda: 0)
    depth_reader = MemoryBroker(SPEC, queue_max_length=1).depth_reader()
    waiting = WaitingJobs(api, [(SPEC, depth_reader)])
    asyncio.run(waiting.refresh())
    WorkerMetrics(worker, model=SPEC.name)
    return api, worker


def sender_registry() -> CollectorRegistry:
    """Return a registry with every metric of the sender of webhooks."""
    registry = CollectorRegistry()
    HookMetrics(registry, {})
    return registry
