"""`make bench-gpu`: measures the worker on a GPU, without RabbitMQ, Redis and a network; writes docs/gpu.md.

Without a GPU it ends with a sentence.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from tqdm import tqdm

from benchmarks.gpu_page import render
from inference_bridge.errors import ConfigurationError
from inference_bridge.jobs import Job, to_properties
from inference_bridge.memory.broker import MemoryBroker, Message
from inference_bridge.memory.store import MemoryStore
from inference_bridge.spec import ModelSpec
from inference_worker.device import open_device
from inference_worker.model import Model
from inference_worker.process import warm_worker
from inference_worker.settings import WorkerSettings
from inference_worker.sizing import FIRST_PREFETCH
from mnist_model.predict.classifier import DigitClassifier
from mnist_model.predict.folded import fold
from mnist_model.predict.network import ConvNet
from mnist_model.predict.weights import DEFAULT_WEIGHTS, load_weights
from mnist_model.spec import ANSWER, SPEC
from tests.support.waiting import until

ROOT = Path(__file__).parents[1]
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
GRAPH_SIZES = (1, 8, 64)
REPEATS = 50
JOB_COUNT = 40_000
BUSY_S, BUSY_BATCH_S, BUSY_JOB_COUNT = 10.0, 0.005, 100_000
TTL_S = 3_600
COPY_MIB = (1, 10, 64)
MATRIX_SIDE, TRIAL_PRODUCTS = 2_048, 50
#: Run in a process of its own, so that nothing is imported or initialised yet.
PHASES = """
import time; begin = time.perf_counter()
import json, torch; imported = time.perf_counter()
from mnist_model.predict.classifier import DigitClassifier
torch.zeros(1, device="cuda"); torch.cuda.synchronize(); initialised = time.perf_counter()
model = DigitClassifier.load(None, torch.device("cuda")); torch.cuda.synchronize(); loaded = time.perf_counter()
import numpy
for size in (1, 64): model.predict_batch(numpy.zeros((size, 28, 28), numpy.uint8))
warm = time.perf_counter()
print(json.dumps({"import torch": imported - begin, "start CUDA": initialised - imported,
                  "load the weights": loaded - initialised, "warm up": warm - loaded}))
"""


class Multiplying:
    """Keeps the GPU busy for `BUSY_BATCH_S` a batch of any size; answers that every picture is a 0."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self, device: torch.device) -> None:
        self._matrix = torch.zeros((MATRIX_SIDE, MATRIX_SIDE), device=device)  # (side, side)
        self._count = _products_for(BUSY_BATCH_S, self._matrix)
        self.busy_s = 0.0

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model; it has no weights."""
        return cls(device)

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Multiply matrices; return (B, 10) probabilities."""
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        _multiply(self._matrix, self._count)
        end.record()
        end.synchronize()
        self.busy_s += begin.elapsed_time(end) / 1000
        answers = np.zeros((len(batch), ANSWER.count), dtype=np.float32)
        answers[:, 0] = 1
        return answers


def _products_for(wanted_s: float, matrix: torch.Tensor) -> int:
    """Return how many products of the matrix with itself take so long."""
    _multiply(matrix, TRIAL_PRODUCTS)
    torch.cuda.synchronize()
    begin = time.perf_counter()
    _multiply(matrix, TRIAL_PRODUCTS)
    torch.cuda.synchronize()
    return round(TRIAL_PRODUCTS * wanted_s / (time.perf_counter() - begin))


def _multiply(matrix: torch.Tensor, count: int) -> None:
    product = torch.empty_like(matrix)  # (side, side)
    for _ in range(count):
        torch.matmul(matrix, matrix, out=product)  # (side, side)


def start_phases() -> dict[str, float]:
    """Return the seconds of each phase of a worker's start."""
    done = subprocess.run([sys.executable, "-c", PHASES], capture_output=True, text=True, check=True, cwd=ROOT)
    phases: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return phases


def batch_curve(device: torch.device) -> Iterator[dict[str, float]]:
    """Yield the milliseconds of a batch of each size, from host memory to host memory, in fp32 and bf16."""
    model = DigitClassifier.load(None, device)
    for size in tqdm(SIZES, desc="batch sizes", unit="size"):
        batch = np.random.default_rng(0).integers(0, 256, (size, 28, 28), dtype=np.uint8)
        row = {"size": size, "fp32_ms": _time_ms(partial(model.predict_batch, batch))}
        with torch.autocast("cuda", dtype=torch.bfloat16):
            row["bf16_ms"] = _time_ms(partial(model.predict_batch, batch))
        if size in GRAPH_SIZES:
            row["graph_ms"] = _time_graph_ms(batch, device)
        yield row


