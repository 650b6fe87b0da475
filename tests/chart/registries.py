"""The metrics of the services, without the services."""

from prometheus_client import CollectorRegistry

from mnist_api.metrics import ApiMetrics
from mnist_worker.metrics import WorkerMetrics


def registries() -> tuple[CollectorRegistry, CollectorRegistry]:
    """Return a registry with every metric of an API process, and one with every metric of a worker."""
    api, worker = CollectorRegistry(), CollectorRegistry()
    metrics = ApiMetrics(api)
    metrics.watch_waiters(lambda: 0)
    metrics.watch_buffers(lambda: 0)
    WorkerMetrics(worker)
    return api, worker
