"""The real publisher, on a virtual clock, before a broker that does all the wrong that a broker or a network can do."""

import asyncio
from random import Random

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inference_bridge.errors import Unavailable
from inference_bridge.jobs import Job
from inference_bridge.rabbitmq import connection, supervise
from inference_bridge.rabbitmq.publisher import AmqpPublisher
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.rabbitmq.topology import topology_for
from tests.support.fake_broker import FakeBroker
from tests.support.fake_channel import FakeChannel
from tests.support.specs import small_spec
from tests.support.virtual_time import VirtualLoop

SPEC = small_spec("model")
TOPOLOGY = topology_for(SPEC, queue_max_length=10_000)
PUBLISH_TIMEOUT_S = 5.0
SETTLE_S = 1.0
#: A turn of the loop, and the latency of the broker.
MOMENT_S = 0.1
#: The longest pause before a new connection, with its time to close the old one.
RECONNECT_S = supervise.BACKOFF_MAX_S + 2 * connection.CLOSE_TIMEOUT_S
FAULTS = ("is_frozen", "is_alarmed", "is_withholding", "is_refusing", "is_full")
LENGTHS_S = st.sampled_from([0.001, 0.4, 1.0, 3.0, 5.0, 6.0, 8.0, 11.0, 15.0, 40.0])


