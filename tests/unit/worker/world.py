"""Workers one after the other between a broker and a store that misbehave; whatever breaks a promise is noted.

The workers, their batches, engines and inboxes are the real ones, on a loop with a clock of its own.
"""

import asyncio
import json
import math
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pika import BasicProperties
from prometheus_client import CollectorRegistry

from inference_bridge.errors import DeviceLost, StoreUnavailable
from inference_bridge.inbox import Delivery, Lane
from inference_bridge.memory.broker import MemoryBroker, MemoryConsumer, MemorySource, Message
from inference_bridge.memory.store import MemoryStore
from inference_bridge.rabbitmq.topology import SOLO_ATTEMPTS
from inference_bridge.reports import DEFAULT_POOL, WorkerReport
from inference_bridge.requests import InferenceRequest, message_id, to_properties
from inference_bridge.results import Result, Status
from inference_bridge.settings import GRACE_S
from inference_bridge.spec import ModelSpec
from inference_worker.batch import WORKER_CRASHED
from inference_worker.engine import Engine
from inference_worker.metrics import WorkerMetrics
from inference_worker.model import Model
from inference_worker.sizing import FIRST_PREFETCH, BatchSizing
from inference_worker.worker import UNCOUNT_TIMEOUT_S, Worker
from mnist_model.spec import SPEC
from tests.support.models import ANSWERS_NAN, HANGS, KILLS, RAISES
from tests.unit.worker.virtual import Device, DeviceLoop

START_S = 1_700_000_000
BATCH_SIZE = 4
S_PER_INPUT = 0.01
FORWARD_TIMEOUT_S = 60
DRAIN_TIMEOUT_S = 2
JOB_TTL_S = 900
#: Takes longer than a drain, and shorter than what counts as hung; the class is 9.
SLOW, SLOW_S = 249, 55.0
STRANGE = b"not a tensor"

Statuses = frozenset[tuple[str, str | None]]
_SUCCEEDED: Statuses = frozenset({("succeeded", None)})
_FAILED: Statuses = frozenset({("failed", "prediction_failed")})
_CRASHED: Statuses = frozenset({("failed", WORKER_CRASHED)})
_EXPIRED: Statuses = frozenset({("expired", None)})
_INVALID: Statuses = frozenset({("failed", "invalid_message")})


class LifeModel:
    """Does what the first pixel says, in virtual time."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self, life: "Life") -> None:
        self._life = life
        self.took_s = 0.0

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        marks = set(batch[:, 0, 0].tolist())
        self.took_s = S_PER_INPUT * len(batch) + SLOW_S * (SLOW in marks)
        self._life.note_run(batch)
        if KILLS in marks:
            self._life.die_in(self.took_s)
        if KILLS in marks or HANGS in marks:
            self.took_s = math.inf
        if RAISES in marks:
            raise ValueError("this input is poison")
        probabilities = np.eye(10, dtype=np.float32)[batch[:, 0, 0] % 10]  # (B, 10)
        probabilities[batch[:, 0, 0] == ANSWERS_NAN] = np.nan
        return probabilities


class LifeConsumer(MemoryConsumer):
    """Settles only what was lent, once, in order, and after its result is stored."""

    def __init__(self, life: "Life", broker: MemoryBroker) -> None:
        super().__init__(broker, prefetch=FIRST_PREFETCH)
        self._life = life

    @property
    def suspects(self) -> list[Message]:
        """What this worker holds of the retry lane."""
        return list(self._sources[1].unsettled.values())

    @property
    def held(self) -> list[Message]:
        """All that this worker holds."""
        return [message for source in self._sources for message in source.unsettled.values()]

    def settle(self, deliveries: Sequence[Delivery], rejected: Collection[Delivery] = ()) -> None:
        source = deliveries[0].source
        assert isinstance(source, MemorySource)
        if self._life.is_dead:
            return
        if not source.is_lost:
            tags = [delivery.tag for delivery in deliveries]
            assert set(tags) <= set(source.unsettled), "a tag is unknown, or was settled before"
            acknowledged = [delivery.tag for delivery in deliveries if delivery not in rejected]
            covered = {tag for tag in source.unsettled if acknowledged and tag <= acknowledged[-1]}
            assert covered <= set(tags), "one acknowledgement covers what is not done"
            for delivery in deliveries:
                inference_id = message_id(delivery.properties)
                assert inference_id is None or self._life.world.answer(inference_id), "settled without a result"
        super().settle(deliveries, rejected)

    def hand_back(self) -> None:
        if not self._life.is_dead:
            super().hand_back()

    def lose_connection(self) -> None:
        """Lose all that was lent, as with a connection; the worker lives on and gets a new one."""
        MemoryConsumer._return_unsettled(self, failures=1)
        for source in self._sources:
            source.is_lost = True
        self._sources = (MemorySource(Lane.JOBS, self.prefetch), MemorySource(Lane.RETRY, 1))
        if self._inbox is not None:
            self._inbox.clear()
        self._broker.deliver()

    def _return_unsettled(self, *, failures: int) -> None:
        if failures:
            self._life.note_death(self)
        super()._return_unsettled(failures=failures)


class LifeStore(MemoryStore):
    """A store for all lives; checks each result in the moment in which it is stored."""

    def __init__(self, world: "World") -> None:
        super().__init__(result_ttl_s=1_000_000)
        self._world = world
        self.owners: dict[str, tuple[object, int]] = {}

    async def put_of(self, life: "Life", results: Sequence[Result]) -> int:
        """Store results for a life; count which of them were refused because of somebody else's."""
        call, seen = (life, life.put_count), set[str]()
        for result in results:
            if result.inference_id not in seen and self._world.answer(result.inference_id) is None:
                self.owners[result.inference_id] = call
                self._world.check_result(result)
            elif self.owners[result.inference_id] != call or result.inference_id in seen:
                life.duplicates += 1
            seen.add(result.inference_id)
        return await self.put(results)


