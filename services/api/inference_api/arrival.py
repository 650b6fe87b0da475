"""Wakes a call when its result has arrived."""

import asyncio


class Arrival:
    """The moment at which one call should read its result.

    It is an `asyncio.Event` with a time limit: `asyncio.timeout` around an event takes nearly three times the CPU time.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None
        #: The body of the result, if it was read already.
        self.body: bytes | None = None

    def set(self, body: bytes | None = None) -> None:
        """Wake the call, or its next wait; without the body, the call reads it."""
        self._is_set = True
        self.body = body
        if self._waiter is not None:
            _wake(self._waiter)

    async def wait(self, timeout_s: float) -> bool:
        """Return True once it is set, and clear it; return False after the timeout."""
        if not self._is_set:
            loop = asyncio.get_running_loop()
            waiter = self._waiter = loop.create_future()
            timer = loop.call_later(timeout_s, _wake, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None
        is_set, self._is_set = self._is_set, False
        return is_set


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
