"""Exchanges and queues of a model; API and worker both declare them.

A message moves one way: `jobs` -> `retry` -> `dead`. The worker rejects it, and the broker dead-letters it at least
once. Dead letters have their own exchange, so that a user with the right to publish jobs cannot publish there.
"""

from dataclasses import dataclass, field
from typing import Any

from inference_bridge.spec import ModelSpec

#: Above our own limits, so that the broker never dead-letters a job before its result is stored.
JOBS_DELIVERY_LIMIT = 20
#: Higher, because a dead-lettered message may keep its count (RabbitMQ 4.3).
RETRY_DELIVERY_LIMIT = 40
#: Solo runs of a suspect before it counts as poison; far below both limits.
SOLO_ATTEMPTS = 3
#: Each look at a dead letter is a delivery and a requeue: with its default limit RabbitMQ 4 would delete the letter
#: after 20 looks.
DEAD_DELIVERY_LIMIT = 1_000_000
DEAD_MAX_LENGTH = 10_000
#: Most bytes of the jobs that wait for one model; RabbitMQ keeps them on its disk.
QUEUE_MAX_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue and its one binding."""

    name: str
    exchange: str
    routing_key: str
    arguments: dict[str, Any] = field(hash=False)

    @property
    def max_length(self) -> int:
        """Most messages in the queue."""
        return int(self.arguments["x-max-length"])


@dataclass(frozen=True, slots=True)
class Topology:
    """The exchanges and queues of one model.

    Attributes:
        exchange: receives jobs.
        dead_letter_exchange: receives rejected messages.
        settled_exchange: exists once the jobs queue can survive a hard kill, see `settling.py`.
        routing_key: of jobs.
        jobs: jobs that wait for a worker.
        retry: suspects, and rejected messages on their way to `dead`.
        dead: jobs that failed for good, and foreign messages.
    """

    exchange: str
    dead_letter_exchange: str
    settled_exchange: str
    routing_key: str
    jobs: Queue
    retry: Queue
    dead: Queue

    @property
    def exchanges(self) -> tuple[str, str]:
        """Names of the durable direct exchanges."""
        return self.exchange, self.dead_letter_exchange

    @property
    def queues(self) -> tuple[Queue, Queue, Queue]:
        """The queues in the order of declaration: the target of dead letters before their source."""
        return self.dead, self.retry, self.jobs


def queue_names(spec: ModelSpec) -> tuple[str, str, str]:
    """Return the names of a model's queues `jobs`, `retry` and `dead`."""
    return f"{spec.queue_prefix}.jobs", f"{spec.queue_prefix}.retry", f"{spec.queue_prefix}.dead"


def topology_for(spec: ModelSpec, *, queue_max_length: int) -> Topology:
    """Return the topology of a model.

    `queue_max_length` bounds the jobs that wait in `jobs`; for large inputs it is lowered to `QUEUE_MAX_BYTES`.
    """
    exchange, dlx, name = "inference", "inference.dlx", spec.queue_prefix
    jobs_name, retry_name, dead_name = queue_names(spec)
    # Not by `x-max-length-bytes`: no call tells how many bytes a queue holds, so the API could not see that it is full.
    max_length = min(queue_max_length, QUEUE_MAX_BYTES // spec.takes.max_body_bytes)
    jobs = {"x-max-length": max_length, "x-delivery-limit": JOBS_DELIVERY_LIMIT}
    retry = {"x-delivery-limit": RETRY_DELIVERY_LIMIT}
    dead = {
        "x-queue-type": "quorum",
        "x-max-length": min(DEAD_MAX_LENGTH, QUEUE_MAX_BYTES // spec.takes.max_body_bytes),
        "x-overflow": "drop-head",
        "x-delivery-limit": DEAD_DELIVERY_LIMIT,
    }
    return Topology(
        exchange=exchange,
        dead_letter_exchange=dlx,
        settled_exchange=f"{jobs_name}.settled",
        routing_key=name,
        jobs=Queue(jobs_name, exchange, name, _with_dead_lettering(jobs, dlx, retry_name)),
        retry=Queue(retry_name, dlx, retry_name, _with_dead_lettering(retry, dlx, dead_name)),
        dead=Queue(dead_name, dlx, dead_name, dead),
    )


def _with_dead_lettering(arguments: dict[str, Any], exchange: str, routing_key: str) -> dict[str, Any]:
    # Without reject-publish, RabbitMQ silently dead-letters at most once (RabbitMQ, "Quorum Queues", activating
    # at-least-once dead-lettering).
    return {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-dead-letter-strategy": "at-least-once",
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": routing_key,
        **arguments,
    }
