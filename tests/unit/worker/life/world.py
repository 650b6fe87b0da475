"""The broker, the store and the worker of now, and the results that each job may have."""

import asyncio
import json
from collections import Counter, defaultdict, deque
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from pika import BasicProperties

from inference_bridge.jobs import Job, message_id, to_properties
from inference_bridge.memory.broker import MemoryBroker, Message
from inference_bridge.rabbitmq.topology import SOLO_ATTEMPTS
from inference_bridge.results import Result, Status
from inference_bridge.settings import GRACE_S
from inference_worker.attempts import UNCOUNT_TIMEOUT_S
from inference_worker.batch import WORKER_CRASHED
from mnist_model.spec import SPEC
from tests.support.models import ANSWERS_NAN, HANGS, KILLS, RAISES
from tests.unit.worker.life.life import DRAIN_TIMEOUT_S, Life
from tests.unit.worker.life.store import LifeStore
from tests.unit.worker.virtual import DeviceLoop

START_S = 1_700_000_000
JOB_TTL_S = 900
STRANGE = b"not a tensor"

Answer = TypeVar("Answer")

Statuses = frozenset[tuple[str, str | None]]
_SUCCEEDED: Statuses = frozenset({("succeeded", None)})
_FAILED: Statuses = frozenset({("failed", "prediction_failed")})
_CRASHED: Statuses = frozenset({("failed", WORKER_CRASHED)})
_EXPIRED: Statuses = frozenset({("expired", None)})
_INVALID: Statuses = frozenset({("failed", "invalid_message")})


