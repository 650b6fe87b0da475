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
from inference_bridge.errors import StoreUnavailable, Unavailable

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

    def reserve(self, client: Client, store: Store) -> "Slot":
        """Return one of the client's in-flight slots for a submission; `store` has the results of its model.

        Raises:
            RateLimited: too many submissions per second.
            TooManyInFlight: too many jobs in flight.
        """
        usage = self._usages.setdefault(client.name, Usage())
        self._forget_late_jobs()
        if client.max_in_flight is not None and usage.job_count >= client.max_in_flight:
            raise TooManyInFlight(
                f"client {client.name} has {client.max_in_flight} in flight, the most jobs it may have; wait",
                retry_after_s=IN_FLIGHT_RETRY_AFTER_S,
            )
        usage.take_token(client, self._clock())
        return Slot(self, usage, store, is_counted=client.max_in_flight is not None)

    def add(self, inference_id: str, usage: Usage, store: Store) -> bool:
        """Count a job as in flight; return False if it is counted already."""
        if inference_id in self._jobs:
            return False
        self._jobs[inference_id] = JobInFlight(usage, store, self._clock() + self._job_ttl_s)
        usage.job_count += 1
        return True

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
    """A reserved in-flight slot and a taken token: the context of a request.

    Its end releases the slot, unless a job was accepted; a submission that is answered 503 gives its token back.
    """

    def __init__(self, allowances: Allowances, usage: Usage, store: Store, *, is_counted: bool) -> None:
        self._allowances = allowances
        self._usage = usage
        self._store = store
        self._is_counted = is_counted
        self._is_held = is_counted
        if is_counted:
            usage.job_count += 1

    def __enter__(self) -> Self:
        """Return the slot itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Release the slot, unless a job holds it."""
        if kind is not None and issubclass(kind, Unavailable):
            self._usage.tokens += 1
        self.release()

    @contextmanager
    def job(self, inference_id: str) -> Iterator[None]:
        """Count the job as in flight; undo that if publishing fails. A job already counted is left alone."""
        self.release()
        # Before the publish: the result's notification may arrive before the confirm.
        is_new = self._is_counted and self._allowances.add(inference_id, self._usage, self._store)
        try:
            yield
        except BaseException:
            if is_new:
                self._allowances.remove([inference_id])
            raise

    def release(self) -> None:
        """Release the slot, if it is still held."""
        if self._is_held:
            self._usage.job_count -= 1
            self._is_held = False