class LifelineStore:
    """The store as one worker reaches it: calls fail, lose their answers and are late, and end with the worker."""

    def __init__(self, life: "Life", store: LifeStore) -> None:
        self._life, self._store = life, store

    async def put(self, results: Sequence[Result]) -> int:
        self._life.start_put()
        created = await self._reach("put", lambda: self._store.put_of(self._life, results))
        self._life.is_put_open = False
        return int(created)

    async def get(self, ids: Sequence[str]) -> list[bytes | None]:
        return list(await self._reach("get", lambda: self._store.get(ids)))

    async def count_attempt(self, inference_id: str, token: str) -> int:
        return int(await self._reach("count_attempt", lambda: self._store.count_attempt(inference_id, token)))

    async def uncount_attempt(self, inference_id: str, token: str) -> None:
        self._life.owed.add(inference_id)
        await self._reach("uncount_attempt", lambda: self._store.uncount_attempt(inference_id, token))
        self._life.owed.discard(inference_id)

    async def report(self, worker_id: str, report: WorkerReport) -> None:
        await self._reach("report", lambda: self._store.report(worker_id, report))

    async def _reach(self, name: str, call: Any) -> Any:
        world = self._life.world
        fault = world.faults[name].popleft() if world.faults[name] else None
        if world.loop.now_s < world.away_until_s or fault == "fails":
            raise StoreUnavailable("no answer")
        if fault == "late":
            await asyncio.sleep(3)
        if self._life.is_dead:
            await asyncio.Event().wait()
        answer = await call()
        if fault == "loses":
            raise StoreUnavailable("the answer is lost")
        return answer


