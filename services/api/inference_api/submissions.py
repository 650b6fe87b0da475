"""Submits a prepared picture: an id, and the broker's confirm."""

import time
from dataclasses import dataclass

from inference_api.errors import ExpiredId
from inference_bridge.contract import Publisher, Store
from inference_bridge.ids import TicketSigner
from inference_bridge.requests import InferenceRequest
from inference_bridge.settings import GRACE_S


@dataclass(frozen=True, slots=True)
class Ticket:
    """An id and when it was issued, in milliseconds since 1970."""

    inference_id: str
    issued_ms: int


class Submissions:
    """Issues ids, publishes requests, and knows how long an id may be pending.

    Args:
        publisher: takes requests.
        store: knows which ids were revived.
        signer: issues ids.
        job_ttl_s: how long a request is worth running.
    """

    def __init__(self, publisher: Publisher, store: Store, signer: TicketSigner, *, job_ttl_s: int) -> None:
        self._publisher = publisher
        self._store = store
        self._signer = signer
        self._job_ttl_ms = job_ttl_s * 1000

    def issue(self, owner: str = "") -> Ticket:
        """Return a new id; with an owner, one that nobody else's name opens."""
        now_ms = _now_ms()
        return Ticket(self._signer.issue(now_ms, owner), now_ms)

    def recognise(self, inference_id: str, owner: str = "") -> Ticket:
        """Return the ticket behind an id; raise UnknownId if it is none of ours, or another owner's."""
        return Ticket(inference_id, self._signer.issued_at_ms(inference_id, owner))

    async def check_pending(self, ticket: Ticket) -> None:
        """Raise ExpiredId when an id without a result can get none any more, unless an operator revived it."""
        is_old = _now_ms() - ticket.issued_ms > self._job_ttl_ms + GRACE_S * 1000
        if is_old and not await self._store.is_replayed(ticket.inference_id):
            raise expired_id(ticket.inference_id)

    def is_fresh(self, ticket: Ticket) -> bool:
        """Tell whether enough of a ticket's time is left to publish it again: half of it."""
        return _now_ms() - ticket.issued_ms < self._job_ttl_ms // 2

    async def publish(self, ticket: Ticket, body: bytes, *, traceparent: str | None) -> None:
        """Hand the request to the broker; return when it is confirmed. Publishing a ticket twice does no harm."""
        request = InferenceRequest(
            inference_id=ticket.inference_id,
            body=body,
            submitted_s=ticket.issued_ms // 1000,
            deadline_ms=ticket.issued_ms + self._job_ttl_ms,
            traceparent=traceparent,
        )
        await self._publisher.publish(request)


def expired_id(inference_id: str) -> ExpiredId:
    """Return the error for an id whose result is gone for good."""
    return ExpiredId(f"the result of {inference_id} no longer exists; submit the picture again")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
