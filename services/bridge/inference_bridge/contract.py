"""What both sides may expect of a broker and of a store; RabbitMQ and Redis keep it, and so do the stand-ins."""

from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Protocol

from inference_bridge.depths import Depths
from inference_bridge.inbox import Delivery, Inbox
from inference_bridge.reports import WorkerReport
from inference_bridge.requests import InferenceRequest
from inference_bridge.results import Result


class Publisher(Protocol):
    """Takes requests for the queue; see `inference_bridge.rabbitmq.publisher.AmqpPublisher`."""

    @property
    def is_ready(self) -> bool:
        """Whether a publish made now would be taken."""

    async def run(self) -> None:
        """Stay connected until cancelled."""

    def check_headroom(self) -> None:
        """Raise `Unavailable` if a publish made now would be refused at once."""

    async def publish(self, request: InferenceRequest) -> None:
        """Return once the broker holds the request for good; raise `Unavailable` otherwise."""

    async def flush(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` until nothing is outstanding."""


class DepthReader(Protocol):
    """Sees how many jobs wait; see `inference_bridge.rabbitmq.depth_reader.AmqpDepthReader`."""

    async def run(self) -> None:
        """Stay connected until cancelled."""

    async def read(self) -> Depths:
        """Return how many messages wait in each queue; raise `BrokerUnavailable` when that cannot be known."""


class Consumer(Protocol):
    """Lends messages to a worker; see `inference_bridge.rabbitmq.consumer.AmqpConsumer`."""

    @property
    def is_ready(self) -> bool:
        """Whether messages would arrive if there were any."""

    @property
    def prefetch(self) -> int:
        """Unsettled jobs that this consumer may hold."""

    async def run(self, inbox: Inbox) -> None:
        """Fill the inbox until cancelled."""

    async def change_prefetch(self, prefetch: int) -> None:
        """Hold at most so many jobs from now on, beside those that are held already."""

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Return jobs that wait, so that another worker can start them."""

    def settle(self, deliveries: Sequence[Delivery], rejected: Collection[Delivery] = ()) -> None:
        """Reject `rejected` towards the next queue, acknowledge the rest of `deliveries`."""

    async def cancel(self) -> None:
        """Take nothing new."""

    def requeue_all(self) -> None:
        """Return everything unsettled."""


class Store(Protocol):
    """Keeps terminal results; see `redis_store.RedisStore`. Every call may raise `StoreUnavailable`."""

    async def put(self, results: Sequence[Result]) -> int:
        """Store each result unless its id has one already; return how many were new."""

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        """Return the stored bodies in the order of the ids, None where there is none."""

    async def count_attempt(self, inference_id: str, token: str) -> int:
        """Note that the solo run called `token` starts now; return how many are noted, this one included.

        A call that is repeated counts once.
        """

    async def uncount_attempt(self, inference_id: str, token: str) -> None:
        """Forget the solo run called `token`: it ended, or goes on, without the death of a worker to count."""

    async def attempts(self, inference_ids: Sequence[str]) -> list[int]:
        """Return how many solo runs are noted for each id, in the order of the ids."""

    async def reset(self, inference_id: str, *, ttl_s: int) -> bool:
        """Forget a failed id's result and attempts for a second life; return False, changing nothing, if it succeeded.

        For `ttl_s` the id then reads as revived.
        """

    async def is_replayed(self, inference_id: str) -> bool:
        """Tell whether the id was revived not longer ago than the `ttl_s` of that call."""

    async def claim(self, name: str, value: bytes, *, ttl_s: int) -> bytes | None:
        """Reserve a key for `value`; return None when it was free, else the value that holds it."""

    async def replace_claim(self, name: str, held: bytes, value: bytes, *, ttl_s: int) -> bytes:
        """Put `value` in the place of `held`, or of nothing; return the value that holds the key then."""

    async def report(self, worker_id: str, report: WorkerReport) -> None:
        """Keep what a worker says of itself; forget silent ones of its pool, but never the last of a pool."""

    async def reports(self) -> list[WorkerReport]:
        """Return what each worker said last, with its age; of a pool without workers, what the last ones said."""

    async def ping(self) -> None:
        """Return when the store answers and may be written to."""

    def notifications(self) -> AsyncGenerator[list[str], None]:
        """Yield the ids of each batch that was stored; an empty list means: look again."""

    async def close(self) -> None:
        """Close every connection."""
