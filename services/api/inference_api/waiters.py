"""Calls that wait for a result: one subscription per process, one `Arrival` per waiting call."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from threading import Semaphore

from inference_api.arrival import Arrival
from inference_api.reads import MAX_KEYS, CoalescedReads
from inference_bridge.contract import Store
from inference_bridge.errors import StoreUnavailable

logger = logging.getLogger(__name__)

RESUBSCRIBE_PAUSE_S = 0.5
#: Seconds between two checks that the client of a waiting call is still connected.
DISCONNECT_CHECK_S = 2.0
#: Seconds after the end of a wait in which the store may still answer: a silent one needs 8 s to fail.
LAST_READ_S = 3.0


class Waiters:
    """Wakes the calls that wait for a result when a worker has stored it.

    A lost notification only delays a call: it reads its result again when the subscription is new or was silent for
    some seconds, and once more at the end of its wait.

    Args:
        store: has the results, and sends the notifications.
        places: one for each call that may wait, for all models of a process together; further calls are answered at
            once with the current state.
    """

    def __init__(self, store: Store, places: Semaphore) -> None:
        self._store = store
        self._reads = CoalescedReads(store)
        self._places = places
        self._arrivals: dict[str, set[Arrival]] = {}
        self._announced: asyncio.Queue[str] = asyncio.Queue()
        self._count = 0
        self._is_closed = False

    def __len__(self) -> int:
        """Return how many calls wait for a result now."""
        return self._count

    @property
    def is_closed(self) -> bool:
        """Whether calls may no longer wait, because the process ends."""
        return self._is_closed

    async def run(self, on_notification: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        """Listen to the store until cancelled; subscribe again when the subscription is lost.

        Args:
            on_notification: called with the ids of each stored batch; without ids, some may have been missed.
        """
        while True:
            try:
                async with aclosing(self._store.notifications()) as notifications:
                    async for inference_ids in notifications:
                        self._announce(inference_ids)
                        await on_notification(inference_ids)
            except StoreUnavailable as error:
                logger.warning("subscription lost", extra={"reason": str(error)})
            await asyncio.sleep(RESUBSCRIBE_PAUSE_S)

    def close(self) -> None:
        """Make every waiting call answer at once, and let no call wait from now on."""
        self._is_closed = True
        for inference_id in self._arrivals:
            self._wake(inference_id)

    async def read(self, inference_id: str) -> bytes | None:
        """Return the body of the result, or None while there is none."""
        return await self._reads.get(inference_id)

    @contextmanager
    def expect(self, *inference_ids: str) -> Iterator[Arrival]:
        """Register a call for the notifications of results; yield what each notification sets."""
        arrived = Arrival()
        for inference_id in inference_ids:
            self._arrivals.setdefault(inference_id, set()).add(arrived)
        try:
            yield arrived
        finally:
            for inference_id in inference_ids:
                self._arrivals[inference_id].discard(arrived)
                if not self._arrivals[inference_id]:
                    del self._arrivals[inference_id]

    @contextmanager
    def grant_wait(self, wait_s: float) -> Iterator[float]:
        """Count a waiting call; yield the seconds that it may wait, 0 if too many calls wait."""
        if wait_s <= 0 or self._is_closed or not self._places.acquire(blocking=False):
            yield 0.0
            return
        self._count += 1
        try:
            yield wait_s
        finally:
            self._count -= 1
            self._places.release()

    async def wait(
        self, inference_id: str, arrived: Arrival, *, wait_s: float, is_gone: Callable[[], Awaitable[bool]]
    ) -> bytes | None:
        """Return the body of the result as soon as it exists, or None after `wait_s`.

        Args:
            inference_id: registered with `expect`.
            arrived: from `expect`; set when the result should be read.
            wait_s: seconds from `grant_wait`; 0 does not wait.
            is_gone: tells whether the client has disconnected.

        Raises:
            StoreUnavailable: the store did not answer at the end of the wait.
        """
        deadline = asyncio.get_running_loop().time() + wait_s
        while await self._is_news(arrived, deadline, is_gone):
            with suppress(StoreUnavailable):  # the store may answer before the wait is over
                body = arrived.body or await self._read_by(deadline + LAST_READ_S, inference_id)
                if body is not None:
                    return body
        return await self._read_by(deadline + LAST_READ_S, inference_id)

    async def _read_by(self, end: float, inference_id: str) -> bytes | None:
        try:
            async with asyncio.timeout_at(end):
                return await self.read(inference_id)
        except TimeoutError:
            raise StoreUnavailable("Redis did not answer within the wait; try again later") from None

    async def wait_for_all(
        self, inference_ids: Sequence[str], *, wait_s: float, is_gone: Callable[[], Awaitable[bool]]
    ) -> dict[str, bytes]:
        """Return the bodies that exist, once all do or after `wait_s`; ids without a result are left out.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        deadline = asyncio.get_running_loop().time() + wait_s
        found: dict[str, bytes] = {}
        with self.expect(*(missing := dict.fromkeys(inference_ids))) as arrived:
            while missing:
                bodies = zip(missing, await self._store.get(list(missing)), strict=True)
                found |= {inference_id: body for inference_id, body in bodies if body is not None}
                missing = dict.fromkeys(one for one in missing if one not in found)
                if not missing or not await self._is_news(arrived, deadline, is_gone):
                    break
        return found

    async def _is_news(self, arrived: Arrival, deadline: float, is_gone: Callable[[], Awaitable[bool]]) -> bool:
        """Wait until a result has arrived; return False at the deadline, or if nobody waits any longer."""
        loop = asyncio.get_running_loop()
        while not self._is_closed and (left_s := deadline - loop.time()) > 0:
            if await arrived.wait(min(left_s, DISCONNECT_CHECK_S)):
                return True
            if await is_gone():
                return False
        return False

    def _announce(self, inference_ids: Sequence[str]) -> None:
        if not inference_ids:
            for inference_id in self._arrivals:
                self._wake(inference_id)
        for inference_id in inference_ids:
            if inference_id in self._arrivals:
                self._announced.put_nowait(inference_id)

    async def hand_over(self) -> None:
        """Read the announced results that calls wait for, all at once, and wake the calls with their bodies.

        Runs beside `run` until cancelled. Meanwhile further ones are announced: with more load, fewer and larger reads.
        """
        while True:
            ids = [await self._announced.get()]
            while len(ids) < MAX_KEYS and not self._announced.empty():
                ids.append(self._announced.get_nowait())
            bodies: list[bytes | None] = [None] * len(ids)
            with suppress(StoreUnavailable):  # each call then reads for itself, and gets the error
                bodies = await self._store.get(ids)
            for inference_id, body in zip(ids, bodies, strict=True):
                self._wake(inference_id, body)

    def _wake(self, inference_id: str, body: bytes | None = None) -> None:
        for arrived in self._arrivals.get(inference_id, ()):
            arrived.set(body)
