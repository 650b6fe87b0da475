"""One worker with a full queue in memory: its jobs per second, and the share of the time in which the GPU computes."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import torch
from prometheus_client import CollectorRegistry

from benchmarks.gpu.multiplying import Multiplying
from inference_bridge.jobs import Job, to_properties
from inference_bridge.memory.broker import MemoryBroker, Message
from inference_bridge.memory.store import MemoryStore
from inference_bridge.spec import ModelSpec
from inference_worker.model import Model
from inference_worker.process import warm_worker
from inference_worker.settings import WorkerSettings
from inference_worker.sizing import FIRST_PREFETCH
from mnist_model.predict.classifier import DigitClassifier
from tests.support.waiting import until

JOB_COUNT = 40_000
BUSY_S, BUSY_JOB_COUNT = 10.0, 100_000
TTL_S = 3_600


class Run(NamedTuple):
    """Jobs that were done, and the seconds that they took."""

    job_count: int
    seconds: float


def count_jobs_per_s(device: torch.device) -> float:
    """Return the jobs per second of one worker with MNIST's model."""
    run = asyncio.run(work(DigitClassifier.load(None, device), JOB_COUNT, most_s=TTL_S))
    return run.job_count / run.seconds


def measure_busy_share(kind: type[Multiplying], device: torch.device) -> float:
    """Return the share of the time in which the GPU computes, with 5 ms a batch of any size."""
    model = kind.load(None, device)

    def forget_warm_up() -> None:
        model.busy_s = 0.0

    run = asyncio.run(work(model, BUSY_JOB_COUNT, most_s=BUSY_S, on_warm=forget_warm_up))
    return model.busy_s / run.seconds


async def work(model: Model, job_count: int, *, most_s: float, on_warm: Callable[[], None] = lambda: None) -> Run:
    """Let one worker do `job_count` jobs, for at most `most_s`; call `on_warm` before the first of them."""
    broker, store = MemoryBroker(model.spec, queue_max_length=job_count), MemoryStore(result_ttl_s=TTL_S)
    broker.jobs.extend(_make_messages(job_count, model.spec))
    consumer, settings = broker.consumer(prefetch=FIRST_PREFETCH), WorkerSettings(model="not.loaded")
    worker = await warm_worker(settings, model, CollectorRegistry(), consumer=consumer, store=store)
    on_warm()
    stop, begin = asyncio.Event(), time.perf_counter()
    working = asyncio.create_task(worker.run(stop))
    with suppress(TimeoutError):
        await until(lambda: not broker.jobs or working.done(), most_s)
    stop.set()
    await working
    return Run(job_count - len(broker.jobs), time.perf_counter() - begin)


def _make_messages(count: int, spec: ModelSpec) -> Iterator[Message]:
    now_s, body = int(time.time()), bytes(spec.takes.max_body_bytes)
    for number in range(count):
        job = Job(f"{number:024d}", body, submitted_s=now_s, deadline_ms=(now_s + TTL_S) * 1000)
        yield Message(to_properties(job, spec), job.body)
