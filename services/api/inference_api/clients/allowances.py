"""Limits each client's submissions per second and jobs in flight.

Each process counts by itself, see `docs/decisions/0010-limits-are-per-process.md`.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

from inference_api.clients.key_file import Client
from inference_api.errors import RateLimited, TooManyInFlight
from inference_bridge.contract import Store
from inference_bridge.errors import InputTooLarge, StoreUnavailable, Unavailable

#: The next result may arrive at any time.
IN_FLIGHT_RETRY_AFTER_S = 1
#: Results read in one call after notifications may have been missed.
READ_COUNT = 500


@dataclass(slots=True)
class Usage:
    """One client's token bucket (full at its first call) and its number of jobs in flight."""

    tokens: float = math.inf
    filled_s: float = 0.0
    job_count: int = 0

    def take_token(self, client: Client, now_s: float) -> None:
        """Take a token; the bucket fills at the client's rate and holds one second's tokens, at least 1.

        Raises:
            RateLimited: the bucket is empty; `retry_after_s` says when the next token comes.
        """
        if client.rate_per_s is None:
            return
        filled = self.tokens + (now_s - self.filled_s) * client.rate_per_s
        self.tokens, self.filled_s = min(filled, max(client.rate_per_s, 1.0)), now_s
        if self.tokens < 1:
            raise RateLimited(
                f"client {client.name} submits more than {client.rate_per_s:g} times per second, its limit; slow down",
                retry_after_s=max(1, math.ceil((1 - self.tokens) / client.rate_per_s)),
            )
        self.tokens -= 1

    def check_in_flight(self, client: Client, count: int = 1) -> None:
        """Raise TooManyInFlight if the client may not have `count` more jobs in flight."""
        most = client.max_in_flight
        if most is not None and self.job_count + count > most:
            found = f"client {client.name} has {self.job_count} jobs in flight"
            rule = f"{found}, its limit; wait until one of them has a result"
            if count > 1:
                rule = f"{found} of at most {most}, and the batch has {count}; wait, or send fewer"
            raise TooManyInFlight(rule, retry_after_s=IN_FLIGHT_RETRY_AFTER_S)


@dataclass(frozen=True, slots=True)
class JobInFlight:
    """A job that counts: whose usage, where its result will be, and the time at which it stops counting."""

    usage: Usage
    store: Store
    until_s: float


class Allowances:
    """Applies the limits of clients to their submissions.

    A job is in flight from its publish until the notification of its result, at most for its TTL. A submission that is
    answered 503 does not count.

    A client's limits hold for all models together.

    Args:
        job_ttl_s: seconds after which a job no longer runs.
        clock: monotonic seconds.
    """

    def __init__(self, *, job_ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._job_ttl_s = job_ttl_s
        self._clock = clock
        self._usages: dict[str, Usage] = {}
        # Jobs in flight, the oldest first.
        self._jobs: dict[str, JobInFlight] = {}

    def reserve(self, client: Client, store: Store, *, job_count: int = 1) -> "Slot":
        """Return one of the client's in-flight slots for a submission; `store` has the results of its model.

        With a `job_count` of 0 the slot holds no place: a repetition, and a call that makes no job, need none.

        Raises:
            RateLimited: too many submissions per second.
            TooManyInFlight: too many jobs in flight.
        """
        usage = self._usages.setdefault(client.name, Usage())
        self._forget_late_jobs()
        if job_count:
            usage.check_in_flight(client, job_count)
        usage.take_token(client, self._clock())
        return Slot(self, usage, store, client, job_count)

    def is_counted(self, inference_id: str) -> bool:
        """Tell whether a job counts as in flight."""
        return inference_id in self._jobs

    def add(self, inference_id: str, usage: Usage, store: Store) -> None:
        """Count a job as in flight that is not counted yet."""
        self._jobs[inference_id] = JobInFlight(usage, store, self._clock() + self._job_ttl_s)
        usage.job_count += 1

    def remove(self, inference_ids: Iterable[str]) -> None:
        """Stop counting these jobs; ignore jobs that are not counted."""
        for inference_id in inference_ids:
            job = self._jobs.pop(inference_id, None)
            if job is not None:
                job.usage.job_count -= 1

    async def on_notification(self, inference_ids: Sequence[str], store: Store) -> None:
        """Stop counting these jobs, which have results; without ids, read which jobs have results in the store."""
        self.remove(inference_ids)
        waiting = [] if inference_ids else [one for one, job in self._jobs.items() if job.store is store]
        with suppress(StoreUnavailable):  # the next empty notification tries again
            for start in range(0, len(waiting), READ_COUNT):
                asked = waiting[start : start + READ_COUNT]
                bodies = await store.get(asked)
                self.remove(found for found, body in zip(asked, bodies, strict=True) if body is not None)

    def _forget_late_jobs(self) -> None:
        now_s = self._clock()
        while self._jobs and next(iter(self._jobs.values())).until_s <= now_s:
            self.remove([next(iter(self._jobs))])


class Slot:
    """A reserved in-flight slot and the tokens taken: the context of a request.

    Its end releases the slot, unless a job was accepted; a submission that is answered 503 gives its tokens back.

    Attributes:
        token_count: tokens that the submission has taken.
    """

    def __init__(self, allowances: Allowances, usage: Usage, store: Store, client: Client, job_count: int) -> None:
        self.token_count = 1
        self._allowances = allowances
        self._usage = usage
        self._store = store
        self._client = client
        self._is_counted = client.max_in_flight is not None
        self._held = 0
        self._hold(job_count)

    def check_size(self, job_count: int) -> None:
        """Raise InputTooLarge if a batch has more jobs than its client may ever have in flight."""
        most = self._client.max_in_flight
        if most is not None and job_count > most:
            found = f"the batch has {job_count} jobs, but client {self._client.name} may have at most {most} in flight"
            raise InputTooLarge(f"{found}; send fewer")

    def widen(self, inference_ids: Sequence[str]) -> None:
        """Make it a slot for these jobs, in place of one; jobs in flight already are left out.

        The rate may run into debt: later submissions wait until it is paid.

        Raises:
            TooManyInFlight: too many jobs in flight.
        """
        self.release()
        count = sum(not self._allowances.is_counted(inference_id) for inference_id in inference_ids)
        self._usage.check_in_flight(self._client, count)
        self._hold(count)
        self._usage.tokens -= len(inference_ids) - self.token_count
        self.token_count = len(inference_ids)

    def __enter__(self) -> Self:
        """Return the slot itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Release the slot, unless a job holds it."""
        if kind is not None and issubclass(kind, Unavailable):
            self._usage.tokens += self.token_count
        self.release()

    @contextmanager
    def job(self, inference_id: str) -> Iterator[None]:
        """Count the job as in flight; undo that if publishing fails. A job already counted is left alone.

        Raises:
            TooManyInFlight: the slot has no place for a new job, and the client has too many in flight.
        """
        is_new = self._is_counted and not self._allowances.is_counted(inference_id)
        if is_new:
            self._take_place()
            # Before the publish: the result's notification may arrive before the confirm.
            self._allowances.add(inference_id, self._usage, self._store)
        try:
            yield
        except BaseException:
            if is_new:
                self._allowances.remove([inference_id])
            raise

    def _take_place(self) -> None:
        if self._held:
            self._hold(-1)
        else:
            self._usage.check_in_flight(self._client)

    def release(self) -> None:
        """Release the slot, if it is still held."""
        self._hold(-self._held)

    def _hold(self, count: int) -> None:
        if self._is_counted:
            self._held += count
            self._usage.job_count += count
