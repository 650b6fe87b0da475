"""What the worker counts, under Prometheus names."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from mnist_bridge.results import Result

_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class WorkerMetrics:
    """Counters and histograms of one worker process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.batch_size = Histogram("mnist_batch_size", "Jobs per batch", buckets=_BATCH_SIZES, registry=registry)
        self.predict_seconds = Histogram(
            "mnist_predict_seconds", "Time a batch spent on the device", buckets=_SECONDS, registry=registry
        )
        self.results = Counter("mnist_results", "Terminal results by status", ["status"], registry=registry)
        self.duplicates = Counter(
            "mnist_duplicate_results", "Results not stored because the id had one already", registry=registry
        )
        self.solo_runs = Counter("mnist_solo_runs", "Suspects that ran alone", registry=registry)
        self.invalid_messages = Counter(
            "mnist_invalid_messages", "Messages that were no jobs, parked or deleted", registry=registry
        )
        self.store_retries = Counter("mnist_store_retries", "Calls to Redis that had to be repeated", registry=registry)

    def observe_batch(self, batch_size: int, predict_s: float) -> None:
        """Count a batch that left the device."""
        if batch_size:
            self.batch_size.observe(batch_size)
            self.predict_seconds.observe(predict_s)

    def observe_results(self, results: Sequence[Result], created: int) -> None:
        """Count results that the store answered for; `created` of them were new."""
        for result in results:
            self.results.labels(result.status).inc()
        self.duplicates.inc(len(results) - created)
