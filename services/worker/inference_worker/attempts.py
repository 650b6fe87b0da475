"""The solo runs of one worker: each is counted in the store before it begins, so that a death in it counts too."""

import asyncio
import secrets
from contextlib import suppress
from functools import partial

from inference_bridge.contract import Store
from inference_worker.persistence import Persistence

#: Seconds that an interrupted drain gives the store to uncount a solo run.
UNCOUNT_TIMEOUT_S = 2.0


class Attempts:
    """Counts the solo run of a worker, at most one at a time.

    Args:
        store: keeps the counts.
        persistence: repeats a call until the store answers.
    """

    def __init__(self, store: Store, persistence: Persistence) -> None:
        self._store = store
        self._persistence = persistence
        #: The id and the token of the counted run.
        self._attempt: tuple[str, str] | None = None

    async def count(self, inference_id: str) -> int:
        """Count a solo run that starts now; return how many are counted for this id."""
        self._attempt = inference_id, secrets.token_hex(8)
        return await self._persistence.until_answered(partial(self._store.count_attempt, *self._attempt))

    def end(self) -> None:
        """Let the run stay counted, if there is one: it has ended."""
        self._attempt = None

    async def uncount_after(self, lost: asyncio.Event) -> None:
        """Stop counting the run once `lost` is set: another worker gets the job, and counts its own."""
        await lost.wait()
        await self._uncount()

    async def uncount_in_time(self) -> None:
        """Stop counting the run, within `UNCOUNT_TIMEOUT_S`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(UNCOUNT_TIMEOUT_S):
                await self._uncount()

    async def _uncount(self) -> None:
        if self._attempt is not None:
            await self._persistence.until_answered(partial(self._store.uncount_attempt, *self._attempt))
