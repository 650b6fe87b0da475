"""The Prometheus metrics of the API."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from inference_bridge.contract import DepthReader
from inference_bridge.depths import Depths
from inference_bridge.errors import BrokerUnavailable
from inference_bridge.rabbitmq.topology import queue_names
from inference_bridge.spec import ModelSpec

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """The metrics of one model's jobs; see `ApiMetrics`."""

    accepted: Counter
    canceled: Counter
    prepare_seconds: Histogram
    confirm_seconds: Histogram


class ApiMetrics:
    """Counters, gauges and histograms of one API process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.responses = Counter(
            "inference_http_responses",
            "HTTP responses by model, call, such as classify, and status",
            ["model", "call", "status"],
            registry=registry,
        )
        of_model: dict[str, Any] = {"labelnames": ["model"], "registry": registry}
        timed = {**of_model, "buckets": _SECONDS}
        self._accepted = Counter("inference_accepted", "Jobs that RabbitMQ confirmed", **of_model)
        self._canceled = Counter("inference_canceled", "Jobs that their clients canceled before a result", **of_model)
        text = "Time to turn an upload into the model's input, without waiting for a thread"
        self._prepare_seconds = Histogram("inference_prepare_seconds", text, **timed)
        self._confirm_seconds = Histogram("inference_confirm_seconds", "Time until RabbitMQ confirmed a job", **timed)
        self._waiters = Gauge("inference_waiters", "Calls that wait for a result", **of_model)

    def of_model(self, model: str) -> ModelMetrics:
        """Return the metrics of one model, which begin at 0."""
        return ModelMetrics(
            self._accepted.labels(model),
            self._canceled.labels(model),
            self._prepare_seconds.labels(model),
            self._confirm_seconds.labels(model),
        )

    def watch_buffers(self, byte_count: Callable[[], float]) -> None:
        """Add a gauge of the bytes of arriving bodies, read at each scrape."""
        gauge = Gauge("inference_buffered_bytes", "Bytes of arriving uploads", registry=self._registry)
        gauge.set_function(byte_count)

    def watch_waiters(self, model: str, count: Callable[[], float]) -> None:
        """Count the calls that wait for a result of a model, read at each scrape."""
        self._waiters.labels(model).set_function(count)


class WaitingJobs:
    """A gauge of the waiting jobs, read from RabbitMQ at each scrape; absent while RabbitMQ does not answer.

    Args:
        registry: receives the gauge.
        depth_readers: read the depth of the queues of each version of a model.
    """

    def __init__(self, registry: CollectorRegistry, depth_readers: Sequence[tuple[ModelSpec, DepthReader]]) -> None:
        self._gauge = Gauge(
            "inference_waiting_jobs", "Jobs that no worker holds, by queue", ["model", "queue"], registry=registry
        )
        self._depth_readers = depth_readers

    async def refresh(self) -> None:
        """Read the depths from RabbitMQ."""
        read = await asyncio.gather(*(_read(depth_reader) for _, depth_reader in self._depth_readers))
        self._gauge.clear()
        for (spec, _), depths in zip(self._depth_readers, read, strict=True):
            if depths is not None:
                jobs, retry, _ = queue_names(spec)
                self._gauge.labels(spec.name, jobs).set(depths.jobs)
                self._gauge.labels(spec.name, retry).set(depths.suspects)


async def _read(depth_reader: DepthReader) -> Depths | None:
    try:
        return await depth_reader.read()
    except BrokerUnavailable:
        return None
