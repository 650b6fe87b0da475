"""Joins reads of results: while an MGET runs, new reads wait together for the next one."""

import asyncio

from inference_bridge.contract import Store

#: Most keys per MGET, because Redis serves no other client meanwhile.
MAX_KEYS = 512

Bodies = dict[str, bytes | None]


class CoalescedReads:
    """Joins single reads into batches.

    Each batch has its own task: a cancelled request does not close a Redis connection, and an error reaches only the
    readers of its batch.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[str, None] | None = None  # the ids of the batch that still grows
        self._newest: asyncio.Task[Bodies] | None = None

    async def get(self, inference_id: str) -> bytes | None:
        """Return the stored body of a result, or None.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        asked, newest = self._open, self._newest
        if asked is None or newest is None or (len(asked) >= MAX_KEYS and inference_id not in asked):
            asked = self._open = {}
            newest = self._newest = asyncio.create_task(self._read(asked, newest))
        asked[inference_id] = None
        return (await asyncio.shield(newest))[inference_id]

    async def _read(self, asked: dict[str, None], before: "asyncio.Task[Bodies] | None") -> Bodies:
        if before is not None and not before.done():
            await asyncio.wait([before])
        if self._open is asked:
            self._open = None
        bodies = await self._store.get(list(asked))
        return dict(zip(asked, bodies, strict=True))
