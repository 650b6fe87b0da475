"""The Prometheus metrics of the worker."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from inference_bridge.inbox import Lane
from inference_bridge.results import Result, Status

_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class WorkerMetrics:
    """Counters, gauges and histograms of one worker process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.batch_size = Histogram("inference_batch_size", "Jobs per batch", buckets=_BATCH_SIZES, registry=registry)
        self.predict_seconds = Histogram(
            "inference_predict_seconds", "Time of a batch on the device", buckets=_SECONDS, registry=registry
        )
        self.device_busy = Gauge("inference_device_busy", "1 while a batch is on the device, else 0", registry=registry)
        self.results = Counter(
            "inference_results",
            "Results that Redis stored or refused, by their status",
            ["status"],
            registry=registry,
        )
        # Starting at 0, because Prometheus sees no increase in a counter that starts at 1.
        for status in set(Status) - {Status.PENDING}:
            self.results.labels(status)
        self.duplicates = Counter(
            "inference_duplicate_results",
            "Results that Redis refused at the first call because the id had a result already",
            registry=registry,
        )
        self.solo_runs = Counter("inference_solo_runs", "Suspects that ran alone to the end", registry=registry)
        self.invalid_messages = Counter(
            "inference_invalid_messages", "Foreign messages, dead-lettered or deleted", registry=registry
        )
        self.store_retries = Counter(
            "inference_store_retries", "Failed calls to Redis that are repeated", registry=registry
        )

    def observe_batch(self, lane: Lane, batch_size: int, predict_s: float) -> None:
        """Count a batch after its run."""
        if batch_size:
            self.batch_size.observe(batch_size)
            self.predict_seconds.observe(predict_s)
        if lane is Lane.RETRY:
            self.solo_runs.inc(batch_size)

    def observe_results(self, results: Sequence[Result], duplicates: int) -> None:
        """Count results that were sent to the store; it refused `duplicates` of them."""
        for result in results:
            self.results.labels(result.status).inc()
        self.duplicates.inc(duplicates)
