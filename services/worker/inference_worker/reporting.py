"""Reports how many jobs a worker holds and its throughput, for autoscaling."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

from inference_bridge.contract import Store
from inference_bridge.errors import StoreUnavailable
from inference_bridge.reports import REPORT_INTERVAL_S, WorkerReport
from inference_worker.sizing import BatchSizing


class Reporting:
    """Stores a report twice a second.

    Args:
        store: receives the reports.
        sizing: measures the throughput.
        pool: the workers that scale together with this one.
        jobs_in_work: returns how many jobs the worker holds.
    """

    def __init__(self, store: Store, sizing: BatchSizing, *, pool: str, jobs_in_work: Callable[[], int]) -> None:
        self._store = store
        self._sizing = sizing
        self._pool = pool
        self._jobs_in_work = jobs_in_work
        self._worker_id = secrets.token_hex(8)

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            # The worker itself logs an unavailable store when it stores results.
            with suppress(StoreUnavailable):
                await self._store.report(self._worker_id, self._report())
            await asyncio.sleep(REPORT_INTERVAL_S)

    def _report(self) -> WorkerReport:
        return WorkerReport(
            pool=self._pool,
            jobs_in_work=self._jobs_in_work(),
            throughput=self._sizing.throughput,
            solo_throughput=self._sizing.solo_throughput,
        )
