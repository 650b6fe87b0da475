"""Reads of results, joined: one MGET for everything that is asked for in one turn of the event loop."""

import asyncio

from mnist_bridge.contract import Store
from mnist_bridge.errors import StoreUnavailable

#: Keys per MGET: Redis serves nobody else meanwhile.
MAX_KEYS = 512


class CoalescedReads:
    """Joins single reads into batches.

    The batch's task owns the command, so that a request that is cancelled never takes a Redis connection with it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, asyncio.Future[bytes | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, inference_id: str) -> bytes | None:
        """Return the stored body of a result, or None.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        future = self._waiting.get(inference_id)
        if future is None:
            future = self._waiting[inference_id] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(future)

    def _flush(self) -> None:
        waiting, self._waiting = list(self._waiting.items()), {}
        for start in range(0, len(waiting), MAX_KEYS):
            task = asyncio.create_task(self._read(dict(waiting[start : start + MAX_KEYS])))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read(self, waiting: dict[str, asyncio.Future[bytes | None]]) -> None:
        try:
            bodies = await self._store.get(list(waiting))
        except StoreUnavailable as error:
            for future in waiting.values():
                future.set_exception(error)
                future.exception()  # retrieved: whoever asked may have gone
            return
        for future, body in zip(waiting.values(), bodies, strict=True):
            future.set_result(body)
