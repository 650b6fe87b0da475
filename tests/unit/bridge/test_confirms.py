"""The bookkeeping of publisher confirms, by hand and against every sequence hypothesis can think of."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference_bridge.errors import BrokerUnavailable, QueueFull
from inference_bridge.jobs import Job
from inference_bridge.rabbitmq.confirms import Confirms, Publish


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def a_publish(loop: asyncio.AbstractEventLoop, number: int = 0) -> Publish:
    job = Job(f"{number:024d}", b"\0", submitted_s=0, deadline_ms=1)
    return Publish(job, loop.create_future())


def publishes(loop: asyncio.AbstractEventLoop, confirms: Confirms, count: int) -> list[Publish]:
    made = [a_publish(loop, number) for number in range(count)]
    for publish in made:
        confirms.add(publish, now_s=0)
    return made


def test_tags_count_from_one(loop: asyncio.AbstractEventLoop) -> None:
    confirms = Confirms()

    assert [confirms.add(a_publish(loop), now_s=0) for _ in range(3)] == [1, 2, 3]


def test_the_bytes_of_outstanding_jobs_are_counted(loop: asyncio.AbstractEventLoop) -> None:
    confirms = Confirms()
    publishes(loop, confirms, 3)

    counts = [confirms.body_bytes]
    confirms.ack(1, multiple=False)
    counts.append(confirms.body_bytes)
    confirms.nack(3, multiple=True)
    counts.append(confirms.body_bytes)

    assert counts == [3, 2, 0]


def test_the_bytes_are_counted_anew_after_a_restart(loop: asyncio.AbstractEventLoop) -> None:
    confirms = Confirms()
    gone, *_ = publishes(loop, confirms, 3)
    gone.succeed()

    confirms.restart(now_s=0)

    assert confirms.body_bytes == 2


def test_an_ack_confirms_only_its_own(loop: asyncio.AbstractEventLoop) -> None:
    confirms = Confirms()
    made = publishes(loop, confirms, 3)

    confirms.ack(2, multiple=False)

    assert [publish.confirmed.done() for publish in made] == [False, True, False]


def test_a_multiple_ack_confirms_all_up_to_its_own(loop: asyncio.AbstractEventLoop) -> None:
    confirms = Confirms()
    made = publishes(loop, confirms, 3)

    confirms.ack(2, multiple=True)

    assert [publish.confirmed.done() for publish in made] == [True, True, False]


def test_a_multiple_nack_spares_what_was_acked_before(loop: asyncio.AbstractEventLoop) -> None:
    confirms = Confirms()
    made = publishes(loop, confirms, 3)

    confirms.ack(1, multiple=False)
    confirms.nack(2, multiple=True)

    assert made[0].confirmed.exception() is None
    assert isinstance(made[1].confirmed.exception(), QueueFull)
    assert not made[2].confirmed.done()


def test_an_ack_after_a_return_means_unroutable(loop: asyncio.AbstractEventLoop) -> None:
    confirms = Confirms()
    [publish] = publishes(loop, confirms, 1)

    confirms.note_return(publish.job.inference_id)
    confirms.ack(1, multiple=False)

    assert isinstance(publish.confirmed.exception(), BrokerUnavailable)


def test_a_restart_sends_again_only_what_somebody_waits_for(loop: asyncio.AbstractEventLoop) -> None:
    confirms = Confirms()
    made = publishes(loop, confirms, 3)
    made[1].confirmed.cancel()

    assert confirms.restart(now_s=0) == [made[0], made[2]]
    assert len(confirms) == 2


def test_a_restart_counts_tags_anew_and_loses_nothing_if_the_next_channel_is_lost_at_once(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """RabbitMQ counts from 1 on each channel."""
    confirms = Confirms()
    made = publishes(loop, confirms, 3)
    confirms.ack(1, multiple=False)
    confirms.restart(now_s=1)

    assert confirms.restart(now_s=2) == made[1:]
    confirms.ack(1, multiple=False)

    assert [publish.confirmed.done() for publish in made] == [True, True, False]


def test_the_oldest_outstanding_publish_tells_since_when_the_broker_owes_an_answer(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Nothing is owed while nothing is outstanding."""
    confirms = Confirms()
    ages = [confirms.oldest_age_s(now_s=10)]
    confirms.add(a_publish(loop), now_s=10)
    confirms.add(a_publish(loop), now_s=12)
    ages.append(confirms.oldest_age_s(now_s=13))
    confirms.ack(1, multiple=False)
    ages.append(confirms.oldest_age_s(now_s=13))

    assert ages == [0, 3, 1]


