"""`python -m tests.gpu.works FILE [COUNT]`: a worker of `Asserting` whose broker lives in a file.

With a COUNT it publishes so many jobs, and the GPU fails at the first of them. Without one, it does the jobs that the
earlier process has left in the file. Its exit status is the worker's; the file then holds the messages that are not
acknowledged.
"""

import asyncio
import logging
import pickle
import sys
import time
from functools import partial
from pathlib import Path

import torch
from prometheus_client import CollectorRegistry

from inference_bridge.ending import exit_now, run_to_exit_status
from inference_bridge.jobs import Job, to_properties
from inference_bridge.memory.broker import MemoryBroker, Message
from inference_bridge.memory.store import MemoryStore
from inference_worker.engine import Engine
from inference_worker.metrics import WorkerMetrics
from inference_worker.sizing import BatchSizing
from inference_worker.worker import Worker
from tests.gpu.models import CLASS_COUNT, Asserting

BATCH_SIZE = 8
JOB_TTL_S = 600
POLL_S = 0.01


def serve(file: Path, count: int) -> int:
    """Do the jobs of the file, or fail at `count` new ones; return the exit status 0."""
    broker, model = MemoryBroker(Asserting.spec, queue_max_length=100), Asserting.load(None, torch.device("cuda"))
    if count:
        model.first_class = CLASS_COUNT
        broker.jobs.extend(_message(number) for number in range(count))
    else:
        broker.jobs.extend(pickle.loads(file.read_bytes()))  # noqa: S301 - written by this program
    try:
        asyncio.run(_work(broker, model, [f"{number:024d}" for number in range(len(broker.jobs))]))
    finally:
        file.write_bytes(pickle.dumps([*broker.jobs, *broker.retry]))
    return 0


async def _work(broker: MemoryBroker, model: Asserting, ids: list[str]) -> None:
    store, stop = MemoryStore(result_ttl_s=JOB_TTL_S), asyncio.Event()
    working = asyncio.create_task(_worker(broker, store, model).run(stop))
    while not working.done() and None in await store.get(ids):
        await asyncio.sleep(POLL_S)
    stop.set()
    await working


def _message(number: int) -> Message:
    now_s = int(time.time())
    job = Job(f"{number:024d}", bytes(1), submitted_s=now_s, deadline_ms=(now_s + JOB_TTL_S) * 1000)
    return Message(to_properties(job, Asserting.spec), job.body)


def _worker(broker: MemoryBroker, store: MemoryStore, model: Asserting) -> Worker:
    engine = Engine(model, max_batch_size=BATCH_SIZE, forward_timeout_s=60, decode_threads=1, max_result_bytes=1_000)
    return Worker(
        consumer=broker.consumer(prefetch=BATCH_SIZE),
        store=store,
        engine=engine,
        sizing=BatchSizing(BATCH_SIZE, BATCH_SIZE),
        spec=model.spec,
        metrics=WorkerMetrics(CollectorRegistry(), model=model.spec.name),
        drain_timeout_s=10,
        pool="default",
    )


if __name__ == "__main__":
    logging.basicConfig()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    exit_now(run_to_exit_status(partial(serve, Path(sys.argv[1]), count), logging.getLogger("worker"), "worker"))
