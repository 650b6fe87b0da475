"""Exchanges and queues: one table, declared by both sides.

A message moves one way: `jobs` -> `retry` -> `dead`. The worker moves it by rejecting it; the broker hands it on
at least once. The dead-letter exchange is one of its own, so that who may publish jobs may not publish there.
"""

from dataclasses import dataclass, field
from typing import Any

from inference_bridge.spec import ModelSpec

#: Above every limit of our own, so that the broker alone never parks a job whose result is not stored.
JOBS_DELIVERY_LIMIT = 20
#: Higher, because a dead letter may bring its count along (RabbitMQ 4.3).
RETRY_DELIVERY_LIMIT = 40
#: Solo runs that a suspect gets before it is declared the killer; far below both limits.
SOLO_ATTEMPTS = 3
#: Who looks at a dead letter gives it back, and that counts as a delivery: without a limit of our own RabbitMQ 4
#: would delete it after 20 looks.
DEAD_DELIVERY_LIMIT = 1_000_000
DEAD_MAX_LENGTH = 10_000


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue and the one binding that fills it."""

    name: str
    exchange: str
    routing_key: str
    arguments: dict[str, Any] = field(hash=False)

    @property
    def max_length(self) -> int:
        """Messages that may wait in it."""
        return int(self.arguments["x-max-length"])


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that exists in the broker for one model.

    Attributes:
        exchange: takes jobs.
        dead_letter_exchange: takes what was rejected.
        settled_exchange: exists while the jobs queue is known to be safe against a hard kill, see `settling.py`.
        routing_key: of jobs.
        jobs: what waits for a worker.
        retry: suspects.
        dead: what nobody runs any more.
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
        """The queues in the order to declare: the target of a dead letter exists before its source."""
        return self.dead, self.retry, self.jobs


def topology_for(spec: ModelSpec, *, queue_max_length: int) -> Topology:
    """Return the topology of a model; `queue_max_length` bounds the jobs that wait in `jobs`."""
    exchange, dlx, name = "inference", "inference.dlx", spec.name
    jobs = {"x-max-length": queue_max_length, "x-delivery-limit": JOBS_DELIVERY_LIMIT}
    retry = {"x-delivery-limit": RETRY_DELIVERY_LIMIT}
    dead = {
        "x-queue-type": "quorum",
        "x-max-length": DEAD_MAX_LENGTH,
        "x-overflow": "drop-head",
        "x-delivery-limit": DEAD_DELIVERY_LIMIT,
    }
    return Topology(
        exchange=exchange,
        dead_letter_exchange=dlx,
        settled_exchange=f"{name}.jobs.settled",
        routing_key=name,
        jobs=Queue(f"{name}.jobs", exchange, name, _with_dead_lettering(jobs, dlx, f"{name}.retry")),
        retry=Queue(f"{name}.retry", dlx, f"{name}.retry", _with_dead_lettering(retry, dlx, f"{name}.dead")),
        dead=Queue(f"{name}.dead", dlx, f"{name}.dead", dead),
    )


def _with_dead_lettering(arguments: dict[str, Any], exchange: str, routing_key: str) -> dict[str, Any]:
    # At-least-once dead-lettering silently falls back to at-most-once without reject-publish (RabbitMQ, "Quorum
    # Queues", activating at-least-once dead-lettering).
    return {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-dead-letter-strategy": "at-least-once",
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": routing_key,
        **arguments,
    }
