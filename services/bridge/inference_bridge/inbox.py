"""Deliveries that wait for a batch."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pika import BasicProperties


class Lane(StrEnum):
    """Which queue a delivery came from."""

    #: new jobs, which run in batches
    JOBS = "jobs"
    #: suspects: jobs that a worker held when its connection was lost; each runs alone
    RETRY = "retry"


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A message that the broker delivered to this worker; unsettled until acknowledged, rejected or requeued.

    Attributes:
        lane: the queue it came from.
        tag: the broker's number for it, counted per source.
        is_redelivered: whether it was delivered before, as the broker says.
        properties: AMQP properties, see `inference_bridge.jobs`.
        body: the message body, not checked yet.
        source: the subscription that it arrived on; only that subscription can settle it.
        received_ns: when it arrived, nanoseconds since 1970.
    """

    lane: Lane
    tag: int
    is_redelivered: bool
    properties: BasicProperties
    body: bytes
    source: object
    received_ns: int = field(default_factory=time.time_ns)


class Sizing(Protocol):
    """How large the next batch should be."""

    @property
    def batch_size(self) -> int:
        """Jobs of a batch, at most."""

    @property
    def fill_s(self) -> float:
        """Seconds that a free device waits for a started batch to become full."""


class Inbox:
    """Two lanes of deliveries, bounded by the consumer's prefetch."""

    def __init__(self) -> None:
        self._jobs: deque[Delivery] = deque()
        self._suspects: deque[Delivery] = deque()
        self._changed = asyncio.Event()
        self._cleared = asyncio.Event()
        self._is_closed = False
        self._took_suspect = False

    def __len__(self) -> int:
        """Return how many deliveries wait in both lanes."""
        return len(self._jobs) + len(self._suspects)

    def put(self, delivery: Delivery) -> None:
        """Add a delivery that has just arrived."""
        lane = self._jobs if delivery.lane is Lane.JOBS else self._suspects
        lane.append(delivery)
        self._changed.set()

    def wake(self) -> None:
        """Make `take` check again whether the device is free."""
        self._changed.set()

    def clear(self) -> None:
        """Remove every delivery, because the broker has requeued them all."""
        self._jobs.clear()
        self._suspects.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def next_clear(self) -> asyncio.Event:
        """Return an event that the next `clear` sets."""
        return self._cleared

    def close(self) -> None:
        """Make `take` return an empty list from now on."""
        self._is_closed = True
        self._changed.set()

    def take_surplus(self, keep: int) -> list[Delivery]:
        """Remove and return the waiting jobs beyond the first `keep`, latest first."""
        return [self._jobs.pop() for _ in range(max(0, len(self._jobs) - keep))]

    async def take(self, sizing: Sizing, *, is_device_free: Callable[[], bool]) -> list[Delivery]:
        """Wait for work and return a batch in order of arrival: 1 to `batch_size` jobs, or one suspect alone.

        A full batch is returned at once, so that it is ready when the device is free; a smaller batch grows until
        then. Before a suspect, `take` waits for a free device: a batch returned ahead would occupy it.
        """
        while not self._is_closed:
            # Before the checks, so that a delivery that arrives during them is noticed.
            self._changed.clear()
            if self._is_suspects_turn():
                if is_device_free():
                    self._took_suspect = True
                    return [self._suspects.popleft()]
            elif self._is_full(sizing) or (self._jobs and is_device_free() and await self._is_filled(sizing)):
                self._took_suspect = False
                return [self._jobs.popleft() for _ in range(min(len(self._jobs), sizing.batch_size))]
            await self._changed.wait()
        return []

    def _is_full(self, sizing: Sizing) -> bool:
        return len(self._jobs) >= sizing.batch_size

    async def _is_filled(self, sizing: Sizing) -> bool:
        """Let a batch grow for a moment; return whether jobs wait and the turn is still theirs."""
        if sizing.fill_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(sizing.fill_s):
                    while not (self._is_full(sizing) or self._is_closed or self._suspects):
                        self._changed.clear()
                        await self._changed.wait()
        return bool(self._jobs) and not self._is_closed and not self._is_suspects_turn()

    def _is_suspects_turn(self) -> bool:
        # The lanes take turns, so that neither many jobs nor a poison suspect can block the other lane.
        return bool(self._suspects) and not (self._took_suspect and self._jobs)
