"""Issues ids and publishes prepared inputs as jobs."""

import time
from dataclasses import dataclass

from inference_api.errors import ExpiredId
from inference_bridge.contract import Publisher, Store
from inference_bridge.errors import UnknownId
from inference_bridge.ids import TicketSigner
from inference_bridge.jobs import Job
from inference_bridge.settings import GRACE_S
from inference_bridge.spec import ModelSpec

#: The path of the default model's submissions.
CLASSIFY = "/classify"


@dataclass(frozen=True, slots=True)
class Ticket:
    """An id and when it was issued, in milliseconds since 1970."""

    inference_id: str
    issued_ms: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission that is ready for its job; all as in `inference_bridge.jobs.Job`."""

    body: bytes
    content_type: str
    params: str
    has_timeline: bool = False
    webhook: str = ""


class Submissions:
    """Issues ids, publishes jobs, and decides how long an id may be pending.

    Args:
        publisher: publishes the jobs.
        store: says which ids were replayed.
        signer: signs and verifies ids.
        spec: the model.
        job_ttl_s: seconds after which a job no longer runs.
    """

    def __init__(
        self, publisher: Publisher, store: Store, signer: TicketSigner, spec: ModelSpec, *, job_ttl_s: int
    ) -> None:
        self._publisher = publisher
        self._store = store
        self._signer = signer
        self._spec = spec
        self._job_ttl_ms = job_ttl_s * 1000

    def issue(self, owner: str = "") -> Ticket:
        """Return a ticket with a new id; with an owner, only that owner can use it."""
        now_ms = _now_ms()
        return Ticket(self._signer.issue(now_ms, owner), now_ms)

    def recognise(self, inference_id: str, owner: str = "", *, source: str = CLASSIFY) -> Ticket:
        """Return the ticket of an id.

        Raises:
            UnknownId: the id is not valid or belongs to another owner; the message names `source`, the path of the
                call that issues ids.
        """
        try:
            return Ticket(inference_id, self._signer.issued_at_ms(inference_id, owner))
        except UnknownId as error:
            raise UnknownId(f"{error}; use the id from POST {source}") from None

    async def check_pending(self, ticket: Ticket, *, grace_s: float = GRACE_S) -> None:
        """Raise ExpiredId if an id without a result is too old to get one, unless an operator replayed its job.

        It is too old `grace_s` seconds after its job's TTL.
        """
        is_old = _now_ms() - ticket.issued_ms > self._job_ttl_ms + grace_s * 1000
        if is_old and not await self._store.is_replayed(ticket.inference_id):
            raise self.expired_id(ticket.inference_id)

    def expired_id(self, inference_id: str) -> ExpiredId:
        """Return the error for an id with an expired result."""
        noun = self._spec.takes.noun
        return ExpiredId(f"the result of {inference_id} no longer exists; submit the {noun} again")

    def is_fresh(self, ticket: Ticket) -> bool:
        """Tell whether a ticket may be published again: at least half of its job's TTL is left."""
        return _now_ms() - ticket.issued_ms < self._job_ttl_ms // 2

    async def publish(self, ticket: Ticket, prepared: Prepared, *, ttl_s: float, traceparent: str | None) -> None:
        """Publish the job; return when the broker has confirmed it. Publishing a ticket twice is harmless.

        The job does not run once its id is `ttl_s` seconds old, or `job_ttl_s` if that is less.
        """
        job = Job(
            inference_id=ticket.inference_id,
            body=prepared.body,
            submitted_s=ticket.issued_ms // 1000,
            deadline_ms=ticket.issued_ms + min(int(ttl_s * 1000), self._job_ttl_ms),
            content_type=prepared.content_type,
            params=prepared.params,
            traceparent=traceparent,
            has_timeline=prepared.has_timeline,
            webhook=prepared.webhook,
        )
        await self._publisher.publish(job)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
