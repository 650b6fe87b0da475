"""A store for all lives, and the way that one life has to it."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inference_bridge.errors import StoreUnavailable
from inference_bridge.memory.store import MemoryStore
from inference_bridge.reports import WorkerReport
from inference_bridge.results import Result

if TYPE_CHECKING:
    from tests.unit.worker.life.life import Life
    from tests.unit.worker.life.world import World


class LifeStore(MemoryStore):
    """A store for all lives; checks each result in the moment in which it is stored."""

    def __init__(self, world: "World") -> None:
        super().__init__(result_ttl_s=1_000_000)
        self._world = world
        self.owners: dict[str, tuple[object, int]] = {}

    async def put_of(self, life: "Life", results: Sequence[Result]) -> int:
        """Store results for a life; count which of them were refused because of somebody else's."""
        call, seen = (life, life.put_count), set[str]()
        for result in results:
            if result.inference_id not in seen and self._world.answer(result.inference_id) is None:
                self.owners[result.inference_id] = call
                self._world.check_result(result)
            elif self.owners[result.inference_id] != call or result.inference_id in seen:
                life.duplicates += 1
            seen.add(result.inference_id)
        return await self.put(results)


class LifelineStore:
    """The store as one worker reaches it: calls fail, lose their answers and are late, and end with the worker."""

    def __init__(self, life: "Life", store: LifeStore) -> None:
        self._life, self._store = life, store

    async def put(self, results: Sequence[Result]) -> int:
        self._life.start_put()
        created = await self._reach("put", lambda: self._store.put_of(self._life, results))
        self._life.is_put_open = False
        return int(created)

    async def get(self, ids: Sequence[str]) -> list[bytes | None]:
        return list(await self._reach("get", lambda: self._store.get(ids)))

    async def count_attempt(self, inference_id: str, token: str) -> int:
        return int(await self._reach("count_attempt", lambda: self._store.count_attempt(inference_id, token)))

    async def uncount_attempt(self, inference_id: str, token: str) -> None:
        self._life.owed.add(inference_id)
        await self._reach("uncount_attempt", lambda: self._store.uncount_attempt(inference_id, token))
        self._life.owed.discard(inference_id)

    async def report(self, worker_id: str, report: WorkerReport) -> None:
        await self._reach("report", lambda: self._store.report(worker_id, report))

    async def _reach(self, name: str, call: Any) -> Any:
        world = self._life.world
        fault = world.faults[name].popleft() if world.faults[name] else None
        if world.loop.now_s < world.away_until_s or fault == "fails":
            raise StoreUnavailable("no answer")
        if fault == "late":
            await asyncio.sleep(3)
        if self._life.is_dead:
            await asyncio.Event().wait()
        answer = await call()
        if fault == "loses":
            raise StoreUnavailable("the answer is lost")
        return answer
