"""The stand-in's own risk: the time to live of a key that was written again."""

import time

import pytest

from inference_bridge.memory.store import MemoryStore
from inference_bridge.results import failed


async def test_the_result_of_a_second_life_lives_as_long_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    store, again = MemoryStore(result_ttl_s=60), failed("A" * 24, "again", "why")
    await store.put([failed("A" * 24, "first", "why")])
    now_s += 30
    await store.reset("A" * 24, ttl_s=10)
    await store.put([again])

    now_s += 59

    assert await store.get(["A" * 24]) == [again.body]
