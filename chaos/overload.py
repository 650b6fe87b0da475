"""More than the system can do: it answers each job that it accepts, and refuses the rest at once."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from chaos.load.capacity import capacity_per_s
from chaos.load.ledger import Ledger
from chaos.load.load import POST, Client, get
from chaos.load.workload import Workload
from chaos.system.system import System

MULTIPLES = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
TOP_MULTIPLE = 4.0
STEP_S = 8.0
TOP_S = 60.0
CAPACITY_S = 6.0
DRAIN_TIMEOUT_S = 60.0
CONNECTIONS = 512
#: Every eighth accepted job is waited for, to measure its latency; all are fetched in the end.
WATCH_EVERY = 8
ENVIRONMENT = {"INFERENCE_QUEUE_MAX_LENGTH": "500", "INFERENCE_MODEL": "chaos.system.slow_model:SlowClassifier"}


@dataclass(frozen=True, slots=True)
class Step:
    """One offered rate; times in ms unless they say s.

    Attributes:
        multiple: of the capacity.
        offered_per_s: submissions per second.
        accepted_per_s: of them.
        refused_per_s: of them, with 429 or 503 and a Retry-After.
        refusal_p50_ms: time until a refusal was there.
        refusal_p99_ms: the same, 99th percentile.
        refusal_max_ms: the slowest.
        result_p50_s: time from the submission of an accepted job to its result.
        result_p99_s: the same, 99th percentile.
        retry_after_s: the median of what refusals asked for.
        memory_growth_mib: of the process of ours that grew most.
        normal_after_s: until a job was answered within a second again.
        lost: accepted jobs that were never answered.
    """

    multiple: float
    offered_per_s: float
    accepted_per_s: float
    refused_per_s: float
    refusal_p50_ms: float
    refusal_p99_ms: float
    refusal_max_ms: float
    result_p50_s: float
    result_p99_s: float
    retry_after_s: float
    memory_growth_mib: float
    normal_after_s: float
    lost: int


@dataclass(frozen=True, slots=True)
class Overload:
    """The whole curve."""

    capacity_per_s: float
    top_s: float
    steps: list[Step]
    complaints: list[str]
    date: str


class Arrivals:
    """Submits at a rate, whatever becomes of the submissions before; nobody comes back."""

    def __init__(self, system: System, workload: Workload) -> None:
        self._workload = workload
        self._submitting = Client(system.api_ports, CONNECTIONS)
        self._watching = Client(system.api_ports, CONNECTIONS)
        self.ledger = Ledger(workload)
        self.refusals_s: list[float] = []
        self.retries_s: list[float] = []
        self.latencies_s: list[float] = []

    async def submit(self, rate_per_s: float, duration_s: float) -> None:
        """Submit for so long; return when every submission and every watched job has its answer."""
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as jobs:
            for number in range(round(rate_per_s * duration_s)):
                await asyncio.sleep(begin + number / rate_per_s - time.perf_counter())
                jobs.create_task(self._submit(number))

    async def fetch_rest(self) -> None:
        """Ask for every result until it is there, or `DRAIN_TIMEOUT_S` have passed."""
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            for inference_id in self.ledger.pending:
                await self._result(inference_id)

    def close(self) -> None:
        """Close the connections."""
        self._submitting.close()
        self._watching.close()

    async def _submit(self, number: int) -> None:
        begin = time.perf_counter()
        picture = number % len(self._workload)
        answer = await self._submitting.request(POST, self._workload.inputs[picture])
        self.ledger.note(answer, expected={202})
        if answer.status == 202:
            inference_id = answer.json()["inference_id"]
            self.ledger.accept(inference_id, picture)
            if len(self.ledger.accepted) % WATCH_EVERY == 0:
                await self._result(inference_id)
                self.latencies_s.append(time.perf_counter() - begin)
        else:
            self.refusals_s.append(time.perf_counter() - begin)
            self.retries_s.append(float(answer.header("retry-after") or 0))

    async def _result(self, inference_id: str) -> None:
        while True:
            answer = await self._watching.request(get(inference_id, "?wait=20"))
            self.ledger.note(answer, expected={200})
            if answer.status == 200 and self.ledger.settle(inference_id, answer.body):
                return


async def run_overload(
    directory: Path, workload: Workload, *, step_s: float = STEP_S, top_s: float = TOP_S
) -> Overload:
    """Measure the capacity, then offer multiples of it."""
    with System(directory, environment=ENVIRONMENT) as system:
        capacity = await capacity_per_s(system, workload, CAPACITY_S)
        steps, complaints = [], []
        for multiple in (*MULTIPLES, TOP_MULTIPLE):
            arrivals = Arrivals(system, workload)
            steps.append(
                await _step(system, arrivals, multiple, capacity, top_s if multiple == TOP_MULTIPLE else step_s)
            )
            complaints += arrivals.ledger.complaints
            arrivals.close()
    return Overload(round(capacity, 1), top_s, steps, complaints, datetime.now(UTC).date().isoformat())


async def _step(system: System, arrivals: Arrivals, multiple: float, capacity: float, duration_s: float) -> Step:
    before = system.memory_mib()
    offered = multiple * capacity
    submitting = asyncio.create_task(arrivals.submit(offered, duration_s))
    await asyncio.sleep(duration_s)
    after = system.memory_mib()
    end = time.perf_counter()
    await _until_normal(system, arrivals)
    normal_after_s = time.perf_counter() - end
    await submitting
    await arrivals.fetch_rest()
    refused = len(arrivals.refusals_s)
    return Step(
        multiple=multiple,
        offered_per_s=round(offered, 1),
        accepted_per_s=round(len(arrivals.ledger.accepted) / duration_s, 1),
        refused_per_s=round(refused / duration_s, 1),
        refusal_p50_ms=_percentile(arrivals.refusals_s, 50, 1000),
        refusal_p99_ms=_percentile(arrivals.refusals_s, 99, 1000),
        refusal_max_ms=round(max(arrivals.refusals_s, default=0) * 1000, 1),
        result_p50_s=_percentile(arrivals.latencies_s, 50),
        result_p99_s=_percentile(arrivals.latencies_s, 99),
        retry_after_s=_percentile(arrivals.retries_s, 50),
        memory_growth_mib=round(max(after[pid] - before[pid] for pid in after), 1),
        normal_after_s=round(normal_after_s, 2),
        lost=len(arrivals.ledger.pending),
    )


async def _until_normal(system: System, arrivals: Arrivals) -> None:
    client = Client(system.api_ports, 1)
    picture = arrivals.ledger.workload.inputs[0]
    async with asyncio.timeout(DRAIN_TIMEOUT_S):
        while (await client.request(POST + b"Prefer: wait=1\r\n", picture)).status != 200:
            await asyncio.sleep(0.05)
    client.close()


def _percentile(values: Sequence[float], cut: int, factor: float = 1) -> float:
    return round(quantiles(values, n=100)[cut - 1] * factor, 3) if len(values) > 1 else 0.0
