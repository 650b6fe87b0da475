"""Claims on idempotency keys: a submission and its repetitions are one job with one id.

The API makes a claim before it publishes the job, and marks it as accepted after the broker's confirm. A repetition
that finds a marked claim publishes nothing. If the claim is not marked, the repetition publishes the job again under
its id while the id is fresh, and replaces the claim with a new id afterwards. If the store does not answer, the mark
is retried; it is missing only if the process dies meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256

from inference_api.errors import IdempotencyConflict
from inference_api.submissions import Submissions, Ticket
from inference_bridge.contract import Store
from inference_bridge.errors import StoreUnavailable
from inference_bridge.results import Status, status_of

#: How often a submission starts over because another process has replaced its claim.
MAX_ROUNDS = 3
#: Seconds before a failed mark is retried.
MARK_PAUSE_S = 1.0
_ACCEPTED = "accepted"

Publish = Callable[[Ticket], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Claim:
    """The job of an idempotency key.

    Attributes:
        inference_id: the id of its job, or of its batch.
        digest: SHA-256 of the upload and its parameters, in hex.
        is_accepted: whether the broker has confirmed the job.
    """

    inference_id: str
    digest: str
    is_accepted: bool = False

    @classmethod
    def decode(cls, value: bytes) -> "Claim":
        """Return the claim in a stored value."""
        inference_id, digest, *marks = value.decode().split("|")
        return cls(inference_id, digest, marks == [_ACCEPTED])

    def encode(self) -> bytes:
        """Return the claim as a value for the store."""
        return "|".join([self.inference_id, self.digest, *([_ACCEPTED] if self.is_accepted else [])]).encode()


class Claims:
    """Submits under idempotency keys.

    Args:
        store: keeps the claims.
        submissions: issues the ids.
        noun: names the model's input in messages.
        ttl_s: seconds for which a claim is kept after its last change, the same as for a result.
    """

    def __init__(self, store: Store, submissions: Submissions, *, ttl_s: int, noun: str) -> None:
        self._store = store
        self._submissions = submissions
        self._ttl_s = ttl_s
        self._noun = noun
        self._under_way: dict[tuple[str, str], asyncio.Task[Ticket]] = {}
        self._marking: set[asyncio.Task[None]] = set()

    async def is_made(self, idempotency_key: str, owner: str) -> bool:
        """Tell whether there is a claim on an owner's idempotency key: a submission with it is a repetition.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        return await self._store.is_claimed(_name_claim(idempotency_key, owner))

    async def submit(
        self, idempotency_key: str, digest: str, owner: str, publish: Publish, *, item_count: int = 0
    ) -> Ticket:
        """Return the ticket of an owner's idempotency key once its job is accepted; call `publish` if it is not yet.

        With an `item_count` it is the ticket of a batch. Simultaneous repetitions in this process share one submission,
        even if its first caller leaves.

        Raises:
            IdempotencyConflict: the idempotency key was used with another input or other parameters.
            ExpiredId: the job was accepted, and its result has expired.
            StoreUnavailable: the claim could not be made.
            Unavailable: from `publish`; the client may repeat the request.
        """
        name = (_name_claim(idempotency_key, owner), digest)
        under_way = self._under_way.get(name)
        if under_way is None:
            under_way = asyncio.create_task(self._submit(idempotency_key, digest, owner, publish, item_count))
            self._under_way[name] = under_way
            under_way.add_done_callback(lambda _: self._under_way.pop(name))
        return await asyncio.shield(under_way)

    async def _submit(self, idempotency_key: str, digest: str, owner: str, publish: Publish, item_count: int) -> Ticket:
        name = _name_claim(idempotency_key, owner)
        new = Claim(self._submissions.issue(owner, item_count=item_count).inference_id, digest)
        for _ in range(MAX_ROUNDS):
            claim = await self._make_claim(name, new)
            if claim.digest != digest:
                raise IdempotencyConflict(
                    f"Idempotency-Key {idempotency_key[:64]!r} was used with another {self._noun}, or with other "
                    "parameters, such as ttl, priority or webhook; repeat the same call, or use a new key"
                )
            ticket = self._recognise(claim, owner, is_batch=item_count > 0)
            # Of a batch, some items may have results before the others are accepted.
            is_done = claim.is_accepted if item_count else claim != new and await self._has_job(claim, ticket)
            if is_done:
                return ticket
            if claim == new or self._submissions.is_fresh(ticket):
                await publish(ticket)
                if await self._mark(name, claim, ticket):
                    return ticket
            else:
                await self._store.replace_claim(name, claim.encode(), new.encode(), ttl_s=self._ttl_s)
        raise StoreUnavailable("other processes keep changing the claim on this Idempotency-Key; try again later")

    def _recognise(self, claim: Claim, owner: str, *, is_batch: bool) -> Ticket:
        if is_batch:
            return self._submissions.recognise_batch(claim.inference_id, owner).ticket
        return self._submissions.recognise(claim.inference_id, owner)

    async def _make_claim(self, name: str, new: Claim) -> Claim:
        held = await self._store.claim(name, new.encode(), ttl_s=self._ttl_s)
        return new if held is None else Claim.decode(held)

    async def _has_job(self, claim: Claim, ticket: Ticket) -> bool:
        """Tell whether an earlier submission's job needs no second publish; raise ExpiredId if it has expired."""
        [body] = await self._store.get([claim.inference_id])
        is_expired = body is not None and status_of(body) is Status.EXPIRED
        if claim.is_accepted:
            if is_expired:
                raise self._submissions.expired_id(claim.inference_id)
            if body is None:
                await self._submissions.check_pending(ticket)
            return True
        if body is not None:
            return not is_expired
        # A replayed job was accepted, and its new deadline is later than that of a repetition.
        return not self._submissions.is_fresh(ticket) and await self._store.is_replayed(claim.inference_id)

    async def _mark(self, name: str, claim: Claim, ticket: Ticket) -> bool:
        """Mark a claim as accepted; return False if it has another id by now."""
        accepted = replace(claim, is_accepted=True)
        try:
            held = await self._store.replace_claim(name, claim.encode(), accepted.encode(), ttl_s=self._ttl_s)
        except StoreUnavailable:
            marking = asyncio.create_task(self._mark_later(name, claim, accepted, ticket))
            self._marking.add(marking)
            marking.add_done_callback(self._marking.discard)
            return True  # the job is accepted anyway
        return held == accepted.encode()

    async def _mark_later(self, name: str, claim: Claim, accepted: Claim, ticket: Ticket) -> None:
        # Before the mark, a repetition publishes the job again. When the ticket is old, it gets a new id.
        while self._submissions.is_fresh(ticket):
            await asyncio.sleep(MARK_PAUSE_S)
            with suppress(StoreUnavailable):
                await self._store.replace_claim(name, claim.encode(), accepted.encode(), ttl_s=self._ttl_s)
                return


def _name_claim(idempotency_key: str, owner: str) -> str:
    # No header and no name has a zero byte, so two owners never share a claim.
    return sha256((f"{owner}\0{idempotency_key}" if owner else idempotency_key).encode()).hexdigest()
