"""The memory for bodies on their way in: one bound for all calls of a process together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from inference_api.errors import BuffersFull


class Buffers:
    """Counts the bytes of bodies as they arrive: what a client announces holds nothing.

    When there is no room for more, the body that has been silent for longest makes room: a client that never ends its
    body keeps nobody out.

    Args:
        max_bytes: most bytes that all calls together may hold.

    Attributes:
        byte_count: how many they hold now.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self.byte_count = 0
        self._max_bytes = max_bytes
        self._arriving: dict[Body, None] = {}  # the one that has been silent for longest comes first

    @contextmanager
    def body(self) -> Iterator["Body"]:
        """Give a body a share; all of its bytes count until the context ends."""
        body = Body(self)
        try:
            yield body
        finally:
            self.release(body)

    def take(self, body: "Body", byte_count: int) -> None:
        """Count the next bytes of a body.

        Raises:
            BuffersFull: there is no room, and no other body that could make room.
        """
        self._arriving.pop(body, None)
        while self.byte_count + byte_count > self._max_bytes and self._arriving:
            self.release(silent := next(iter(self._arriving)))
            silent.evict()
        if self.byte_count + byte_count > self._max_bytes:
            raise self.full()
        self._arriving[body] = None
        body.byte_count += byte_count
        self.byte_count += byte_count

    def full(self) -> BuffersFull:
        """Return the error for a body that finds no room."""
        return BuffersFull(f"pictures on their way in fill the {self._max_bytes} bytes for all; try again later")

    def keep(self, body: "Body") -> None:
        """Let no other body take the room of one that has arrived."""
        self._arriving.pop(body, None)

    def release(self, body: "Body") -> None:
        """Count a body no longer."""
        self.keep(body)
        self.byte_count -= body.byte_count
        body.byte_count = 0


class Body:
    """One body's share of the buffers.

    Attributes:
        byte_count: bytes that it holds.
        is_evicted: whether it had to make room.
    """

    def __init__(self, buffers: Buffers) -> None:
        self.byte_count = 0
        self.is_evicted = False
        self._buffers = buffers
        self._timer: asyncio.Timeout | None = None

    def take(self, byte_count: int, timer: asyncio.Timeout) -> None:
        """Count the next bytes; `timer` ends the reading when the body has to make room.

        Raises:
            BuffersFull: there is no room.
        """
        if self.is_evicted:
            raise self.full()
        self._timer = timer
        self._buffers.take(self, byte_count)

    def keep(self) -> None:
        """Note that all of it has arrived."""
        self._buffers.keep(self)

    def full(self) -> BuffersFull:
        """Return the error for a body that found no room, or had to make room."""
        return self._buffers.full()

    def evict(self) -> None:
        """End the reading: its room is another's."""
        self.is_evicted = True
        if self._timer is not None and not self._timer.expired():
            self._timer.reschedule(asyncio.get_running_loop().time())