@dataclass
class World:
    """A broker, a store, and the worker that lives now.

    Attributes:
        faults: of the next calls of the store, by name: a call `fails`, `loses` its answer, is `late`, or None.
        away_until_s: until when every call of the store fails.
        jobs: every job, with what may become of it.
        deaths: of workers that held an id as a suspect, and stops that could not reach the store in time to say so.
        problems: promises that were broken.
    """

    loop: DeviceLoop
    faults: dict[str, deque[str | None]] = field(default_factory=lambda: defaultdict(deque))
    away_until_s: float = 0.0
    jobs: dict[str, tuple[Job, Statuses]] = field(default_factory=dict)
    deaths: Counter[str | None] = field(default_factory=Counter)
    revived: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker = MemoryBroker(SPEC, queue_max_length=100_000)
        self.store = LifeStore(self)
        self.start_worker()

    @property
    def now_ms(self) -> int:
        return int((START_S + self.loop.now_s) * 1000)

    @property
    def waiting(self) -> list[Message]:
        """Messages that are not done."""
        return [*self.broker.jobs, *self.broker.retry, *self.life.consumer.held]

    def start_worker(self) -> None:
        self.life = Life(self)

    def publish(self, mark: int, *, ttl_s: int = JOB_TTL_S, is_suspect: bool = False) -> str:
        """Publish a job, or what a worker has died with already."""
        number = len(self.jobs)
        body = bytes([mark]) + number.to_bytes(4, "big") + bytes(779)
        job = Job(f"{number:024d}", body, self.now_ms // 1000, deadline_ms=self.now_ms + ttl_s * 1000)
        self.jobs[job.inference_id] = (job, _becomes(mark))
        self._put(job, delivery_count=int(is_suspect))
        return job.inference_id

    def publish_again(self, inference_id: str) -> None:
        """Publish a copy of a job, as a publisher does that lost a confirm."""
        self._put(self.jobs[inference_id][0])

    def publish_stranger(self, *, has_id: bool) -> None:
        """Publish what no worker can run."""
        inference_id = f"{len(self.jobs):024d}" if has_id else None
        if inference_id is not None:
            job = Job(inference_id, b"", 0, deadline_ms=0)
            self.jobs[inference_id] = (job, _INVALID)
        self.broker.put(Message(BasicProperties(message_id=inference_id, type="other.v9"), STRANGE))

    @property
    def replayable(self) -> list[Message]:
        """Dead letters that are jobs."""
        return [letter for letter in self.broker.dead if letter.body != STRANGE]

    def replay(self) -> None:
        """Give the oldest job among the dead letters a second life."""
        letter = self.replayable[0]
        self.broker.dead.remove(letter)
        inference_id = str(letter.properties.message_id)
        job, becomes = self.jobs[inference_id]
        if self.loop.run_until_complete(self.store.reset(inference_id, ttl_s=JOB_TTL_S + GRACE_S)):
            job = replace(job, deadline_ms=self.now_ms + JOB_TTL_S * 1000)
            self.jobs[inference_id] = (job, becomes)
            self.deaths[inference_id] = 0
            self.revived.add(inference_id)
            self._put(job)

    def answer(self, inference_id: str) -> dict[str, Any] | None:
        """Return the result that is stored now."""
        [body] = at_once(self.store.get([inference_id]))
        return None if body is None else json.loads(body)

    def check_result(self, result: Result) -> None:
        """Note what is wrong with a result that is new."""
        answer = json.loads(result.body)
        job, allowed = self.jobs[result.inference_id]
        said = (answer["status"], answer.get("error", {}).get("code"))
        if said not in allowed | _EXPIRED | _CRASHED:
            self.problems.append(f"{job.inference_id} may become {set(allowed)}, not {said}")
        if said in _CRASHED and self.deaths[result.inference_id] < SOLO_ATTEMPTS:
            self.problems.append(f"{said} after {self.deaths[result.inference_id]} deaths")
        if said in _SUCCEEDED and answer["predicted_class"] != job.body[0] % 10:
            self.problems.append("another job's answer")
        late_s = (self.now_ms - job.deadline_ms) / 1000
        if allowed != _INVALID and result.status is not Status.EXPIRED and late_s > GRACE_S:
            self.problems.append(f"{said} {late_s} s after the deadline")

    def check_attempts(self) -> None:
        """Look for attempts that neither a death nor a run that goes on has made."""
        running = {message_id(message.properties) for message in self.life.consumer.suspects}
        attempts = at_once(self.store.attempts([*self.jobs]))
        for inference_id, noted in zip(self.jobs, attempts, strict=True):
            if noted > self.deaths[inference_id] + (inference_id in running) and not self.answer(inference_id):
                self.problems.append(f"{noted} attempts after {self.deaths[inference_id]} deaths")

    def heal(self) -> None:
        """Let the store answer."""
        self.faults.clear()
        self.away_until_s = 0.0

    def run_until(self, condition: Any, *, at_most_s: float) -> bool:
        """Let time pass until a condition holds; return whether it does."""
        until_s = self.loop.now_s + at_most_s
        while not condition() and not self.problems and self.loop.now_s < until_s:
            self.loop.pass_time(2)
        return bool(condition())

    def stop_worker(self) -> None:
        """Ask the worker to stop, and see that it does so in time."""
        life = self.life
        life.stop.set()
        self.loop.run_until_complete(asyncio.wait([life.working], timeout=DRAIN_TIMEOUT_S + UNCOUNT_TIMEOUT_S + 1))
        assert life.working.done(), "the drain takes longer than it may"

    def close(self) -> None:
        self.life.close()
        self.loop.pass_time(0)
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.pass_time(0)
        self.loop.close()

    def _put(self, job: Job, *, delivery_count: int = 0) -> None:
        self.broker.put(Message(to_properties(job, SPEC), job.body, delivery_count=delivery_count))


def at_once(call: Coroutine[Any, Any, Answer]) -> Answer:
    """Return the answer of a call that waits for nothing, inside the loop and outside of it."""
    try:
        call.send(None)
    except StopIteration as end:
        return cast("Answer", end.value)
    raise AssertionError("the call waits")


def _becomes(mark: int) -> Statuses:
    if mark in {RAISES, ANSWERS_NAN}:
        return _FAILED
    return _CRASHED if mark in {KILLS, HANGS} else _SUCCEEDED
