"""A publisher for the tests of queues."""

from inference_bridge.rabbitmq.publisher import AmqpPublisher
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.rabbitmq.topology import Topology
from inference_bridge.spec import ModelSpec


def publisher_to(
    url: str,
    spec: ModelSpec,
    topology: Topology,
    *,
    settle_s: float = 0,
    publish_timeout_s: float = 5,
    throughput: Throughput | None = None,
) -> AmqpPublisher:
    """Return a publisher that is not connected yet."""
    return AmqpPublisher(
        url,
        spec=spec,
        topology=topology,
        publish_timeout_s=publish_timeout_s,
        max_unconfirmed=64,
        settle_s=settle_s,
        throughput=throughput or Throughput(),
    )
