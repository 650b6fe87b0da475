"""A worker is stopped in good order in the middle of a solo run, more often than the job has attempts: nobody died."""

import asyncio
import os
import signal
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chaos.cases.case import Seen
from chaos.endurance import loaded
from chaos.faults import end
from chaos.load.ledger import Ledger
from chaos.load.workload import Workload
from chaos.system.system import System
from mnist_model.predict.classifier import DigitClassifier
from tests.support.waiting import until

#: The first makes the job a suspect, the others end its three solo runs.
STOPS = 4
RUN_S = 3.0
DRAIN_S = 1
START_TIMEOUT_S = 60.0
RUNS = "CHAOS_RUNS"


class LongRunningClassifier(DigitClassifier):
    """Takes 3 s for a batch unless that is the empty one for warming up; notes in a file that it has started."""

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Note the start, wait, and answer as the real one."""
        if batch.any():
            with Path(os.environ[RUNS]).open("a") as runs:
                runs.write("started\n")
            time.sleep(RUN_S)
        return super().predict_batch(batch)


async def worker_stopped_alone(directory: Path, workload: Workload) -> Seen:
    """Stop the only worker each time that it runs the only job, which takes longer than a stop may take."""
    seen, runs = Seen(Ledger(workload)), directory / "runs"
    runs.touch()
    settings = {
        "INFERENCE_MODEL": "chaos.cases.orderly_stops:LongRunningClassifier",
        "INFERENCE_DRAIN_TIMEOUT_S": str(DRAIN_S),
        RUNS: str(runs),
    }
    with System(directory, environment=settings, workers=1) as system:
        async with loaded(system, seen.ledger, 0) as load:
            while await load.offer_one(0, system.api_ports[0]) is None:
                await asyncio.sleep(0.1)
            for stop in range(STOPS):
                await _until_started(runs, stop + 1)
                await end(system.workers[0], signal.SIGTERM)
        killed = [status for status in system.supervisor.exit_statuses if status]
        seen.expect(not killed, f"exit statuses of the stopped worker: {system.supervisor.exit_statuses}")
    seen.finding = f"a run of {RUN_S:g} s stopped {STOPS} times, {DRAIN_S} s each"
    return seen


async def _until_started(runs: Path, count: int) -> None:
    await until(lambda: runs.read_text().count("\n") >= count, START_TIMEOUT_S, every_s=0.02)
