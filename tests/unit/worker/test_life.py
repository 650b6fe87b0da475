"""A model check of the worker's life: any order of jobs, faults, stops and deaths, and no promise is broken.

The sequences are the same at each run, so that a failure stays one. For more of them:
`LIFE_EXAMPLES=2000 pytest tests/unit/worker/test_life.py`.
"""

import logging
import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference_bridge.jobs import message_id
from inference_worker import worker
from tests.support.models import ANSWERS_NAN, HANGS, KILLS, RAISES
from tests.unit.worker.life.life import BATCH_SIZE
from tests.unit.worker.life.model import SLOW
from tests.unit.worker.life.world import JOB_TTL_S, START_S, World
from tests.unit.worker.virtual import DeviceLoop

EXAMPLES = int(os.environ.get("LIFE_EXAMPLES", "200"))
#: On a loaded machine; alone, an example takes a tenth of a second. To make a failure smaller takes minutes.
AT_MOST_S = max(600, 3 * EXAMPLES)
# The usual way raises an exception wherever the test is just then: the loop swallows it, one callback is lost, and the
# report is of a broken promise that no other run breaks. A thread ends the process instead.
pytestmark = pytest.mark.timeout(AT_MOST_S, method="thread")
#: Far more than everything that may wait can take: a hang is a minute, and each has four.
END_S = 20_000.0
GOOD = st.integers(0, 9)
BAD = st.sampled_from([SLOW, SLOW, RAISES, ANSWERS_NAN, KILLS, HANGS])
CALLS = st.sampled_from(["put", "get", "count_attempt", "uncount_attempt"])
PAUSES_S = st.sampled_from([0, 0.001, 0.05, 0.5, 5, 5, 100])
TTLS_S = st.sampled_from([JOB_TTL_S, 1, 20])


class VirtualTime:
    """Stands in for the module `time` in the worker."""

    def __init__(self, loop: DeviceLoop) -> None:
        self.perf_counter = loop.time
        self.time_ns = lambda: int((START_S + loop.time()) * 1e9)


class WorkersLife(RuleBasedStateMachine):
    """The events in the life of a worker."""

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)  # most of the time would go into lines that nobody reads
        self.loop = DeviceLoop()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(worker, "time", VirtualTime(self.loop))
        self.patch.setattr("inference_worker.reporting.REPORT_INTERVAL_S", 10.0)  # a fifth of the time would go there
        self.world = World(self.loop)

    @rule(marks=st.lists(GOOD, min_size=1, max_size=3 * BATCH_SIZE), ttl_s=TTLS_S, then_s=PAUSES_S)
    def publish_good_jobs(self, marks: list[int], ttl_s: int, then_s: float) -> None:
        for mark in marks:
            self.world.publish(mark, ttl_s=ttl_s)
        self.loop.pass_time(then_s)

    @rule(mark=BAD, ttl_s=TTLS_S, is_suspect=st.booleans(), then_s=PAUSES_S)
    def publish_a_bad_job(self, mark: int, ttl_s: int, is_suspect: bool, then_s: float) -> None:
        self.world.publish(mark, ttl_s=ttl_s, is_suspect=is_suspect)
        self.loop.pass_time(then_s)

    @rule(mark=GOOD, ttl_s=TTLS_S, then_s=PAUSES_S)
    def publish_a_suspect(self, mark: int, ttl_s: int, then_s: float) -> None:
        self.world.publish(mark, ttl_s=ttl_s, is_suspect=True)
        self.loop.pass_time(then_s)

    @rule(data=st.data())
    @precondition(lambda self: self.world.jobs)
    def publish_a_copy(self, data: st.DataObject) -> None:
        inference_id = data.draw(st.sampled_from(sorted(self.world.jobs)))
        if self.world.jobs[inference_id][0].body:
            self.world.publish_again(inference_id)

    @rule(has_id=st.booleans())
    def publish_a_strangers_message(self, has_id: bool) -> None:
        self.world.publish_stranger(has_id=has_id)

    @rule(call=CALLS, faults=st.lists(st.sampled_from(["fails", "loses", "late", None]), min_size=1, max_size=4))
    def trouble_the_store(self, call: str, faults: list[str | None]) -> None:
        self.world.faults[call].extend(faults)

    @rule(call=CALLS, count=st.integers(1, 4))
    def lose_answers(self, call: str, count: int) -> None:
        self.world.faults[call].extend(["loses"] * count)

    @rule(away_s=st.sampled_from([0.3, 5, 100, 100]), then_s=PAUSES_S)
    def take_the_store_away(self, away_s: float, then_s: float) -> None:
        self.world.away_until_s = self.loop.now_s + away_s
        self.loop.pass_time(then_s)

    @rule(seconds=PAUSES_S)
    def wait(self, seconds: float) -> None:
        self.loop.pass_time(seconds)

    @rule(then_s=PAUSES_S)
    def kill_the_worker(self, then_s: float) -> None:
        self.world.life.die()
        self.loop.pass_time(then_s)

    @rule(then_s=PAUSES_S)
    def stop_the_worker(self, then_s: float) -> None:
        self.world.stop_worker()
        self.loop.pass_time(then_s)

    @rule(then_s=PAUSES_S)
    def lose_the_connection(self, then_s: float) -> None:
        self.world.life.consumer.reconnect()
        self.loop.pass_time(then_s)

    @rule()
    @precondition(lambda self: self.world.replayable)
    def replay_a_dead_letter(self) -> None:
        self.world.replay()

    @rule()
    @precondition(lambda self: not self.world.waiting)
    def run_a_suspect_under_full_load(self) -> None:
        """A batch takes 40 ms; a suspect must have its turn long before the load ends."""
        self.world.heal()
        self.loop.pass_time(5)
        for _ in range(3 * BATCH_SIZE):
            self.world.publish(1)
        suspect = self.world.publish(2, is_suspect=True)
        for _ in range(50):
            for _ in range(BATCH_SIZE):
                self.world.publish(1)
            self.loop.pass_time(0.04)
        assert self.world.answer(suspect), "a suspect starves under full load"

    @invariant()
    def no_promise_is_broken(self) -> None:
        self.loop.pass_time(0)
        self.world.check_attempts()
        assert not self.world.problems, self.world.problems
        self.world.life.check_metrics()

    def teardown(self) -> None:
        """Each message ends once nothing fails any more, and each id has its answer."""
        try:
            self.loop.pass_time(150)  # with the store as it is
            self.world.heal()
            assert self.world.run_until(lambda: not self.world.waiting, at_most_s=END_S), self.world.problems
            unanswered = [inference_id for inference_id in self.world.jobs if not self.world.answer(inference_id)]
            assert not unanswered, "a message is gone, and there is no result"
            self.no_promise_is_broken()
            assert self._failed() <= self.world.revived | self._parked(), "a job has failed and is not parked"
        finally:
            self.world.close()
            self.patch.undo()
            logging.disable(logging.NOTSET)

    def _failed(self) -> set[str]:
        answers = {inference_id: self.world.answer(inference_id) for inference_id in self.world.jobs}
        return {inference_id for inference_id, answer in answers.items() if answer and answer["status"] == "failed"}

    def _parked(self) -> set[str | None]:
        return {message_id(message.properties) for message in self.world.broker.dead}


TestWorkersLife = WorkersLife.TestCase
TestWorkersLife.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
