"""Reads of results, joined: while one MGET is under way, everything that is asked for makes up the next."""

import asyncio

from mnist_bridge.contract import Store
from mnist_bridge.errors import StoreUnavailable

#: Keys per MGET: Redis serves nobody else meanwhile.
MAX_KEYS = 512


class CoalescedReads:
    """Joins single reads into batches.

    The reader's task owns the command, so that a request that is cancelled never takes a Redis connection with it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, asyncio.Future[bytes | None]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def get(self, inference_id: str) -> bytes | None:
        """Return the stored body of a result, or None.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        future = self._waiting.get(inference_id)
        if future is None:
            future = self._waiting[inference_id] = asyncio.get_running_loop().create_future()
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_all())
        return await asyncio.shield(future)

    async def _read_all(self) -> None:
        while self._waiting:
            ids = list(self._waiting)[:MAX_KEYS]
            await self._read({inference_id: self._waiting.pop(inference_id) for inference_id in ids})
        self._reader = None

    async def _read(self, asked: dict[str, asyncio.Future[bytes | None]]) -> None:
        try:
            bodies = await self._store.get(list(asked))
        except StoreUnavailable as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # retrieved: whoever asked may have gone
            return
        for future, body in zip(asked.values(), bodies, strict=True):
            future.set_result(body)
