"""The interfaces of broker and store, implemented with RabbitMQ and Redis and in memory."""

from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Protocol

from inference_bridge.depths import Depths, OnLook
from inference_bridge.hooks import Backlog, Hook, HookState, Try
from inference_bridge.inbox import Delivery, Inbox
from inference_bridge.jobs import Job
from inference_bridge.reports import WorkerReport
from inference_bridge.results import Result


class Publisher(Protocol):
    """Publishes jobs; see `inference_bridge.rabbitmq.publisher.AmqpPublisher`.

    Attributes:
        on_look: called at each look at the jobs queue with its waiting jobs and its consumers.
    """

    on_look: OnLook

    @property
    def is_ready(self) -> bool:
        """Whether the broker would take a job now."""

    async def run(self) -> None:
        """Stay connected until cancelled."""

    def check_headroom(self, count: int = 1, share: float = 1.0) -> None:
        """Raise `Unavailable` if `count` jobs published now would be refused, or exceed this share of the queue.

        Raise InputTooLarge if an empty queue would be too small for them.
        """

    async def publish(self, job: Job) -> None:
        """Return once the broker has confirmed the job; raise `Unavailable` otherwise."""

    async def flush(self, timeout_s: float) -> None:
        """Wait until every publish is confirmed, at most `timeout_s`."""


class DepthReader(Protocol):
    """Reads the depth of the queues; see `inference_bridge.rabbitmq.depth_reader.AmqpDepthReader`."""

    async def run(self) -> None:
        """Stay connected until cancelled."""

    async def read(self) -> Depths:
        """Return how many messages wait in each queue; raise `BrokerUnavailable` if the broker does not say."""


class Consumer(Protocol):
    """Delivers messages to a worker; see `inference_bridge.rabbitmq.consumer.AmqpConsumer`."""

    @property
    def is_ready(self) -> bool:
        """Whether the broker delivers messages to this consumer."""

    @property
    def prefetch(self) -> int:
        """Unsettled jobs that this consumer may hold."""

    async def run(self, inbox: Inbox) -> None:
        """Fill the inbox until cancelled."""

    async def change_prefetch(self, prefetch: int) -> None:
        """Hold at most `prefetch` jobs from now on; jobs received earlier do not count."""

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Return these jobs to their queue, so that another worker can start them."""

    def settle(self, deliveries: Sequence[Delivery], rejected: Collection[Delivery] = ()) -> None:
        """Reject `rejected`, which moves them to the next queue; acknowledge the rest of `deliveries`."""

    async def cancel(self) -> None:
        """Stop deliveries."""

    def requeue_all(self) -> None:
        """Return every unsettled message to its queue."""


class Hooks(Protocol):
    """Keeps webhooks until they are delivered; see `redis_hooks.RedisHooks`. Calls may raise `StoreUnavailable`."""

    async def claim(self, endpoint: str, count: int) -> list[Hook]:
        """Return at most `count` due webhooks of an endpoint; nobody else gets them for `LEASE_S`."""

    async def settle(self, hook: Hook, tried: Try) -> None:
        """Note a try; the webhook waits for the next one, or no longer waits."""

    async def get(self, inference_id: str) -> HookState | None:
        """Return the state of a job's webhook; None if it has none."""

    async def repeat(self, inference_id: str, endpoint: str) -> None:
        """Make a job's webhook due now, delivered or not."""

    async def backlog(self, endpoint: str) -> Backlog:
        """Return the waiting webhooks of an endpoint."""


class Store(Protocol):
    """Keeps terminal results; see `redis_store.RedisStore`. Every call may raise `StoreUnavailable`."""

    @property
    def hooks(self) -> Hooks:
        """The webhooks of the results."""

    async def put(self, results: Sequence[Result]) -> int:
        """Store each result unless its id has one already; return how many were new.

        A result with an endpoint makes a webhook with the stored body, in the same step and once for each id.
        """

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        """Return the stored bodies in the order of the ids, None where there is none."""

    async def get_output(self, inference_id: str) -> bytes | None:
        """Return the file that the model made for this id, or None."""

    async def count_attempt(self, inference_id: str, token: str) -> int:
        """Count a solo run that starts now; return how many are counted for this id.

        `token` names the run: a repeated call counts once.
        """

    async def uncount_attempt(self, inference_id: str, token: str) -> None:
        """Stop counting the solo run called `token`, because the worker did not die of it."""

    async def attempts(self, inference_ids: Sequence[str]) -> list[int]:
        """Return how many solo runs are counted for each id, in the order of the ids."""

    async def reset(self, inference_id: str, *, ttl_s: int) -> bool:
        """Reset a job for a replay; return False and change nothing if it has succeeded.

        The result and the attempts are deleted; for `ttl_s` the id then reads as replayed.
        """

    async def is_replayed(self, inference_id: str) -> bool:
        """Tell whether the job was reset within the last `ttl_s` seconds, as given to `reset`."""

    async def claim(self, name: str, value: bytes, *, ttl_s: int) -> bytes | None:
        """Store `value` under a free name and return None; return the value of a name in use."""

    async def is_claimed(self, name: str) -> bool:
        """Tell whether a name of a claim is in use."""

    async def replace_claim(self, name: str, held: bytes, value: bytes, *, ttl_s: int) -> bytes:
        """Replace `held`, or nothing, with `value`; return the value that the name has afterwards."""

    async def report(self, worker_id: str, report: WorkerReport) -> None:
        """Store a worker's report; delete old reports of its pool, but keep the last one of a pool."""

    async def reports(self) -> list[WorkerReport]:
        """Return the latest report of each worker, with its age; of a pool without workers, the last reports."""

    async def ping(self) -> None:
        """Return when the store can be read and is not a copy; it may refuse writes for now."""

    def notifications(self) -> AsyncGenerator[list[str], None]:
        """Yield the ids of each stored batch; an empty list means that some may have been missed."""

    async def close(self) -> None:
        """Close every connection."""