def _time_ms(call: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1000)
    return median(times[REPEATS // 5 :])


@torch.inference_mode()
def _time_graph_ms(batch: NDArray[np.uint8], device: torch.device) -> float:
    """Return the milliseconds of a batch whose kernels a CUDA graph replays."""
    network = ConvNet()
    network.load_state_dict(load_weights(DEFAULT_WEIGHTS)[0])
    network = fold(network).to(device).to(memory_format=torch.channels_last)
    pictures = torch.from_numpy(batch).to(device)  # (B, 28, 28)

    def forward() -> torch.Tensor:
        inputs = pictures.to(torch.float32).unsqueeze(1)  # (B, 1, 28, 28)
        answers: torch.Tensor = network.classify(inputs)  # (B, 10)
        return answers

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            forward()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answers = forward()

    def replay() -> NDArray[np.float32]:
        pictures.copy_(torch.from_numpy(batch), non_blocking=True)
        graph.replay()
        found: NDArray[np.float32] = answers.cpu().numpy()
        return found

    return _time_ms(replay)


def copy_times(device: torch.device) -> Iterator[dict[str, float]]:
    """Yield the milliseconds to copy a batch to the GPU, from ordinary and from pinned memory."""
    for mib in COPY_MIB:
        ordinary = torch.zeros(mib * 2**20, dtype=torch.uint8)  # (bytes,)
        pinned = ordinary.pin_memory()
        row: dict[str, float] = {"mib": mib}
        for name, host in (("ordinary_ms", ordinary), ("pinned_ms", pinned)):
            row[name] = _time_ms(partial(_copy, host, device))
        yield row


def _copy(host: torch.Tensor, device: torch.device) -> None:
    host.to(device, non_blocking=True)
    torch.cuda.synchronize()


def jobs_per_s(device: torch.device) -> float:
    """Return the jobs per second of one worker with a full queue in memory."""
    run = asyncio.run(_work(DigitClassifier.load(None, device), JOB_COUNT, until_s=TTL_S))
    return run.job_count / run.seconds


def busy_share(device: torch.device) -> float:
    """Return the share of the time in which the GPU computes, with `BUSY_BATCH_S` a batch of any size."""
    model = Multiplying.load(None, device)
    run = asyncio.run(_work(model, BUSY_JOB_COUNT, until_s=BUSY_S))
    return model.busy_s / run.seconds


class Run(NamedTuple):
    """Jobs that were done, and the seconds that they took."""

    job_count: int
    seconds: float


async def _work(model: Model, job_count: int, *, until_s: float) -> Run:
    broker, store = MemoryBroker(model.spec, queue_max_length=job_count), MemoryStore(result_ttl_s=TTL_S)
    broker.jobs.extend(_messages(job_count, model.spec))
    consumer = broker.consumer(prefetch=FIRST_PREFETCH)
    settings = WorkerSettings(model="not.loaded")
    worker = await warm_worker(settings, model, CollectorRegistry(), consumer=consumer, store=store)
    if isinstance(model, Multiplying):
        model.busy_s = 0.0
    stop, begin = asyncio.Event(), time.perf_counter()
    working = asyncio.create_task(worker.run(stop))
    with suppress(TimeoutError):
        await until(lambda: not broker.jobs or working.done(), until_s)
    stop.set()
    await working
    return Run(job_count - len(broker.jobs), time.perf_counter() - begin)


def _messages(count: int, spec: ModelSpec) -> Iterator[Message]:
    now_s = int(time.time())
    for number in range(count):
        job = Job(f"{number:024d}", bytes(784), submitted_s=now_s, deadline_ms=(now_s + TTL_S) * 1000)
        yield Message(to_properties(job, spec), job.body)


def main() -> None:
    """Measure everything; write docs/gpu.json and docs/gpu.md."""
    try:
        device = open_device("cuda", require_gpu=True)
    except ConfigurationError as error:
        sys.exit(f"nothing was measured: {error}")
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device),
        "torch": torch.__version__,
        "phases": start_phases(),
        "curve": list(batch_curve(device)),
        "copies": list(copy_times(device)),
        "jobs_per_s": jobs_per_s(device),
        "busy_share": busy_share(device),
    }
    (ROOT / "docs/gpu.json").write_text(json.dumps(figures, indent=1) + "\n")
    (ROOT / "docs/gpu.md").write_text(render(figures))
    print(render(figures))


if __name__ == "__main__":
    main()
