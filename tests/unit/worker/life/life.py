"""One worker process, from its start to its end."""

import asyncio
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from inference_bridge.errors import DeviceLost
from inference_bridge.jobs import message_id
from inference_bridge.reports import DEFAULT_POOL
from inference_worker.engine import Engine
from inference_worker.metrics import WorkerMetrics
from inference_worker.model import Model
from inference_worker.sizing import BatchSizing
from inference_worker.worker import Worker
from mnist_model.spec import SPEC
from tests.unit.worker.life.consumer import LifeConsumer
from tests.unit.worker.life.model import LifeModel
from tests.unit.worker.life.store import LifelineStore
from tests.unit.worker.virtual import Device

if TYPE_CHECKING:
    from tests.unit.worker.life.world import World

BATCH_SIZE = 4
FORWARD_TIMEOUT_S = 60
DRAIN_TIMEOUT_S = 2


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
            engine=Engine(
                cast("Model", model),
                max_batch_size=BATCH_SIZE,
                forward_timeout_s=FORWARD_TIMEOUT_S,
                decode_threads=1,
                max_result_bytes=4_096,
            ),
            sizing=BatchSizing(BATCH_SIZE, max_held=100),
            spec=SPEC,
            metrics=WorkerMetrics(self.registry, model=SPEC.name),
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

    def close(self) -> None:
        """End without a word, now, and without a worker that comes next."""
        self.working.remove_done_callback(self._on_end)
        self.die()

    def start_put(self) -> None:
        """Note a call that stores results; one after a failure repeats it."""
        if not self.is_put_open:
            self.put_count += 1
        self.is_put_open = True

    def note_run(self, batch: NDArray[np.uint8]) -> None:
        """Note what the device is given."""
        for row in batch:
            job, _ = self.world.jobs[f"{int.from_bytes(row.tobytes()[1:5], 'big'):024d}"]
            if job.deadline_ms <= self.world.now_ms:
                self.world.problems.append(f"{job.inference_id} runs after its deadline")
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
