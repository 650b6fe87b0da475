"""Threads for a model's code: few wake-ups, answers in order, and a deadline for each call."""

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from inference_bridge.errors import DeviceLost
from inference_worker.threads import Threads


def threads_of(count: int, timeout_s: float = 5) -> Threads:
    return Threads(count, name="a call", timeout_s=timeout_s)


async def test_many_calls_wake_each_thread_once(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted: list[object] = []
    submit = ThreadPoolExecutor.submit

    def note_and_submit(pool: ThreadPoolExecutor, call: Any, *args: Any) -> Future[Any]:
        submitted.append(call)
        return submit(pool, call, *args)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", note_and_submit)

    assert await threads_of(2).map(str, range(50)) == [str(number) for number in range(50)]
    assert len(submitted) == 2


async def test_no_calls_have_no_answers() -> None:
    assert await threads_of(2).map(str, []) == []


async def test_a_slow_call_delays_none_that_another_thread_can_make() -> None:
    is_free = Event()

    def wait_or_free(number: int) -> int:
        if number == 9:
            is_free.set()
        return number if number or is_free.wait(5) else -1

    assert await threads_of(2).map(wait_or_free, range(10)) == list(range(10))


async def test_a_call_that_hangs_behind_others_is_ended_by_a_deadline() -> None:
    is_over = Event()

    def hang_at_last(number: int) -> None:
        if number == 3:
            is_over.wait(5)

    with pytest.raises(DeviceLost, match=r"a call took more than 0\.1 s"):
        await asyncio.wait_for(threads_of(1, timeout_s=0.1).map(hang_at_last, range(4)), 5)
    is_over.set()


async def test_calls_that_take_long_only_together_are_not_a_hang() -> None:
    assert await threads_of(1, timeout_s=1).map(time.sleep, [0.3] * 5) == [None] * 5


async def test_after_a_cancellation_no_further_call_begins() -> None:
    has_begun, is_over, numbers = asyncio.Event(), Event(), list[int]()
    loop = asyncio.get_running_loop()

    def note(number: int) -> None:
        numbers.append(number)
        loop.call_soon_threadsafe(has_begun.set)
        is_over.wait(5)

    threads = threads_of(1)
    calls = asyncio.create_task(threads.map(note, range(10)))
    await asyncio.wait_for(has_begun.wait(), 5)
    calls.cancel()
    await asyncio.wait([calls])
    is_over.set()
    await asyncio.wait_for(threads.run(numbers.append, 10), 5)

    assert numbers == [0, 10]


async def test_the_error_of_a_call_is_raised() -> None:
    with pytest.raises(ValueError, match="not a number"):
        await threads_of(2).map(int, ["1", "not a number", "2"])
