"""The worker's loop: take a batch, run the model, store the results, and only then acknowledge the messages.

Invariants of this module (docs/architecture.md): a message is acknowledged after its result is stored; a bad job does
not affect its neighbours; on `stop` the worker takes no job, finishes its batches and requeues the rest.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from inference_bridge.contract import Consumer, Store
from inference_bridge.inbox import Inbox, Lane
from inference_bridge.rabbitmq.topology import SOLO_ATTEMPTS
from inference_bridge.results import Result
from inference_bridge.spec import ModelSpec
from inference_worker.attempts import Attempts
from inference_worker.batch import Batch, screen
from inference_worker.drift import Drift
from inference_worker.engine import Engine, Prediction
from inference_worker.metrics import WorkerMetrics
from inference_worker.pacing import Pacing
from inference_worker.persistence import Persistence
from inference_worker.reporting import Reporting
from inference_worker.sizing import BatchSizing
from inference_worker.tracing import record_batch

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

logger = logging.getLogger(__name__)

#: Most batches between the device and the store; more would only wait.
PIPELINE_DEPTH = 2


class Worker:
    """Runs the jobs of one consumer and stores their results.

    Args:
        consumer: delivers messages.
        store: keeps results.
        engine: runs the model, already warm.
        sizing: learns the batch size and the prefetch.
        spec: the model.
        metrics: count the work.
        drain_timeout_s: seconds that a stop waits for running batches.
        pool: the workers that scale together with this one.
        tracer: makes spans, if there is one.
    """

    def __init__(
        self,
        *,
        consumer: Consumer,
        store: Store,
        engine: Engine,
        sizing: BatchSizing,
        spec: ModelSpec,
        metrics: WorkerMetrics,
        drain_timeout_s: float,
        pool: str,
        tracer: "Tracer | None" = None,
    ) -> None:
        self._consumer = consumer
        self._store = store
        self._engine = engine
        self._sizing = sizing
        self._spec = spec
        self._metrics = metrics
        self._drift = Drift(spec.digest, metrics.spec_mismatches)
        self._drain_timeout_s = drain_timeout_s
        self._tracer = tracer
        self._inbox = Inbox()
        self._pacing = Pacing(sizing, consumer, self._inbox)
        self._started: asyncio.Queue[tuple[Batch, asyncio.Task[Prediction]]] = asyncio.Queue(PIPELINE_DEPTH)
        self._predicting: set[asyncio.Task[Prediction]] = set()
        self._device = asyncio.Lock()
        metrics.device_busy.set_function(self._device.locked)
        self._persistence = Persistence(metrics)
        self._attempts = Attempts(store, self._persistence)
        self._is_draining = False
        self._taken_count = 0
        self._reporting = Reporting(store, sizing, pool=pool, jobs_in_work=self.jobs_in_work)

    @property
    def is_ready(self) -> bool:
        """Whether the worker takes jobs: it is connected and not draining."""
        return self._consumer.is_ready and not self._is_draining

    def jobs_in_work(self) -> int:
        """Return how many jobs the worker holds; 0 while it drains."""
        # A draining worker finishes or requeues its jobs, so autoscaling must not count them.
        return 0 if self._is_draining else self._taken_count + len(self._inbox)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain.

        Raises:
            DeviceLost: the running batches are not acknowledged; the process must end now.
        """
        consuming = asyncio.create_task(self._consumer.run(self._inbox))
        pacing = asyncio.create_task(self._pacing.run())
        reporting = asyncio.create_task(self._reporting.run())
        starting = asyncio.create_task(self._start_batches())
        finishing = asyncio.create_task(self._finish_batches())
        stopping = asyncio.create_task(stop.wait())
        try:
            tasks = [consuming, pacing, reporting, starting, finishing, stopping]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await self._drain(starting, finishing)
            for task in (finishing, starting, pacing, reporting, consuming):
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            await _end(consuming, pacing, reporting, starting, finishing, stopping, *self._predicting)

    async def _drain(self, starting: asyncio.Task[None], finishing: asyncio.Task[None]) -> None:
        logger.info("drain started", extra={"batches": self._started.qsize(), "waiting": len(self._inbox)})
        self._is_draining = True
        self._inbox.close()
        settled = asyncio.create_task(self._settle_started(starting))
        await asyncio.wait([settled, finishing], timeout=self._drain_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not settled.done():
            logger.warning("drain cut short, requeueing running jobs", extra={"timeout_s": self._drain_timeout_s})
        has_failed = finishing.done()
        await _end(settled, starting, finishing, *self._predicting)
        if has_failed:
            return  # `run` raises the error; the running jobs count as attempts
        await self._attempts.uncount_in_time()
        self._consumer.requeue_all()
        logger.info("drain finished")

    async def _settle_started(self, starting: asyncio.Task[None]) -> None:
        await self._consumer.cancel()
        await asyncio.shield(starting)
        await self._started.join()

    async def _start_batches(self) -> None:
        while deliveries := await self._inbox.take(self._sizing, is_device_free=lambda: not self._predicting):
            self._taken_count += len(deliveries)
            lost = self._inbox.next_clear()
            batch = screen(deliveries, self._spec)
            self._metrics.invalid_messages.inc(batch.invalid_count)
            self._drift.note(batch.jobs)
            # Redeliveries may have run, and any job may be canceled. A busy device hides the call.
            if told := batch.drop_finished(await self._finished(batch.ids)):
                await self._persistence.until_answered(partial(self._store.put, told))
            if batch.lane is Lane.RETRY:
                await self._run_alone(batch, lost)
            else:
                await self._started.put((batch, self._start(batch)))

    async def _run_alone(self, batch: Batch, lost: asyncio.Event) -> None:
        await self._started.join()  # alone, so that a poison job harms no other
        for job in batch.jobs:  # at most one job; none if it is finished or foreign
            if await self._attempts.count(job.inference_id) > SOLO_ATTEMPTS:
                batch.fail_poison(f"a worker died each of the {SOLO_ATTEMPTS} times it ran this input alone")
        # After a lost connection the broker delivers it to another worker, which counts its own attempt.
        uncounting = asyncio.create_task(self._attempts.uncount_after(lost))
        try:
            await self._started.put((batch, self._start(batch)))
            await self._started.join()  # the next poison job would count against this one
        finally:
            uncounting.cancel()
        self._attempts.end()

    async def _finish_batches(self) -> None:
        while True:
            batch, predicting = await self._started.get()
            prediction = await predicting
            batch.complete(await self._engine.encode(batch.ids, prediction.answers))
            # Runs while Redis stores the results, whose clients would wait for it otherwise.
            asyncio.get_running_loop().call_soon(self._note, batch, prediction)
            await self._put_results(batch)
            if self._tracer is not None:
                record_batch(self._tracer, batch, self._spec, stored_ns=time.time_ns())
            self._consumer.settle(batch.deliveries, batch.rejected)
            self._taken_count -= len(batch.deliveries)
            self._started.task_done()

    def _start(self, batch: Batch) -> asyncio.Task[Prediction]:
        predicting = asyncio.create_task(self._predict(batch))
        self._predicting.add(predicting)
        predicting.add_done_callback(self._on_predicted)
        return predicting

    def _on_predicted(self, predicting: asyncio.Task[Prediction]) -> None:
        self._predicting.discard(predicting)
        self._inbox.wake()

    async def _predict(self, batch: Batch) -> Prediction:
        batch.expire_late(now_ms=_now_ms())
        batch.take_items(await self._engine.read(batch.jobs))
        async with self._device:
            batch.expire_late(now_ms=_now_ms())
            batch.started_ns = time.time_ns()
            started = time.perf_counter()
            prediction = await self._engine.predict([batch.items[delivery] for delivery, _ in batch.to_run])
            batch.predict_s = time.perf_counter() - started
            batch.finished_ns = time.time_ns()
        return prediction

    def _note(self, batch: Batch, prediction: Prediction) -> None:
        self._pacing.learn(prediction, batch.predict_s, max_batch_size=self._engine.max_batch_size)
        self._metrics.observe_batch(batch.lane, len(batch.to_run), batch.predict_s)
        logger.info(
            "batch predicted",
            extra={
                "lane": batch.lane,
                "batch_size": len(batch.to_run),
                "rejected": len(batch.rejected),
                "predict_ms": round(batch.predict_s * 1000, 2),
            },
        )

    async def _finished(self, ids: Sequence[str]) -> dict[str, bytes]:
        bodies = await self._persistence.until_answered(partial(self._store.get, ids)) if ids else []
        return {key: body for key, body in zip(ids, bodies, strict=True) if body is not None}

    async def _put_results(self, batch: Batch) -> None:
        if not batch.results:
            return
        sent: list[list[Result]] = []

        async def put() -> int:
            sent.append(batch.results_at(_now_ms()))
            return await self._store.put(sent[-1])

        created = await self._persistence.until_answered(put)
        # An unanswered call may have succeeded, so after a repetition a refused result may be our own.
        duplicates = len(sent[-1]) - created if len(sent) == 1 else 0
        self._metrics.observe_results(sent[-1], duplicates)
        if created < len(sent[-1]) and batch.rejected:
            batch.spare_canceled(await self._finished([result.inference_id for result in sent[-1]]))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
