"""The memory for bodies on their way in: one bound for all calls of a process together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mnist_bridge.errors import BuffersFull


class Buffers:
    """Counts the bytes of bodies as they arrive: what a client announces holds nothing.

    Args:
        max_bytes: most bytes that all calls together may hold.

    Attributes:
        byte_count: how many they hold now.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self.byte_count = 0
        self._max_bytes = max_bytes

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that counts the next bytes of a body; all of them count until the context ends.

        The function raises `BuffersFull` when there is no room for them.
        """
        held_bytes = 0

        def take(byte_count: int) -> None:
            nonlocal held_bytes
            if self.byte_count + byte_count > self._max_bytes:
                raise BuffersFull(f"pictures on their way in fill the {self._max_bytes} bytes for all; try again later")
            held_bytes += byte_count
            self.byte_count += byte_count

        try:
            yield take
        finally:
            self.byte_count -= held_bytes