class Life:
    """One worker process, from its start to its end."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.registry = CollectorRegistry()
        self.is_dead = False
        self.is_put_open = False
        self.put_count = 0
        self.held_at_the_end = 0
        self.owed: set[str] = set()
        self.duplicates = 0
        self.solo_runs = 0
        self.stop = asyncio.Event()
        model = LifeModel(self)
        self.device = world.loop.device = Device(lambda: model.took_s)
        self.consumer = LifeConsumer(self, world.broker)
        self.worker = Worker(
            consumer=self.consumer,
            store=LifelineStore(self, world.store),  # type: ignore[arg-type]
            engine=Engine(cast("Model", model), max_batch_size=BATCH_SIZE, forward_timeout_s=FORWARD_TIMEOUT_S),
            sizing=BatchSizing(BATCH_SIZE),
            spec=SPEC,
            metrics=WorkerMetrics(self.registry),
            drain_timeout_s=DRAIN_TIMEOUT_S,
            pool=DEFAULT_POOL,
        )
        self.working = world.loop.create_task(self.worker.run(self.stop))
        self.working.add_done_callback(self._on_end)

    def die_in(self, seconds: float) -> None:
        """End without a word, as by SIGKILL."""
        self.world.loop.call_later(seconds, self.die)

    def die(self) -> None:
        """End without a word, now."""
        if not self.working.done():
            self.is_dead = True
            self.working.cancel()

    def start_put(self) -> None:
        """Note a call that stores results; one after a failure repeats it."""
        if not self.is_put_open:
            self.put_count += 1
        self.is_put_open = True

    def note_run(self, batch: NDArray[np.uint8]) -> None:
        """Note what the device is given."""
        for row in batch:
            request, _ = self.world.jobs[f"{int.from_bytes(row.tobytes()[1:5], 'big'):024d}"]
            if request.deadline_ms <= self.world.now_ms:
                self.world.problems.append(f"{request.inference_id} runs after its deadline")
        suspects = {message.body for message in self.consumer.suspects}
        self.solo_runs += len(batch) == 1 and batch[0].tobytes() in suspects

    def note_death(self, consumer: LifeConsumer) -> None:
        """Note for which suspects the end of this worker may count."""
        self.held_at_the_end = len(consumer.held)
        self.world.deaths.update(message_id(message.properties) for message in consumer.suspects)

    def check_metrics(self) -> None:
        limits = {
            "inference_solo_runs_total": self.solo_runs,
            "inference_duplicate_results_total": self.duplicates,
            "inference_predict_seconds_sum": self.device.busy_s + 1e-6,
        }
        collected = self.registry.restricted_registry(limits).collect()  # all of it after each step takes long
        counted = {sample.name: sample.value for metric in collected for sample in metric.samples}
        exceeded = {name: counted[name] for name, limit in limits.items() if counted[name] > limit}
        assert not exceeded, f"more is counted than there was: {exceeded}, {limits}"

    def _on_end(self, working: "asyncio.Task[None]") -> None:
        self.world.deaths.update(self.owed)
        error = None if working.cancelled() else working.exception()
        if error is not None and not isinstance(error, DeviceLost):
            self.world.problems.append(repr(error))
        if error is None and not self.is_dead and self.held_at_the_end:
            self.world.problems.append("a stop in order did not hand everything back")
        if not self.world.problems:  # else the next may break the same promise at once, and so on
            self.world.loop.call_soon(self.world.start_worker)


@dataclass
class World:
    """A broker, a store, and the worker that lives now.

    Attributes:
        faults: what becomes of the next calls of the store, by name: `fails`, `loses` its answer, is `late`, or None.
        away_until_s: until when every call of the store fails.
        jobs: every request, with what may become of it.
        deaths: of workers that held an id as a suspect, and stops that could not reach the store in time to say so.
        problems: promises that were broken.
    """

    loop: DeviceLoop
    faults: dict[str, deque[str | None]] = field(default_factory=lambda: defaultdict(deque))
    away_until_s: float = 0.0
    jobs: dict[str, tuple[InferenceRequest, Statuses]] = field(default_factory=dict)
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
        request = InferenceRequest(f"{number:024d}", body, self.now_ms // 1000, deadline_ms=self.now_ms + ttl_s * 1000)
        self.jobs[request.inference_id] = (request, _becomes(mark))
        self._put(request, delivery_count=int(is_suspect))
        return request.inference_id

    def publish_again(self, inference_id: str) -> None:
        """Publish a copy of a job, as a publisher does that lost a confirm."""
        self._put(self.jobs[inference_id][0])

    def publish_stranger(self, *, has_id: bool) -> None:
        """Publish what no worker can run."""
        inference_id = f"{len(self.jobs):024d}" if has_id else None
        if inference_id is not None:
            request = InferenceRequest(inference_id, b"", 0, deadline_ms=0)
            self.jobs[inference_id] = (request, _INVALID)
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
        request, becomes = self.jobs[inference_id]
        if self.loop.run_until_complete(self.store.revive(inference_id, ttl_s=JOB_TTL_S + GRACE_S)):
            request = replace(request, deadline_ms=self.now_ms + JOB_TTL_S * 1000)
            self.jobs[inference_id] = (request, becomes)
            self.deaths[inference_id] = 0
            self.revived.add(inference_id)
            self._put(request)

    def answer(self, inference_id: str) -> dict[str, Any] | None:
        """Return the result that is stored now."""
        body = self.store._values.get("r:" + inference_id)
        return None if body is None else json.loads(body)

    def check_result(self, result: Result) -> None:
        """Note what is wrong with a result that is new."""
        answer = json.loads(result.body)
        request, allowed = self.jobs[result.inference_id]
        said = (answer["status"], answer.get("error", {}).get("code"))
        if said not in allowed | _EXPIRED | _CRASHED:
            self.problems.append(f"{request.inference_id} may become {set(allowed)}, not {said}")
        if said in _CRASHED and self.deaths[result.inference_id] < SOLO_ATTEMPTS:
            self.problems.append(f"{said} after {self.deaths[result.inference_id]} deaths")
        if said in _SUCCEEDED and answer["predicted_class"] != request.body[0] % 10:
            self.problems.append("another job's answer")
        late_s = (self.now_ms - request.deadline_ms) / 1000
        if allowed != _INVALID and result.status is not Status.EXPIRED and late_s > GRACE_S:
            self.problems.append(f"{said} {late_s} s after the deadline")

    def check_attempts(self) -> None:
        """Look for attempts that neither a death nor a run that goes on has made."""
        running = {message_id(message.properties) for message in self.life.consumer.suspects}
        for inference_id in self.jobs:
            noted = len(self.store._tokens(inference_id))
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
        self.life.working.remove_done_callback(self.life._on_end)
        self.life.die()
        self.loop.pass_time(0)
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.pass_time(0)
        self.loop.close()

    def _put(self, request: InferenceRequest, *, delivery_count: int = 0) -> None:
        self.broker.put(Message(to_properties(request, SPEC), request.body, delivery_count=delivery_count))


def _becomes(mark: int) -> Statuses:
    if mark in {RAISES, ANSWERS_NAN}:
        return _FAILED
    return _CRASHED if mark in {KILLS, HANGS} else _SUCCEEDED
