"""The Prometheus metrics of the worker."""

from collections.abc import Sequence
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from inference_bridge.inbox import Lane
from inference_bridge.results import Result, Status

_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: States that no worker stores.
_OF_THE_API = {Status.PENDING, Status.CANCELED}

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


class WorkerMetrics:
    """Counters, gauges and histograms of one worker process.

    Args:
        registry: keeps the metrics.
        model: name of the model, the label `model` of each metric.
    """

    def __init__(self, registry: CollectorRegistry, *, model: str) -> None:
        def metric(kind: type[Metric], name: str, text: str, **options: Any) -> Metric:
            return kind(name, text, ["model"], registry=registry, **options).labels(model)

        self.batch_size = metric(Histogram, "inference_batch_size", "Jobs per batch", buckets=_BATCH_SIZES)
        self.predict_seconds = metric(
            Histogram, "inference_predict_seconds", "Time of a batch on the device", buckets=_SECONDS
        )
        self.device_busy = metric(Gauge, "inference_device_busy", "1 while a batch is on the device, else 0")
        text = "Results that Redis stored or refused, by their status"
        results = Counter("inference_results", text, ["model", "status"], registry=registry)
        # Starting at 0, because Prometheus sees no increase in a counter that starts at 1.
        self.results = {status: results.labels(model, status) for status in set(Status) - _OF_THE_API}
        self.duplicates = metric(
            Counter,
            "inference_duplicate_results",
            "Results that Redis refused at the first call because the id had a result already",
        )
        self.solo_runs = metric(Counter, "inference_solo_runs", "Suspects that ran alone to the end")
        self.invalid_messages = metric(
            Counter, "inference_invalid_messages", "Foreign messages, dead-lettered or deleted"
        )
        self.store_retries = metric(Counter, "inference_store_retries", "Failed calls to Redis that are repeated")
        self.spec_mismatches = metric(
            Counter, "inference_spec_mismatches", "Jobs that were prepared with another spec of the same version"
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
            self.results[result.status].inc()
        self.duplicates.inc(duplicates)
