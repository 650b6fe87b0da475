"""The loop: take what has arrived, predict, store the results, and only then acknowledge.

Invariants kept here (docs/architecture.md): a message is acknowledged after its terminal result is stored; one bad
job never harms its neighbours; on `stop` the worker takes nothing new, finishes what it started, hands back the rest.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from mnist_bridge.contract import Consumer, Store
from mnist_bridge.errors import StoreUnavailable
from mnist_bridge.inbox import Inbox, Lane
from mnist_bridge.results import Result
from mnist_bridge.spec import ModelSpec
from mnist_bridge.topology import SOLO_ATTEMPTS
from mnist_worker.batch import Batch, screen
from mnist_worker.engine import Engine
from mnist_worker.metrics import WorkerMetrics

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

#: Batches between the device and the store; more would only wait there.
PIPELINE_DEPTH = 2
STORE_BACKOFF_FIRST_S = 0.1
STORE_BACKOFF_MAX_S = 2.0


class Worker:
    """Serves one model from one consumer to one store.

    Args:
        consumer: lends messages.
        store: keeps results.
        engine: warmed up.
        spec: the model.
        metrics: counted into.
        drain_timeout_s: how long a stop waits for what is running.
    """

    def __init__(
        self,
        *,
        consumer: Consumer,
        store: Store,
        engine: Engine,
        spec: ModelSpec,
        metrics: WorkerMetrics,
        drain_timeout_s: float,
    ) -> None:
        self._consumer = consumer
        self._store = store
        self._engine = engine
        self._spec = spec
        self._metrics = metrics
        self._drain_timeout_s = drain_timeout_s
        self._inbox = Inbox()
        self._started: asyncio.Queue[tuple[Batch, asyncio.Task[None]]] = asyncio.Queue(PIPELINE_DEPTH)
        self._predicting: set[asyncio.Task[None]] = set()
        self._is_draining = False

    @property
    def is_ready(self) -> bool:
        """Whether jobs are taken: the broker is there and nobody asked to stop."""
        return self._consumer.is_ready and not self._is_draining

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain.

        Raises:
            DeviceLost: nothing of what was running is acknowledged; the process must end now.
        """
        consuming = asyncio.create_task(self._consumer.run(self._inbox))
        starting = asyncio.create_task(self._start_batches())
        finishing = asyncio.create_task(self._finish_batches())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([consuming, starting, finishing, stopping], return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await self._drain(starting, finishing)
            for task in (finishing, starting, consuming):
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            await _end(consuming, starting, finishing, stopping)

    async def _drain(self, starting: asyncio.Task[None], finishing: asyncio.Task[None]) -> None:
        logger.info("drain started", extra={"batches": self._started.qsize(), "waiting": len(self._inbox)})
        self._is_draining = True
        self._inbox.close()
        await self._consumer.cancel()
        settled = asyncio.create_task(self._settled(starting))
        await asyncio.wait([settled, finishing], timeout=self._drain_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not settled.done():
            logger.warning("drain cut short, handing back what runs", extra={"timeout_s": self._drain_timeout_s})
        await _end(settled, starting, finishing)
        self._consumer.hand_back()
        logger.info("drain finished")

    async def _settled(self, starting: asyncio.Task[None]) -> None:
        await asyncio.shield(starting)
        await self._started.join()

    async def _start_batches(self) -> None:
        while deliveries := await self._inbox.take(self._engine.max_batch_size, is_device_free=self._is_device_free):
            batch = screen(deliveries, self._spec, now_ms=time.time_ns() // 1_000_000)
            self._metrics.invalid_messages.inc(batch.invalid_count)
            await self._drop_finished(batch)
            if batch.lane is Lane.RETRY:
                await self._started.join()  # alone: a killer takes nobody with it
                await self._count_attempts(batch)
            await self._started.put((batch, self._start(batch)))
            if batch.lane is Lane.RETRY:
                await self._started.join()  # a killer that ran next would be counted against this one

    async def _finish_batches(self) -> None:
        while True:
            batch, predicting = await self._started.get()
            await predicting
            await self._put_results(batch.results)
            self._consumer.settle(batch.deliveries, batch.rejected)
            self._started.task_done()

    def _start(self, batch: Batch) -> asyncio.Task[None]:
        predicting = asyncio.create_task(self._predict(batch))
        self._predicting.add(predicting)
        predicting.add_done_callback(self._on_predicted)
        return predicting

    def _on_predicted(self, predicting: asyncio.Task[None]) -> None:
        self._predicting.discard(predicting)
        self._inbox.wake()

    def _is_device_free(self) -> bool:
        return not self._predicting

    async def _predict(self, batch: Batch) -> None:
        started = time.perf_counter()
        bodies = [request.body for request in batch.requests]
        predictions = await self._engine.predict(bodies) if bodies else []
        predict_s = time.perf_counter() - started
        batch.complete(predictions, self._spec)
        self._metrics.observe_batch(len(batch.runs), predict_s)
        logger.info(
            "batch predicted",
            extra={
                "lane": batch.lane,
                "batch_size": len(batch.runs),
                "rejected": len(batch.rejected),
                "predict_ms": round(predict_s * 1000, 2),
            },
        )

    async def _drop_finished(self, batch: Batch) -> None:
        ids = batch.repeated_ids
        if ids:
            bodies = await self._until_stored(partial(self._store.get, ids))
            batch.drop_finished({key: body for key, body in zip(ids, bodies, strict=True) if body is not None})

    async def _count_attempts(self, batch: Batch) -> None:
        for request in batch.requests:
            attempt = await self._until_stored(partial(self._store.count_attempt, request.inference_id))
            self._metrics.solo_runs.inc()
            if attempt > SOLO_ATTEMPTS:
                batch.give_up(f"a worker died each of the {SOLO_ATTEMPTS} times it ran this input alone")

    async def _put_results(self, results: list[Result]) -> None:
        if not results:
            return
        created = await self._until_stored(partial(self._store.put, results))
        self._metrics.observe_results(results, created)

    async def _until_stored(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask the store until it answers: results are held, never given up, and the prefetch stops the intake."""
        pause_s = STORE_BACKOFF_FIRST_S
        while True:
            try:
                return await call()
            except StoreUnavailable as error:
                self._metrics.store_retries.inc()
                logger.warning("store unavailable, results held", extra={"reason": str(error), "pause_s": pause_s})
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, STORE_BACKOFF_MAX_S)


async def _end(*tasks: asyncio.Task[None] | asyncio.Task[bool]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
