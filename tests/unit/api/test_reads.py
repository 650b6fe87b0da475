import asyncio
from collections.abc import Sequence

import pytest

from inference_api import reads
from inference_api.reads import CoalescedReads
from inference_bridge.errors import StoreUnavailable
from inference_bridge.memory.store import MemoryStore
from inference_bridge.results import failed
from tests.support.waiting import until


class CountingStore(MemoryStore):
    """Notes which keys were asked for together; fails while `is_away`."""

    def __init__(self) -> None:
        super().__init__(result_ttl_s=60)
        self.calls: list[list[str]] = []
        self.is_away = False
        self.defect: Exception | None = None  # raised once

    async def get(self, inference_ids: Sequence[str]) -> list[bytes | None]:
        self.calls.append(list(inference_ids))
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailable("away")
        if self.defect is not None:
            defect, self.defect = self.defect, None
            raise defect
        return await super().get(inference_ids)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


async def test_each_reader_gets_its_own_result(store: CountingStore) -> None:
    results = [failed(name, "code", "why") for name in ("a", "b")]
    await store.put(results)
    coalesced = CoalescedReads(store)

    answers = await asyncio.gather(coalesced.get("b"), coalesced.get("missing"), coalesced.get("a"))

    assert list(answers) == [results[1].body, None, results[0].body]


async def test_reads_of_one_moment_are_one_call(store: CountingStore) -> None:
    coalesced = CoalescedReads(store)

    await asyncio.gather(*(coalesced.get(name) for name in "abca"))

    assert store.calls == [["a", "b", "c"]]


async def test_reads_during_a_call_make_up_the_next(store: CountingStore) -> None:
    coalesced = CoalescedReads(store)
    first = asyncio.create_task(coalesced.get("a"))
    await until(lambda: store.calls, every_s=0)

    await asyncio.gather(first, coalesced.get("b"), coalesced.get("c"))

    assert store.calls == [["a"], ["b", "c"]]


async def test_a_call_never_asks_for_too_many_keys(store: CountingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "MAX_KEYS", 2)
    coalesced = CoalescedReads(store)

    await asyncio.gather(*(coalesced.get(name) for name in "abcde"))

    assert store.calls == [["a", "b"], ["c", "d"], ["e"]]


async def test_everybody_is_told_that_the_store_is_away_and_the_next_read_tries_again(store: CountingStore) -> None:
    """Reads that share a call share its error."""
    store.is_away = True
    coalesced = CoalescedReads(store)

    answers = await asyncio.gather(coalesced.get("a"), coalesced.get("b"), return_exceptions=True)
    store.is_away = False

    assert [type(answer) for answer in answers] == [StoreUnavailable, StoreUnavailable]
    assert await coalesced.get("a") is None


async def test_an_unexpected_error_reaches_those_who_asked_and_the_next_read_works(store: CountingStore) -> None:
    """A defect must not leave a caller waiting."""
    store.defect = ValueError("a defect")
    coalesced = CoalescedReads(store)

    async with asyncio.timeout(5):
        answers = await asyncio.gather(coalesced.get("a"), coalesced.get("b"), return_exceptions=True)

        assert [type(answer) for answer in answers] == [ValueError, ValueError]
        assert await coalesced.get("a") is None


async def test_an_error_leaves_those_alone_who_asked_while_it_was_under_way(store: CountingStore) -> None:
    store.defect = ValueError("a defect")
    coalesced = CoalescedReads(store)
    failing = asyncio.create_task(coalesced.get("a"))
    await until(lambda: store.calls, every_s=0)
    async with asyncio.timeout(5):
        waiting = asyncio.create_task(coalesced.get("b"))
        with pytest.raises(ValueError, match="a defect"):
            await failing

        assert await waiting is None


async def test_a_reader_that_leaves_takes_nobody_with_it(store: CountingStore) -> None:
    coalesced = CoalescedReads(store)
    leaving, staying = asyncio.create_task(coalesced.get("a")), asyncio.create_task(coalesced.get("a"))
    await asyncio.sleep(0)

    leaving.cancel()

    assert await staying is None
