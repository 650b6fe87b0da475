import asyncio

import pytest

from inference_api.arrival import Arrival

LONG_S, SHORT_S = 5.0, 0.01


async def test_a_wait_ends_when_it_is_set() -> None:
    arrival = Arrival()
    waiting = asyncio.create_task(arrival.wait(LONG_S))
    await asyncio.sleep(0)

    arrival.set()
    arrival.set()

    assert await waiting is True


async def test_a_wait_begins_set_after_an_early_call() -> None:
    arrival = Arrival()
    arrival.set()

    assert await arrival.wait(LONG_S) is True


async def test_each_call_ends_one_wait() -> None:
    arrival = Arrival()
    arrival.set()
    await arrival.wait(LONG_S)

    assert await arrival.wait(SHORT_S) is False


async def test_a_wait_is_cancelled_at_once_and_the_next_one_works() -> None:
    arrival = Arrival()
    waiting = asyncio.create_task(arrival.wait(LONG_S))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    arrival.set()

    assert await arrival.wait(LONG_S) is True