def test_an_id_that_was_returned_twice_is_unroutable_twice_though_one_ack_covers_both(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """RabbitMQ returns an unroutable message and then acknowledges it."""
    confirms = Confirms()
    made = [a_publish(loop), a_publish(loop)]
    for publish in made:
        confirms.add(publish, now_s=0)

    for publish in made:
        confirms.note_return(publish.job.inference_id)
    confirms.ack(2, multiple=True)

    assert [type(publish.confirmed.exception()) for publish in made] == [BrokerUnavailable, BrokerUnavailable]


def test_an_unknown_tag_is_ignored() -> None:
    Confirms().ack(7, multiple=True)
    Confirms().nack(7, multiple=False)


class ConfirmBookkeeping(RuleBasedStateMachine):
    """Publishes, answers, give-ups and lost channels in any order, beside a model that is obviously right."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.confirms = Confirms()
        self.outstanding: dict[int, Publish] = {}
        self.expected: dict[Publish, str] = {}
        self.returned: set[Publish] = set()
        self.count = 0

    def teardown(self) -> None:
        for publish in self.expected:
            if publish.confirmed.done() and not publish.confirmed.cancelled():
                publish.confirmed.exception()
        self.loop.close()

    @rule()
    def publish(self) -> None:
        made = a_publish(self.loop, self.count)
        self.count += 1
        self.outstanding[self.confirms.add(made, now_s=0)] = made
        self.expected[made] = "waiting"

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data(), multiple=st.booleans(), is_ack=st.booleans())
    def answer(self, data: st.DataObject, multiple: bool, is_ack: bool) -> None:
        tag = data.draw(st.sampled_from(sorted(self.outstanding)))
        covered = [other for other in self.outstanding if (other <= tag if multiple else other == tag)]
        for other in covered:
            publish = self.outstanding.pop(other)
            if self.expected[publish] == "waiting":
                held = "unroutable" if publish in self.returned else "confirmed"
                self.expected[publish] = held if is_ack else "refused"
        (self.confirms.ack if is_ack else self.confirms.nack)(tag, multiple=multiple)

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data())
    def return_one(self, data: st.DataObject) -> None:
        publish = data.draw(st.sampled_from(list(self.outstanding.values())))
        self.returned.add(publish)
        self.confirms.note_return(publish.job.inference_id)

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        publish = data.draw(st.sampled_from(list(self.outstanding.values())))
        if publish.confirmed.cancel():
            self.expected[publish] = "given up"

    @rule()
    def lose_the_channel(self) -> None:
        again = self.confirms.restart(now_s=0)
        assert again == [publish for publish in self.outstanding.values() if self.expected[publish] == "waiting"]
        self.returned.clear()
        self.outstanding = dict(enumerate(again, start=1))

    @invariant()
    def each_future_says_what_the_broker_said(self) -> None:
        assert len(self.confirms) == len(self.outstanding)
        for publish, expected in self.expected.items():
            assert outcome(publish.confirmed) == expected


def outcome(confirmed: "asyncio.Future[None]") -> str:
    if not confirmed.done():
        return "waiting"
    if confirmed.cancelled():
        return "given up"
    return {type(None): "confirmed", QueueFull: "refused", BrokerUnavailable: "unroutable"}[type(confirmed.exception())]


ConfirmBookkeeping.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_confirm_bookkeeping_holds_in_any_order = ConfirmBookkeeping.TestCase
