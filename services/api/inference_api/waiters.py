"""Calls that wait for a result: one subscription per process, an event per waiting call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress

from inference_api.reads import CoalescedReads
from inference_bridge.contract import Store
from inference_bridge.errors import StoreUnavailable

logger = logging.getLogger(__name__)

RESUBSCRIBE_PAUSE_S = 0.5
#: How often a waiting call looks whether its client is still there.
DISCONNECT_CHECK_S = 2.0


class Waiters:
    """Wakes who waits for a result when a worker has stored it.

    A notification may get lost; then the wait takes longer, but the result is found all the same: every waiter's
    key is read again whenever the subscription is new or was silent for some seconds, and once more at the end.

    Args:
        store: where results are, and who notifies.
        max_waiters: above this many, nobody waits: the current state is answered at once.
    """

    def __init__(self, store: Store, *, max_waiters: int) -> None:
        self._store = store
        self._reads = CoalescedReads(store)
        self._max_waiters = max_waiters
        self._arrivals: dict[str, set[asyncio.Event]] = {}
        self._count = 0
        self._is_closed = False

    def __len__(self) -> int:
        """Return how many calls wait for a result now."""
        return self._count

    async def run(self, on_notification: Callable[[Sequence[str]], Awaitable[None]] | None = None) -> None:
        """Listen to the store until cancelled; subscribe again when the subscription is lost.

        Args:
            on_notification: called with the ids of each batch of results; no ids: some may have been missed.
        """
        while True:
            try:
                async with aclosing(self._store.notifications()) as notifications:
                    async for inference_ids in notifications:
                        for inference_id in inference_ids or self._arrivals:
                            self._wake(inference_id)
                        if on_notification is not None:
                            await on_notification(inference_ids)
            except StoreUnavailable as error:
                logger.warning("subscription lost", extra={"reason": str(error)})
            await asyncio.sleep(RESUBSCRIBE_PAUSE_S)

    def close(self) -> None:
        """Let every waiting call answer what it knows; from now on nobody waits."""
        self._is_closed = True
        for inference_id in self._arrivals:
            self._wake(inference_id)

    async def read(self, inference_id: str) -> bytes | None:
        """Return the body of the result, or None while there is none."""
        return await self._reads.get(inference_id)

    @contextmanager
    def expect(self, inference_id: str) -> Iterator[asyncio.Event]:
        """Register for the arrival of a result: from here on, none is missed."""
        arrived = asyncio.Event()
        self._arrivals.setdefault(inference_id, set()).add(arrived)
        try:
            yield arrived
        finally:
            self._arrivals[inference_id].discard(arrived)
            if not self._arrivals[inference_id]:
                del self._arrivals[inference_id]

    @contextmanager
    def waiting(self, wait_s: float) -> Iterator[float]:
        """Count a call among those that wait; yield the seconds it may, which are 0 when there is no place for it."""
        is_counted = wait_s > 0 and not self._is_closed and self._count < self._max_waiters
        self._count += is_counted
        try:
            yield wait_s if is_counted else 0.0
        finally:
            self._count -= is_counted

    async def wait(
        self, inference_id: str, arrived: asyncio.Event, *, wait_s: float, is_gone: Callable[[], Awaitable[bool]]
    ) -> bytes | None:
        """Return the body of the result as soon as it is there, or None after `wait_s`.

        Args:
            inference_id: registered with `expect`, which gave `arrived`.
            arrived: set when it is time to look.
            wait_s: seconds, as `waiting` granted them; 0 does not wait.
            is_gone: whether the client has left, so that nobody reads the answer.

        Raises:
            StoreUnavailable: the store did not answer at the end of the wait.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while not self._is_closed and (left_s := deadline - loop.time()) > 0:
            if await _is_set_within(arrived, min(left_s, DISCONNECT_CHECK_S)):
                arrived.clear()
                with suppress(StoreUnavailable):  # it may be back before the wait is over
                    body = await self.read(inference_id)
                    if body is not None:
                        return body
            elif await is_gone():
                return None
        return await self.read(inference_id)

    def _wake(self, inference_id: str) -> None:
        for arrived in self._arrivals.get(inference_id, ()):
            arrived.set()


async def _is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False
