"""Claims on idempotency keys: a submission and its repetitions are one job with one id.

A claim is made before the job is published and marked as accepted after the broker's confirm. Whoever finds a marked
one publishes nothing. One that was never marked is published again under its id while enough of its time is left, and
is given up for a new id after that. A mark that the store does not answer is made later, so that only a process that
dies meanwhile leaves a job without one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256

from inference_api.errors import IdempotencyConflict
from inference_api.submissions import Submissions, Ticket, expired_id
from inference_bridge.contract import Store
from inference_bridge.errors import StoreUnavailable
from inference_bridge.results import Status, status_of

#: How often a submission starts over because another process has given up its claim meanwhile.
MAX_ROUNDS = 3
#: How often a mark is tried again that the store did not answer.
MARK_PAUSE_S = 1.0
_ACCEPTED = "accepted"

Publish = Callable[[Ticket], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Claim:
    """What an idempotency key stands for.

    Attributes:
        inference_id: the id of its job.
        digest: SHA-256 of its picture, in hex.
        is_accepted: whether the broker has confirmed the job.
    """

    inference_id: str
    digest: str
    is_accepted: bool = False

    @classmethod
    def decode(cls, value: bytes) -> "Claim":
        """Return the claim that a store's value says."""
        inference_id, digest, *marks = value.decode().split("|")
        return cls(inference_id, digest, marks == [_ACCEPTED])

    def encode(self) -> bytes:
        """Return the claim as it is stored."""
        return "|".join([self.inference_id, self.digest, *([_ACCEPTED] if self.is_accepted else [])]).encode()


class Claims:
    """Submits under idempotency keys.

    Args:
        store: keeps the claims.
        submissions: issues the ids.
        ttl_s: how long a claim is kept, from its last change; as long as a result.
    """

    def __init__(self, store: Store, submissions: Submissions, *, ttl_s: int) -> None:
        self._store = store
        self._submissions = submissions
        self._ttl_s = ttl_s
        self._under_way: dict[tuple[str, str], asyncio.Task[Ticket]] = {}
        self._marking: set[asyncio.Task[None]] = set()

    async def submit(self, idempotency_key: str, digest: str, owner: str, publish: Publish) -> Ticket:
        """Return the ticket that an owner's key stands for, once its job is accepted; `publish` is called if it is not.

        Repetitions in this process at the same time join the one that is under way, whose caller may leave.

        Raises:
            IdempotencyConflict: the key was used with another picture.
            ExpiredId: the job was accepted, and its result is gone for good.
            StoreUnavailable: the claim could not be made.
            Unavailable: what `publish` raises; the key may be used again.
        """
        name = (_name_claim(idempotency_key, owner), digest)
        under_way = self._under_way.get(name)
        if under_way is None:
            under_way = asyncio.create_task(self._submit(idempotency_key, digest, owner, publish))
            self._under_way[name] = under_way
            under_way.add_done_callback(lambda _: self._under_way.pop(name))
        return await asyncio.shield(under_way)

    async def _submit(self, idempotency_key: str, digest: str, owner: str, publish: Publish) -> Ticket:
        name, new = _name_claim(idempotency_key, owner), Claim(self._submissions.issue(owner).inference_id, digest)
        for _ in range(MAX_ROUNDS):
            claim = await self._make_claim(name, new)
            if claim.digest != digest:
                raise IdempotencyConflict(
                    f"Idempotency-Key {idempotency_key[:64]!r} was used with another picture; "
                    "use a new key for a new picture"
                )
            ticket = self._submissions.recognise(claim.inference_id, owner)
            if claim != new and await self._has_job(claim, ticket):
                return ticket
            if claim == new or self._submissions.is_fresh(ticket):
                await publish(ticket)
                if await self._mark(name, claim, ticket):
                    return ticket
            else:
                await self._store.replace_claim(name, claim.encode(), new.encode(), ttl_s=self._ttl_s)
        raise StoreUnavailable("other processes change the claim on this Idempotency-Key all the time; try again later")

    async def _make_claim(self, name: str, new: Claim) -> Claim:
        held = await self._store.claim(name, new.encode(), ttl_s=self._ttl_s)
        return new if held is None else Claim.decode(held)

    async def _has_job(self, claim: Claim, ticket: Ticket) -> bool:
        """Tell whether an earlier submission's job needs no other message; raise ExpiredId when it is over."""
        [body] = await self._store.get([claim.inference_id])
        is_expired = body is not None and status_of(body) is Status.EXPIRED
        if claim.is_accepted:
            if is_expired:
                raise expired_id(claim.inference_id)
            if body is None:
                await self._submissions.check_pending(ticket)
            return True
        if body is not None:
            return not is_expired
        # Revived, it was accepted, and an operator published it again to run until later than a repetition would.
        return not self._submissions.is_fresh(ticket) and await self._store.is_replayed(claim.inference_id)

    async def _mark(self, name: str, claim: Claim, ticket: Ticket) -> bool:
        """Mark a claim as accepted; return False when it stands for another id by now."""
        accepted = replace(claim, is_accepted=True)
        try:
            held = await self._store.replace_claim(name, claim.encode(), accepted.encode(), ttl_s=self._ttl_s)
        except StoreUnavailable:
            marking = asyncio.create_task(self._mark_later(name, claim, accepted, ticket))
            self._marking.add(marking)
            marking.add_done_callback(self._marking.discard)
            return True  # the job is accepted all the same
        return held == accepted.encode()

    async def _mark_later(self, name: str, claim: Claim, accepted: Claim, ticket: Ticket) -> None:
        # Until then a repetition publishes the job once more. After that time it would get an id of its own.
        while self._submissions.is_fresh(ticket):
            await asyncio.sleep(MARK_PAUSE_S)
            with suppress(StoreUnavailable):
                await self._store.replace_claim(name, claim.encode(), accepted.encode(), ttl_s=self._ttl_s)
                return


def _name_claim(idempotency_key: str, owner: str) -> str:
    # No header and no name holds a zero byte: what one owner claims is never what another claims.
    return sha256((f"{owner}\0{idempotency_key}" if owner else idempotency_key).encode()).hexdigest()
