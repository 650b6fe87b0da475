"""One fault under load, from an empty system to a verdict."""

import asyncio
import base64
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from chaos.faults import Fault
from chaos.load.ledger import Ledger
from chaos.load.load import Load
from chaos.load.workload import Workload
from chaos.schedule import LIMIT_S, worst_recovery_s
from chaos.system.system import System

FETCH_TIMEOUT_S = 180.0
QUEUE_TIMEOUT_S = 30.0
#: What was in no queue any more this long ago has its result, or never will.
QUIET_S = 5.0
#: Load before and after the fault.
MARGIN_S = 6.0
SMALL_DISK_MIB = 256
#: What a worker may hold when it dies: three batches of 64, `WorkerSettings.prefetch`.
PREFETCH = 192
#: Resident memory may vary by this much; a leak of one kilobyte a job would be ten megabytes.
MEMORY_NOISE_MIB = 48.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The findings of a trial.

    Attributes:
        name: the fault's.
        title: the fault's.
        jobs: accepted.
        lost: of them, without a result though nothing is under way any more.
        contradicting: of them, answered in two ways.
        wrong: of them, not the model's own answer.
        refused: requests that were answered with 429 or 503.
        broken: requests whose connection broke.
        repeated: predictions beyond one for each result.
        repeatable: how many there may be at most: the jobs that dead workers held, None where no worker had to die.
        recovery_s: worst time from the end of a fault until everything was healthy.
        memory_growth_mib: of the process of ours that grew most.
        queues: messages left in each queue.
        complaints: events that may never happen.
        duration_s: of the whole trial.
        date: when, ISO 8601.
        expected: why some may be lost all the same.
        note: a remark for the report.
    """

    name: str
    title: str
    jobs: int
    lost: int
    contradicting: int
    wrong: int
    refused: int
    broken: int
    repeated: int
    repeatable: int | None
    recovery_s: float
    memory_growth_mib: float
    queues: dict[str, int]
    complaints: list[str]
    duration_s: float
    date: str
    expected: str = ""
    note: str = ""

    @property
    def problems(self) -> list[str]:
        """The problems, one sentence each."""
        problems = list(self.complaints)
        if self.lost or self.contradicting or self.wrong:
            problems.append(f"{self.lost} lost, {self.contradicting} contradicting, {self.wrong} wrong")
        if self.repeatable is not None and self.repeated > self.repeatable:
            problems.append(f"{self.repeated} jobs ran again, the workers that died held {self.repeatable} at most")
        if any(self.queues.values()):
            problems.append(f"the queues are left with {self.queues}")
        return problems

    @property
    def shortfalls(self) -> list[str]:
        """Missed goals that depend on the machine, one sentence each."""
        shortfalls = []
        if self.recovery_s > LIMIT_S:
            shortfalls.append(f"healthy only after {self.recovery_s} s")
        if self.memory_growth_mib > MEMORY_NOISE_MIB:
            shortfalls.append(f"memory grew by {self.memory_growth_mib} MiB")
        return shortfalls


async def run_trial(fault: Fault, workload: Workload, directory: Path, *, seed: int) -> Verdict:
    """Run the fault under the whole workload and judge."""
    begin = time.perf_counter()
    ledger = Ledger(workload)
    with (
        _small_disk(directory, fault.needs_small_disk) as broker_directory,
        System(
            directory,
            environment={**workload.environment, **fault.environment},
            broker_directory=broker_directory,
            is_proxied=fault.is_proxied,
            garbled_share=fault.garbled_share,
            skew_s=fault.skew_s,
            model=workload.model,
            probe=workload.inputs[0],
        ) as system,
    ):
        await system.until_healthy(QUEUE_TIMEOUT_S)
        before = system.memory_mib()
        recovery_s = await _under_load(fault, system, ledger, seed)
        queues = await _empty_queues(system)
        after = system.memory_mib()
        return Verdict(
            name=fault.name,
            title=fault.title,
            jobs=len(ledger.accepted),
            lost=len(ledger.pending),
            contradicting=len(ledger.contradicting),
            wrong=len(ledger.wrong),
            refused=ledger.statuses[429] + ledger.statuses[503],
            broken=ledger.broken_connections,
            repeated=max(0, system.prediction_count() - system.result_count()),
            repeatable=PREFETCH * system.supervisor.restarts if fault.kills_workers else None,
            recovery_s=round(recovery_s, 1),
            memory_growth_mib=round(max((after[pid] - before[pid] for pid in after if pid in before), default=0), 1),
            queues=queues,
            complaints=ledger.complaints,
            duration_s=round(time.perf_counter() - begin, 1),
            date=datetime.now(UTC).date().isoformat(),
            expected=fault.expected,
            note=fault.note,
        )


async def _under_load(fault: Fault, system: System, ledger: Ledger, seed: int) -> float:
    load = Load(system.api_ports, ledger)
    fetching = asyncio.create_task(load.fetch())
    try:
        jobs = len(ledger.workload)
        submitting = asyncio.create_task(load.submit(jobs / (fault.duration_s + MARGIN_S), jobs=jobs))
        recovery_s = await worst_recovery_s(fault, system, Random(seed))
        await submitting
        await until_done(system, load, ledger)
        for inference_id in ledger.pending:
            ledger.complain(f"{inference_id}, issued {issued_at(inference_id)}, has no result")
    finally:
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)
        load.close()
    return recovery_s


async def until_done(system: System, load: Load, ledger: Ledger) -> None:
    """Return when every id has its result, or none can come any more; then every id was read once more."""
    deadline = time.perf_counter() + FETCH_TIMEOUT_S
    while ledger.pending and time.perf_counter() < deadline:
        queues = await asyncio.to_thread(system.queue_lengths)
        await load.until_fetched(QUIET_S)
        if not any(queues.values()):
            break
    await load.read_all()


def issued_at(inference_id: str) -> str:
    """Return when an id was given out, as its first six bytes say, so that it can be found in the logs."""
    issued_ms = int.from_bytes(base64.urlsafe_b64decode(inference_id)[:6], "big")
    return datetime.fromtimestamp(issued_ms / 1000, UTC).isoformat(timespec="milliseconds")


async def _empty_queues(system: System) -> dict[str, int]:
    deadline = time.perf_counter() + QUEUE_TIMEOUT_S
    while any((queues := await asyncio.to_thread(system.queue_lengths)).values()) and time.perf_counter() < deadline:
        await asyncio.sleep(0.5)
    return queues


@contextmanager
def _small_disk(directory: Path, is_needed: bool) -> Iterator[Path | None]:
    if not is_needed:
        yield None
        return
    disk = Path(tempfile.mkdtemp(dir=directory))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        shutil.rmtree(disk, ignore_errors=True)
