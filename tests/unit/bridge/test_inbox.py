import asyncio
from dataclasses import replace

import pytest
from pika import BasicProperties

from inference_bridge.inbox import Delivery, Inbox, Lane
from tests.support.sizes import FixedSize


def a_delivery(number: int, lane: Lane = Lane.JOBS) -> Delivery:
    return Delivery(lane, number, False, BasicProperties(), b"", source=None)


def filled(*deliveries: Delivery) -> Inbox:
    inbox = Inbox()
    for delivery in deliveries:
        inbox.put(delivery)
    return inbox


def busy() -> bool:
    return False


def free() -> bool:
    return True


async def tags(inbox: Inbox, max_batch_size: int = 10) -> list[int]:
    return [delivery.tag for delivery in await inbox.take(FixedSize(max_batch_size), is_device_free=free)]


async def test_a_free_device_gets_all_that_has_arrived() -> None:
    inbox = filled(a_delivery(1), a_delivery(2))

    assert await tags(inbox) == [1, 2]


async def test_a_batch_is_never_larger_than_allowed() -> None:
    inbox = filled(*(a_delivery(number) for number in range(5)))

    assert await tags(inbox, 3) == [0, 1, 2]
    assert await tags(inbox, 3) == [3, 4]


async def test_a_small_batch_waits_for_a_busy_device() -> None:
    inbox = filled(a_delivery(1))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(inbox.take(FixedSize(2), is_device_free=busy), 0.01)

    assert len(inbox) == 1


async def test_a_full_batch_is_ready_before_the_device_is() -> None:
    inbox = filled(a_delivery(1), a_delivery(2))

    assert len(await inbox.take(FixedSize(2), is_device_free=busy)) == 2


async def test_a_waiting_take_gets_the_next_arrival() -> None:
    inbox = Inbox()
    taking = asyncio.create_task(tags(inbox))
    await asyncio.sleep(0)

    inbox.put(a_delivery(7))

    assert await asyncio.wait_for(taking, 1) == [7]


async def test_waking_asks_again_whether_the_device_is_free() -> None:
    inbox, device = filled(a_delivery(1)), [False]
    taking = asyncio.create_task(inbox.take(FixedSize(10), is_device_free=lambda: device[0]))
    await asyncio.sleep(0)

    device[0] = True
    inbox.wake()

    assert len(await asyncio.wait_for(taking, 1)) == 1


async def test_a_suspect_comes_alone() -> None:
    inbox = filled(a_delivery(1, Lane.RETRY), a_delivery(2))

    assert await tags(inbox) == [1]
    assert await tags(inbox) == [2]


async def test_the_lanes_take_turns() -> None:
    inbox = filled(a_delivery(1, Lane.RETRY), a_delivery(2, Lane.RETRY), a_delivery(3), a_delivery(4))

    assert [await tags(inbox, 1) for _ in range(4)] == [[1], [3], [2], [4]]


async def test_nothing_is_given_out_ahead_while_it_is_a_suspects_turn() -> None:
    inbox, device = filled(a_delivery(1, Lane.RETRY), a_delivery(2), a_delivery(3)), [False]
    taking = asyncio.create_task(inbox.take(FixedSize(2), is_device_free=lambda: device[0]))
    await asyncio.sleep(0)

    device[0] = True
    inbox.wake()

    assert [delivery.tag for delivery in await asyncio.wait_for(taking, 1)] == [1]


async def test_a_suspect_that_comes_while_a_batch_fills_is_given_out() -> None:
    inbox = filled(a_delivery(1))
    filling = asyncio.create_task(inbox.take(FixedSize(2, fill_s=60), is_device_free=free))
    await asyncio.sleep(0)

    inbox.put(a_delivery(2, Lane.RETRY))

    assert [delivery.tag for delivery in await asyncio.wait_for(filling, 1)] == [2]


async def test_a_job_that_comes_back_as_a_suspect_while_its_batch_fills_is_given_out() -> None:
    """The connection was lost, and RabbitMQ delivers the job again in the other lane."""
    inbox = filled(a_delivery(1))
    filling = asyncio.create_task(inbox.take(FixedSize(2, fill_s=60), is_device_free=free))
    await asyncio.sleep(0)

    inbox.clear()
    inbox.put(a_delivery(1, Lane.RETRY))

    assert [delivery.lane for delivery in await asyncio.wait_for(filling, 1)] == [Lane.RETRY]


async def test_a_closed_inbox_gives_nothing() -> None:
    inbox = filled(a_delivery(1))

    inbox.close()

    assert await inbox.take(FixedSize(10), is_device_free=free) == []


async def test_closing_ends_a_waiting_take() -> None:
    inbox = Inbox()
    taking = asyncio.create_task(inbox.take(FixedSize(10), is_device_free=free))
    await asyncio.sleep(0)

    inbox.close()

    assert await asyncio.wait_for(taking, 1) == []


def test_clearing_forgets_both_lanes() -> None:
    inbox = filled(a_delivery(1), a_delivery(2, Lane.RETRY))

    inbox.clear()

    assert len(inbox) == 0


async def test_clearing_tells_those_that_have_asked() -> None:
    inbox = Inbox()
    before = inbox.next_clear()

    inbox.clear()

    assert before.is_set()
    assert not inbox.next_clear().is_set()


async def test_the_order_of_arrival_stays_whatever_the_priority() -> None:
    """An acknowledgement covers everything before it."""
    low, high = (replace_priority(a_delivery(number), priority) for number, priority in ((1, 1), (2, 9)))

    assert await tags(filled(low, high)) == [1, 2]


def replace_priority(delivery: Delivery, priority: int) -> Delivery:
    return replace(delivery, properties=BasicProperties(priority=priority))
