"""Results that are announced are read together, and handed to the calls that wait for them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from threading import Semaphore

import pytest

from inference_api import waiters as module
from inference_api.waiters import Waiters
from inference_bridge.errors import StoreUnavailable
from inference_bridge.memory.store import MemoryStore
from inference_bridge.results import Result, expired
from tests.unit.api.conftest import TIMEOUT_S

IDS = [letter * 24 for letter in "abc"]
FOREIGN = "x" * 24


class CountedStore(MemoryStore):
    """A store in memory that notes its reads, and fails some."""

    def __init__(self) -> None:
        super().__init__(result_ttl_s=60)
        self.reads: list[list[str]] = []
        self.failures = 0

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        self.reads.append(list(inference_ids))
        if len(self.reads) <= self.failures:
            raise StoreUnavailable("the store did not answer")
        return await super().get(inference_ids)


class SilentStore(MemoryStore):
    """A store in memory that never answers a read."""

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        await asyncio.Event().wait()
        return []


@asynccontextmanager
async def listening(store: MemoryStore) -> AsyncIterator[Waiters]:
    waiters, is_listening = Waiters(store, Semaphore(10)), asyncio.Event()

    async def note(_: Sequence[str]) -> None:
        is_listening.set()

    running = [asyncio.create_task(waiters.run(note)), asyncio.create_task(waiters.hand_over())]
    await asyncio.wait_for(is_listening.wait(), TIMEOUT_S)
    try:
        yield waiters
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def wait_for(waiters: Waiters, inference_id: str, wait_s: float = TIMEOUT_S) -> bytes | None:
    async def is_gone() -> bool:
        return False

    with waiters.expect(inference_id) as arrived:
        return await waiters.wait(inference_id, arrived, wait_s=wait_s, is_gone=is_gone)


async def answers_to_calls(store: MemoryStore, stored: Sequence[Result]) -> list[bytes | None]:
    async with listening(store) as waiters:
        calls = [asyncio.create_task(wait_for(waiters, inference_id)) for inference_id in IDS]
        await asyncio.sleep(0)  # until they wait
        await store.put(stored)
        return await asyncio.gather(*calls)


async def test_results_of_one_batch_are_read_in_one_call() -> None:
    store, results = CountedStore(), [expired(inference_id) for inference_id in IDS]

    assert await answers_to_calls(store, results) == [result.body for result in results]
    assert store.reads == [IDS]


async def test_a_result_that_no_call_waits_for_is_not_read() -> None:
    store, results = CountedStore(), [expired(inference_id) for inference_id in (FOREIGN, *IDS)]

    await answers_to_calls(store, results)

    assert store.reads == [IDS]


async def test_calls_whose_common_read_fails_read_once_more() -> None:
    store, results = CountedStore(), [expired(inference_id) for inference_id in IDS]
    store.failures = 1

    assert await answers_to_calls(store, results) == [result.body for result in results]
    assert store.reads == [IDS, IDS]


async def test_a_silent_store_does_not_prolong_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_READ_S", 0.05)
    waiters = Waiters(SilentStore(result_ttl_s=60), Semaphore(10))

    with pytest.raises(StoreUnavailable, match="within the wait"):
        await asyncio.wait_for(wait_for(waiters, IDS[0], wait_s=0.05), TIMEOUT_S)
