"""An event loop whose clock goes only as far as the next timer: hours of waiting take no time, and always the same."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class _Selector(selectors.DefaultSelector):
    """Waits by moving the loop's clock."""

    def __init__(self, loop: "VirtualLoop") -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            raise RuntimeError("the loop waits for something that never happens")
        self._loop.jump(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time.

    Attributes:
        now_s: its clock.
    """

    def __init__(self) -> None:
        self.now_s = 1_000.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self.now_s

    def jump(self, seconds: float) -> None:
        """Let time pass in which nothing of this process runs, as when it is frozen."""
        self.now_s += max(0.0, seconds)

    def run(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        """Run until the coroutine has ended."""
        return self.run_until_complete(coroutine)

    def pass_time(self, seconds: float) -> None:
        """Let time pass in which everything runs."""
        self.run(asyncio.sleep(seconds))
