"""Bounds the memory for arriving bodies, for all calls of a process together."""

import asyncio
from typing import Self

from inference_api.errors import BuffersFull


class Buffers:
    """Counts the bytes of bodies as they arrive; a Content-Length alone takes no memory.

    When the memory is full, the body that has been silent for longest is evicted: a client that never ends its body
    cannot block the others.

    Args:
        max_bytes: most bytes of all bodies together.

    Attributes:
        byte_count: bytes of all bodies now.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self.byte_count = 0
        self._max_bytes = max_bytes
        self._arriving: dict[Body, None] = {}  # ordered by silence, longest first

    def body(self, noun: str) -> "Body":
        """Return a new body, whose bytes count until its context ends. `noun` names it in messages."""
        return Body(self, noun)

    def take(self, body: "Body", byte_count: int) -> None:
        """Count the next bytes of a body.

        Raises:
            BuffersFull: the memory is full, and no other body can be evicted.
        """
        self._arriving.pop(body, None)
        while self.byte_count + byte_count > self._max_bytes and self._arriving:
            self.release(silent := next(iter(self._arriving)))
            silent.evict()
        if self.byte_count + byte_count > self._max_bytes:
            raise body.full()
        self._arriving[body] = None
        body.byte_count += byte_count
        self.byte_count += byte_count

    def full(self, noun: str) -> BuffersFull:
        """Return the error for a body that does not fit."""
        return BuffersFull(f"arriving {noun}s fill the {self._max_bytes} bytes for them; try again later")

    def keep(self, body: "Body") -> None:
        """Protect a complete body from eviction."""
        self._arriving.pop(body, None)

    def release(self, body: "Body") -> None:
        """Stop counting a body."""
        self.keep(body)
        self.byte_count -= body.byte_count
        body.byte_count = 0


class Body:
    """One arriving body.

    Attributes:
        byte_count: bytes received.
        is_evicted: whether it was evicted.
    """

    def __init__(self, buffers: Buffers, noun: str) -> None:
        self.byte_count = 0
        self.is_evicted = False
        self._noun = noun
        self._buffers = buffers
        self._timer: asyncio.Timeout | None = None

    def __enter__(self) -> Self:
        """Return the body itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting its bytes."""
        self._buffers.release(self)

    def take(self, byte_count: int, timer: asyncio.Timeout | None) -> None:
        """Count the next bytes; `timer` ends the reading if the body is evicted, None if all of it has arrived.

        Raises:
            BuffersFull: the memory is full.
        """
        if self.is_evicted:
            raise self.full()
        self._timer = timer
        self._buffers.take(self, byte_count)

    def keep(self) -> None:
        """Protect the body from eviction: all of it has arrived."""
        self._buffers.keep(self)

    def full(self) -> BuffersFull:
        """Return the error for a body that does not fit or was evicted."""
        return self._buffers.full(self._noun)

    def evict(self) -> None:
        """End the reading, to free the memory for another body."""
        self.is_evicted = True
        if self._timer is not None and not self._timer.expired():
            self._timer.reschedule(asyncio.get_running_loop().time())
