"""Half the capacity for minutes, a worker restarted each minute: nothing may grow."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import psutil

from chaos.load.capacity import capacity_per_s
from chaos.load.ledger import Ledger
from chaos.load.load import Load
from chaos.load.workload import Workload
from chaos.system.system import System

SHARE = 0.5
CAPACITY_S = 10.0
SAMPLE_EVERY_S = 5.0
RESTART_EVERY_S = 60.0
FETCH_TIMEOUT_S = 60.0
#: Results are forgotten after two minutes, so that Redis, too, reaches a steady state.
ENVIRONMENT = {"INFERENCE_JOB_TTL_S": "60", "INFERENCE_RESULT_TTL_S": "120"}
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process, with its children.

    Attributes:
        process: its name.
        at_s: seconds since the load began.
        memory_mib: resident.
        descriptors: open file descriptors.
        connections: of them, TCP connections.
    """

    process: str
    at_s: float
    memory_mib: float
    descriptors: int
    connections: int


@dataclass(frozen=True, slots=True)
class Soak:
    """The findings of the soak.

    Attributes:
        rate_per_s: submissions.
        duration_s: of the load.
        jobs: accepted.
        lost: of them, never answered.
        repeated: predictions beyond one for each result.
        samples: in order of time.
        complaints: events that may never happen.
        date: when, ISO 8601.
    """

    rate_per_s: float
    duration_s: float
    jobs: int
    lost: int
    restarts: int
    samples: list[Sample]
    complaints: list[str]
    date: str

    def growth(self) -> list[dict[str, Any]]:
        """Return for each process the mean of the second and of the last fifth of the run, for each figure."""
        return [
            {"process": name, "early": self._means(name, 0.2, 0.4), "late": self._means(name, 0.8, 1.0)}
            for name in dict.fromkeys(sample.process for sample in self.samples)
        ]

    def as_json(self) -> dict[str, Any]:
        """Return everything but the samples, which are for the picture."""
        return {**asdict(self), "samples": None, "growth": self.growth()}

    def _means(self, name: str, start: float, end: float) -> dict[str, float]:
        within = [
            sample
            for sample in self.samples
            if sample.process == name and start * self.duration_s <= sample.at_s <= end * self.duration_s
        ]
        return {figure: round(mean(getattr(sample, figure) for sample in within), 1) for figure in FIGURES}


FIGURES = ("memory_mib", "descriptors", "connections")


async def run_soak(directory: Path, workload: Workload, duration_s: float) -> Soak:
    """Measure the capacity, then offer half of it for so long."""
    with System(directory, environment=ENVIRONMENT) as system:
        rate = SHARE * await capacity_per_s(system, workload, CAPACITY_S)
        jobs = round(rate * duration_s)
        ledger = Ledger(workload)
        load = Load(system.api_ports, ledger)
        tasks = [asyncio.create_task(load.fetch()), asyncio.create_task(_restart_workers(system))]
        samples: list[Sample] = []
        tasks.append(asyncio.create_task(_sample(system, samples)))
        await load.submit(rate, jobs=jobs)
        await load.until_fetched(FETCH_TIMEOUT_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        load.close()
        return Soak(
            rate_per_s=round(rate, 1),
            duration_s=duration_s,
            jobs=len(ledger.accepted),
            lost=len(ledger.pending),
            restarts=system.supervisor.restarts,
            samples=samples,
            complaints=ledger.complaints,
            date=datetime.now(UTC).date().isoformat(),
        )


async def _restart_workers(system: System) -> None:
    while True:
        for worker in system.workers:
            await asyncio.sleep(RESTART_EVERY_S)
            worker.process.send_signal(signal.SIGTERM)


async def _sample(system: System, samples: list[Sample]) -> None:
    begin = time.perf_counter()
    while True:
        processes = {
            **{name: api.process.pid for name, api in system.named_apis.items()},
            **{name: worker.process.pid for name, worker in system.named_workers.items()},
            "RabbitMQ": system.rabbitmq.process.pid,
            "Redis": system.redis.process.pid,
        }
        for name, pid in processes.items():
            try:
                samples.append(_look(name, pid, time.perf_counter() - begin))
            except psutil.NoSuchProcess:
                continue  # it is being restarted
        await asyncio.sleep(SAMPLE_EVERY_S)


def _look(name: str, pid: int, at_s: float) -> Sample:
    root = psutil.Process(pid)
    tree: Sequence[psutil.Process] = [root, *root.children(recursive=True)]
    return Sample(
        name,
        round(at_s, 1),
        sum(process.memory_info().rss for process in tree) / MIB,
        sum(process.num_fds() for process in tree),
        sum(len(process.net_connections(kind="tcp")) for process in tree),
    )
