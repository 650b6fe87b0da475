"""The Prometheus metrics of the API."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from inference_bridge.contract import DepthReader
from inference_bridge.errors import BrokerUnavailable
from inference_bridge.rabbitmq.topology import Topology

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class ApiMetrics:
    """Counters, gauges and histograms of one API process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.responses = Counter(
            "inference_http_responses",
            "HTTP responses by call, such as classify, and status",
            ["call", "status"],
            registry=registry,
        )
        self.accepted = Counter("inference_accepted", "Jobs that RabbitMQ confirmed", registry=registry)
        self.decode_seconds = Histogram(
            "inference_decode_seconds",
            "Time to turn a picture into the model's input, without waiting for a thread",
            buckets=_SECONDS,
            registry=registry,
        )
        self.confirm_seconds = Histogram(
            "inference_confirm_seconds", "Time until RabbitMQ confirmed a job", buckets=_SECONDS, registry=registry
        )

    def watch_buffers(self, byte_count: Callable[[], float]) -> None:
        """Add a gauge of the bytes of arriving bodies, read at each scrape."""
        gauge = Gauge("inference_buffered_bytes", "Bytes of arriving pictures", registry=self._registry)
        gauge.set_function(byte_count)

    def watch_waiters(self, count: Callable[[], float]) -> None:
        """Add a gauge of the calls that wait for a result, read at each scrape."""
        Gauge("inference_waiters", "Calls that wait for a result", registry=self._registry).set_function(count)


class WaitingJobs:
    """A gauge of the waiting jobs, read from RabbitMQ at each scrape; absent while RabbitMQ does not answer.

    Args:
        registry: receives the gauge.
        depth_reader: reads the depth of the queues.
        topology: names the queues.
    """

    def __init__(self, registry: CollectorRegistry, depth_reader: DepthReader, topology: Topology) -> None:
        self._gauge = Gauge(
            "inference_waiting_jobs", "Jobs that no worker holds, by queue", ["queue"], registry=registry
        )
        self._depth_reader = depth_reader
        self._names = (topology.jobs.name, topology.retry.name)  # in the order of Depths

    async def refresh(self) -> None:
        """Read the depths from RabbitMQ."""
        try:
            depths = await self._depth_reader.read()
        except BrokerUnavailable:
            self._gauge.clear()
            return
        for name, depth in zip(self._names, depths, strict=True):
            self._gauge.labels(name).set(depth)
