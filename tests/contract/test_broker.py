"""The promises of every broker; the stand-in and RabbitMQ run the same tests."""

import asyncio
from dataclasses import replace

import pytest

from inference_bridge.contract import Consumer, Publisher
from inference_bridge.depths import Depths
from inference_bridge.errors import InputTooLarge, QueueFull
from inference_bridge.inbox import Inbox, Lane
from inference_bridge.jobs import from_message
from tests.contract.conftest import QUEUE_MAX_LENGTH, Running, World, take, until_count
from tests.support.depths import until_depths
from tests.support.jobs import a_request, as_received
from tests.support.waiting import until


async def consuming(world: World, running: Running, *, prefetch: int = 100) -> tuple[Consumer, Inbox]:
    consumer, inbox = world.consumer(prefetch=prefetch), Inbox()
    running.start(consumer.run(inbox))
    await until(lambda: consumer.is_ready)
    return consumer, inbox


async def test_a_published_request_arrives_as_it_was(world: World, running: Running, publisher: Publisher) -> None:
    job = a_request(7, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    _, inbox = await consuming(world, running)

    await publisher.publish(job)
    await publisher.publish(replace(job, has_timeline=True))
    await until(lambda: len(inbox) == 2)
    delivery, timed = await take(inbox)

    assert from_message(delivery.properties, delivery.body, world.spec) == as_received(job, world.spec)
    assert from_message(timed.properties, timed.body, world.spec).has_timeline
    assert delivery.lane is Lane.JOBS
    assert not delivery.is_redelivered


async def test_jobs_arrive_in_the_order_of_publishing(world: World, running: Running, publisher: Publisher) -> None:
    for number in range(4):
        await publisher.publish(a_request(number))
    _, inbox = await consuming(world, running)

    await until(lambda: len(inbox) == 4)

    assert [delivery.body[0] for delivery in await take(inbox)] == [0, 1, 2, 3]


async def test_no_more_than_the_prefetch_is_lent(world: World, running: Running, publisher: Publisher) -> None:
    for number in range(4):
        await publisher.publish(a_request(number))
    consumer, inbox = await consuming(world, running, prefetch=2)

    await until(lambda: len(inbox) == 2)
    await until_count(world, "jobs", 2)
    consumer.settle(await take(inbox))

    await until(lambda: len(inbox) == 2)
    await until_count(world, "jobs", 0)


async def test_a_full_queue_refuses(world: World, publisher: Publisher) -> None:
    refused = 0
    # The real limit is soft: RabbitMQ takes a few more before it refuses.
    for number in range(10 * QUEUE_MAX_LENGTH):
        try:
            await publisher.publish(a_request(number))
        except QueueFull:
            refused += 1

    assert refused > 0
    assert await world.count("jobs") >= QUEUE_MAX_LENGTH


@pytest.mark.parametrize("priority", [None, 1, 9])
async def test_a_job_of_any_priority_arrives_with_it(
    world: World, running: Running, publisher: Publisher, priority: int | None
) -> None:
    job = replace(a_request(7), priority=priority)
    _, inbox = await consuming(world, running)

    await publisher.publish(job)
    [delivery] = await take(inbox)

    assert from_message(delivery.properties, delivery.body, world.spec).priority == priority


async def test_several_jobs_must_fit_into_a_share_of_the_queue(publisher: Publisher) -> None:
    publisher.check_headroom(QUEUE_MAX_LENGTH)
    publisher.check_headroom(QUEUE_MAX_LENGTH // 2, 0.5)

    await publisher.publish(a_request(1))

    with pytest.raises(QueueFull, match=f"no place for {QUEUE_MAX_LENGTH} jobs"):
        publisher.check_headroom(QUEUE_MAX_LENGTH)
    with pytest.raises(QueueFull, match="the limit for this priority"):
        publisher.check_headroom(QUEUE_MAX_LENGTH // 2, 0.5)


async def test_more_jobs_than_the_queue_can_hold_are_refused_for_good(publisher: Publisher) -> None:
    with pytest.raises(InputTooLarge, match=f"holds at most {QUEUE_MAX_LENGTH}, its limit; send fewer"):
        publisher.check_headroom(QUEUE_MAX_LENGTH + 1)
    with pytest.raises(InputTooLarge, match=f"at most {QUEUE_MAX_LENGTH // 2}, the limit for this priority"):
        publisher.check_headroom(QUEUE_MAX_LENGTH // 2 + 1, 0.5)


async def test_an_acknowledged_message_never_comes_back(world: World, running: Running, publisher: Publisher) -> None:
    await publisher.publish(a_request(1))
    consumer, inbox = await consuming(world, running)

    consumer.settle(await take(inbox))
    await consumer.cancel()
    consumer.requeue_all()

    for queue in ("jobs", "retry", "dead"):
        await until_count(world, queue, 0)


async def test_a_rejected_job_comes_by_the_retry_lane_then_it_is_dead(
    world: World, running: Running, publisher: Publisher
) -> None:
    job = a_request(1)
    await publisher.publish(job)
    consumer, inbox = await consuming(world, running)

    first = await take(inbox)
    consumer.settle(first, rejected=set(first))
    second = await take(inbox)
    consumer.settle(second, rejected=set(second))

    assert second[0].lane is Lane.RETRY
    assert from_message(second[0].properties, second[0].body, world.spec) == as_received(job, world.spec)
    await until_count(world, "dead", 1)
    await until_count(world, "retry", 0)


async def test_one_of_a_batch_can_be_rejected(world: World, running: Running, publisher: Publisher) -> None:
    for number in range(3):
        await publisher.publish(a_request(number))
    consumer, inbox = await consuming(world, running)
    await until(lambda: len(inbox) == 3)

    batch = await take(inbox)
    consumer.settle(batch, rejected={batch[2]})
    [suspect] = await take(inbox)

    assert suspect.body[0] == 2
    assert len(inbox) == 0


async def test_what_is_handed_back_comes_again(world: World, running: Running, publisher: Publisher) -> None:
    for number in range(3):
        await publisher.publish(a_request(number))
    consumer, inbox = await consuming(world, running)
    await until(lambda: len(inbox) == 3)

    await consumer.cancel()
    consumer.requeue_all()
    other, other_inbox = await consuming(world, running)
    # RabbitMQ before 4.3 counts a hand-back as a failed delivery: the retry lane brings the jobs one at a time.
    bodies: list[int] = []
    while len(bodies) < 3:
        deliveries = await take(other_inbox)
        bodies += [delivery.body[0] for delivery in deliveries]
        assert all(delivery.is_redelivered or delivery.lane is Lane.RETRY for delivery in deliveries)
        other.settle(deliveries)

    assert sorted(bodies) == [0, 1, 2]


async def test_a_canceled_consumer_takes_nothing_new(world: World, running: Running, publisher: Publisher) -> None:
    consumer, inbox = await consuming(world, running)

    await consumer.cancel()
    await publisher.publish(a_request(1))

    await until_count(world, "jobs", 1)
    assert len(inbox) == 0


async def test_what_a_lost_worker_held_comes_by_the_retry_lane(
    world: World, running: Running, publisher: Publisher
) -> None:
    await publisher.publish(a_request(1))
    lost, inbox = world.consumer(prefetch=10), Inbox()
    holding = running.start(lost.run(inbox))
    await take(inbox)

    await running.stop(holding)
    _, other_inbox = await consuming(world, running)
    [delivery] = await take(other_inbox)

    assert delivery.lane is Lane.RETRY


async def test_deliveries_of_a_lost_worker_leave_its_inbox_and_cannot_be_settled(
    world: World, running: Running, publisher: Publisher
) -> None:
    for number in range(2):
        await publisher.publish(a_request(number))
    consumer, inbox = world.consumer(prefetch=10), Inbox()
    task = running.start(consumer.run(inbox))
    await until(lambda: len(inbox) == 2)
    taken = await take(inbox, 1)

    await running.stop(task)
    consumer.settle(taken)

    assert len(inbox) == 0
    await until_count(world, "jobs", 2)


async def test_two_consumers_share_the_work(world: World, running: Running, publisher: Publisher) -> None:
    _, one = await consuming(world, running, prefetch=1)
    _, other = await consuming(world, running, prefetch=1)

    for number in range(2):
        await publisher.publish(a_request(number))

    await until(lambda: len(one) == len(other) == 1)


async def test_publishing_many_at_once_confirms_each(world: World, publisher: Publisher, running: Running) -> None:
    consumer, inbox = await consuming(world, running, prefetch=60)

    await asyncio.gather(*(publisher.publish(a_request(number)) for number in range(QUEUE_MAX_LENGTH)))
    await until(lambda: len(inbox) == QUEUE_MAX_LENGTH)

    batch = await take(inbox)
    consumer.settle(batch)
    assert {delivery.body[0] for delivery in batch} == set(range(QUEUE_MAX_LENGTH))


async def test_draining_returns_when_nothing_is_outstanding(publisher: Publisher) -> None:
    publishing = asyncio.gather(*(publisher.publish(a_request(number)) for number in range(3)))
    await asyncio.sleep(0)

    await publisher.flush(5)

    await asyncio.wait_for(publishing, 1)


@pytest.mark.servers
@pytest.mark.parametrize("world", ["real"], indirect=True)
async def test_a_message_that_is_no_job_is_delivered_all_the_same(
    world: World, running: Running, publisher: Publisher
) -> None:
    stranger = a_request(1)
    object.__setattr__(stranger, "body", b"not a tensor of the model")
    _, inbox = await consuming(world, running)

    await publisher.publish(stranger)

    assert (await take(inbox))[0].body == b"not a tensor of the model"


async def test_a_larger_prefetch_lets_more_jobs_come(world: World, running: Running, publisher: Publisher) -> None:
    for number in range(4):
        await publisher.publish(a_request(number))
    consumer, inbox = await consuming(world, running, prefetch=1)
    [first] = await take(inbox)

    await consumer.change_prefetch(4)

    await until(lambda: len(inbox) == 3)
    consumer.settle([first, *await take(inbox)])
    assert await world.count("jobs") == 0


async def test_a_job_that_is_given_back_goes_to_another_consumer(
    world: World, running: Running, publisher: Publisher
) -> None:
    for number in range(2):
        await publisher.publish(a_request(number))
    consumer, inbox = await consuming(world, running, prefetch=2)
    [kept, waiting] = await take(inbox)
    await consumer.change_prefetch(1)

    consumer.requeue([waiting])
    consumer.settle([kept])

    _, other_inbox = await consuming(world, running, prefetch=2)
    assert consumer.prefetch == 1
    assert (await take(other_inbox) if len(inbox) == 0 else await take(inbox))[0].body == waiting.body


async def test_the_depths_are_what_nobody_holds(world: World, running: Running, publisher: Publisher) -> None:
    reader = world.depth_reader()
    running.start(reader.run())
    for number in range(4):
        await publisher.publish(a_request(number))
    consumer, inbox = await consuming(world, running, prefetch=2)
    await until(lambda: len(inbox) == 2)

    await until_depths(reader, Depths(jobs=2, suspects=0))

    await consumer.cancel()
    [rejected, kept] = await take(inbox)
    consumer.settle([rejected, kept], rejected=[rejected])
    await until_depths(reader, Depths(jobs=2, suspects=1))


async def test_a_publisher_tells_what_it_sees_of_the_queue(
    world: World, running: Running, publisher: Publisher
) -> None:
    seen: list[tuple[int, int]] = []
    publisher.on_look = lambda ready, consumers: seen.append((ready, consumers))
    for number in range(3):
        await publisher.publish(a_request(number))
    await until(lambda: (3, 0) in seen)

    await consuming(world, running, prefetch=2)

    await until(lambda: (1, 1) in seen)
