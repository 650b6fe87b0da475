"""A worker dies under lasting overload: the jobs that it held run alone, beside a device that is never idle."""

import asyncio
import signal
from pathlib import Path

from chaos.cases.case import Seen
from chaos.endurance import loaded
from chaos.faults import end
from chaos.load.ledger import Ledger
from chaos.load.workload import Workload
from chaos.recovery import recover
from chaos.system.slow_model import SlowerClassifier
from chaos.system.system import System

JOB_TTL_S = 20
FILL_S = 8.0
#: Twice what two workers can do.
RATE_PER_S = 2 * 2 / SlowerClassifier.s_per_input
SETTINGS = {
    "INFERENCE_MODEL": "chaos.system.slow_model:SlowerClassifier",
    "INFERENCE_QUEUE_MAX_LENGTH": "100",
    "INFERENCE_MAX_BATCH_SIZE": "8",  # so that a worker holds 24 jobs, which take turns with 24 batches
    "INFERENCE_JOB_TTL_S": str(JOB_TTL_S),
    "INFERENCE_RESULT_TTL_S": "300",
}


async def suspects_under_overload(directory: Path, workload: Workload) -> Seen:
    """Kill one of two workers, and go on with the overload until its jobs have expired, unless they ran."""
    seen = Seen(Ledger(workload))
    with System(directory, environment=SETTINGS) as system:
        async with loaded(system, seen.ledger, RATE_PER_S) as load:
            await asyncio.sleep(FILL_S)
            await end(system.workers[0], signal.SIGKILL)
            seen.stuck = (await recover(system, load)).stuck
            await asyncio.sleep(JOB_TTL_S)
            solo_runs = await asyncio.to_thread(system.solo_run_count)
    seen.finding = f"{solo_runs} suspects ran alone within {JOB_TTL_S} s, under twice the capacity"
    seen.expect(solo_runs > 0, "no suspect ran alone")
    seen.expect(seen.ledger.statuses[503] > 0, "the queue was never full, so this was not an overload")
    return seen