class PublisherLife(RuleBasedStateMachine):
    """Publishes, freezes, alarms, lost connections and answers, late ones and none, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.loop = VirtualLoop()
        self.publishing: dict[asyncio.Task[None], float] = {}
        self.count = 0

    @initialize(seed=st.integers(0, 1_000))
    def start(self, seed: int) -> None:
        self.broker = FakeBroker(Random(seed))
        self.patch.setattr(connection, "CorkedConnection", self.broker.connect)
        self.patch.setattr(supervise.random, "uniform", lambda _, most: most)
        self.publisher = AmqpPublisher(
            "amqp://fake",
            spec=SPEC,
            topology=TOPOLOGY,
            publish_timeout_s=PUBLISH_TIMEOUT_S,
            max_unconfirmed=64,
            settle_s=SETTLE_S,
            throughput=Throughput(self.loop.time),
            clock=self.loop.time,
        )
        self.running = self.loop.create_task(self.publisher.run())
        self.loop.pass_time(SETTLE_S + 1)
        assert self.publisher.is_ready

    def teardown(self) -> None:
        if hasattr(self, "running"):
            self.come_back()
            self.running.cancel()
            self.loop.run(asyncio.wait([self.running, *self.publishing]))
            for publish in self.publishing:
                publish.cancelled() or publish.exception()
        self.patch.undo()
        self.loop.close()

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        for _ in range(count):
            self._publish()

    @rule(length_s=LENGTHS_S)
    def let_time_pass(self, length_s: float) -> None:
        self.loop.pass_time(length_s)

    @rule(count=st.integers(1, 3), turns=st.integers(0, 9), length_s=LENGTHS_S)
    def freeze_the_process(self, count: int, turns: int, length_s: float) -> None:
        """However far these publishes have come by then."""
        self.publish(count)
        for _ in range(turns):
            self.loop.run(asyncio.sleep(0))
        self.loop.jump(length_s)
        self.loop.pass_time(MOMENT_S)

    @rule(data=st.data())
    def cancel_a_publish(self, data: st.DataObject) -> None:
        under_way = [publish for publish in self.publishing if not publish.done()]
        if under_way:
            data.draw(st.sampled_from(under_way)).cancel()

    @rule(fault=st.sampled_from(FAULTS), is_on=st.booleans())
    def change_the_broker(self, fault: str, is_on: bool) -> None:
        self._change(**{fault: is_on})

    @rule(count=st.integers(1, 3))
    def lose_confirms(self, count: int) -> None:
        """No broker should; but nothing may depend on it for ever."""
        self._change(is_withholding=True)
        self.publish(count)
        self.loop.pass_time(MOMENT_S)
        for channel in self._channels():
            channel.withheld.clear()
        self._change(is_withholding=False)

    @rule(count=st.integers(0, 3), after_answers=st.integers(0, 30))
    def lose_the_connections(self, count: int, after_answers: int) -> None:
        """At once, and once more somewhere in the next session."""
        self.publish(count)
        self._in_loop(self.broker.drop_connections)
        self.broker.answers_left = after_answers

    @rule(queue=st.sampled_from(TOPOLOGY.queues))
    def delete_a_queue(self, queue: object) -> None:
        self.broker.delete_queue(queue.name)  # type: ignore[attr-defined]

    @rule()
    def come_back(self) -> None:
        """End every fault: the publisher must be ready in time, and nothing may be stuck."""
        sessions = self.broker.sessions
        self.broker.answers_left = None
        self._change(**dict.fromkeys(FAULTS, False))
        self._in_loop(self._release)
        self.loop.pass_time(PUBLISH_TIMEOUT_S + MOMENT_S)
        if self.broker.sessions > sessions or not self.publisher.is_ready:
            self.loop.pass_time(RECONNECT_S + SETTLE_S + MOMENT_S)
        assert self.publisher.is_ready
        assert all(publish.done() for publish in self.publishing)
        assert {queue.name for queue in TOPOLOGY.queues} <= self.broker.queues
        self.loop.run(asyncio.wait_for(self._publish(), PUBLISH_TIMEOUT_S))

    @invariant()
    def every_publish_ends_in_time(self) -> None:
        if not hasattr(self, "publisher"):
            return
        self.loop.pass_time(MOMENT_S)
        for publish, started_s in self.publishing.items():
            assert publish.done() or self.loop.time() - started_s <= PUBLISH_TIMEOUT_S + MOMENT_S
            if publish.done() and not publish.cancelled():
                assert publish.exception() is None or isinstance(publish.exception(), Unavailable)

    @invariant()
    def every_confirmed_job_was_received_and_no_job_more_often_than_there_were_sessions(self) -> None:
        for publish in self.publishing:
            received = self.broker.received.get(publish.get_name(), 0)
            assert received <= self.broker.sessions
            if publish.done() and not publish.cancelled() and publish.exception() is None:
                assert received >= 1

    @invariant()
    def a_ready_publisher_has_a_connection(self) -> None:
        if not hasattr(self, "publisher"):
            return
        self.loop.pass_time(MOMENT_S)
        assert self.broker.connections or not self.publisher.is_ready

    def _publish(self) -> asyncio.Task[None]:
        self.count += 1
        job = Job(f"{self.count:024d}", b"\0", submitted_s=0, deadline_ms=1)
        publishing = self.loop.create_task(self._publish_from_now(job), name=job.inference_id)
        self.publishing[publishing] = self.loop.time()
        return publishing

    async def _publish_from_now(self, job: Job) -> None:
        # A process that is frozen before the task has begun starts the publish, and its time limit, after that.
        publishing = asyncio.current_task()
        assert publishing is not None
        self.publishing[publishing] = self.loop.time()
        await self.publisher.publish(job)

    def _change(self, **state: bool) -> None:
        for name, value in state.items():
            setattr(self.broker, name, value)
        self._in_loop(self.broker.pump)

    def _release(self) -> None:
        for channel in self._channels():
            channel.release()

    def _channels(self) -> list[FakeChannel]:
        channels = [channel for connection in self.broker.connections for channel in connection.channels]
        return [channel for channel in channels if channel.is_open]

    def _in_loop(self, call: object) -> None:
        async def run() -> None:
            call()  # type: ignore[operator]

        self.loop.run(run())


PublisherLife.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # to make a failure smaller would take minutes
)
test_a_publisher_is_never_stuck_whatever_happens_in_whatever_order = PublisherLife.TestCase
