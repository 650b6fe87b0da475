"""Computes the number of workers that an autoscaler should run, so that no job waits too long.

The inputs are the depth of the queues, the reports of workers in the store, and the notifications of results. Every
API process sees the same inputs, so their answers agree within a second once each has run for `recent_s`.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from inference_bridge.contract import DepthReader, Store
from inference_bridge.errors import StoreUnavailable
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.reports import WorkerReport

#: KEDA gives the whole call 3 s.
STORE_TIMEOUT_S = 1.5


@dataclass(frozen=True, slots=True)
class Aim:
    """The request of an autoscaler for one pool of workers.

    Attributes:
        pool: the name of the pool.
        target_wait_s: seconds that a job may wait for its result; above 0.
        recent_s: seconds after a result in which at least one worker is wanted, so that short work is not missed.
        throughput: assumed jobs per second of one worker before any measurement; None for no assumption.
        solo_throughput: the same for suspects, which run alone.
    """

    pool: str
    target_wait_s: float
    recent_s: float
    throughput: float | None
    solo_throughput: float | None


@dataclass(frozen=True, slots=True)
class Demand:
    """The wanted number of workers, with its inputs.

    Attributes:
        workers: the wanted number.
        waiting_jobs: waiting messages in the jobs queue.
        suspects: waiting messages in the retry queue.
        jobs_in_work: jobs that workers hold.
        throughput: jobs per second of one worker; None if unknown.
        solo_throughput: the same for suspects.
        last_result_age_s: seconds since the last result; None if there was none since this process started.
    """

    workers: int
    waiting_jobs: int
    suspects: int
    jobs_in_work: int
    throughput: float | None
    solo_throughput: float | None
    last_result_age_s: float | None


class Scaling:
    """Computes the wanted number of workers.

    Args:
        depth_reader: reads the depth of the queues.
        store: holds the reports of the workers.
        throughput: counts the results of all workers.
    """

    def __init__(self, depth_reader: DepthReader, store: Store, throughput: Throughput) -> None:
        self._depth_reader = depth_reader
        self._store = store
        self._throughput = throughput

    async def demand(self, aim: Aim) -> Demand:
        """Return the current demand.

        Raises:
            BrokerUnavailable: the depth of the queues is unknown.
            StoreUnavailable: the reports of the workers are unknown.
        """
        depths, reports = await asyncio.gather(self._depth_reader.read(), self._reports())
        in_work = sum(report.jobs_in_work for report in reports if report.is_fresh)
        throughput = average(reports, aim.pool, lambda report: report.throughput) or aim.throughput
        solo_throughput = average(reports, aim.pool, lambda report: report.solo_throughput) or aim.solo_throughput
        age_s = self._throughput.idle_s()
        busy_s = seconds_of_work(depths.jobs + in_work, throughput) + seconds_of_work(depths.suspects, solo_throughput)
        workers = workers_wanted(depths.jobs + in_work + depths.suspects, busy_s, aim.target_wait_s)
        return Demand(
            workers=max(workers, int(age_s <= aim.recent_s)),
            waiting_jobs=depths.jobs,
            suspects=depths.suspects,
            jobs_in_work=in_work,
            throughput=throughput,
            solo_throughput=solo_throughput,
            last_result_age_s=None if age_s == math.inf else round(age_s, 3),
        )

    async def _reports(self) -> list[WorkerReport]:
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                return await self._store.reports()
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer within {STORE_TIMEOUT_S} s; try again later") from None


def workers_wanted(jobs: int, busy_s: float, target_wait_s: float) -> int:
    """Return the workers that do `busy_s` seconds of work in `target_wait_s`: at least one, at most one per job."""
    return min(jobs, max(1, math.ceil(round(busy_s / target_wait_s, 6))))


def seconds_of_work(jobs: int, throughput: float | None) -> float:
    """Return the seconds that one worker needs; 0 while its throughput is unknown."""
    return jobs / throughput if throughput else 0.0


def average(reports: Sequence[WorkerReport], pool: str, of: Callable[[WorkerReport], float | None]) -> float | None:
    """Return the mean measurement of a pool's workers, or of its last workers if all are gone; None without any."""
    known = [(report.is_fresh, value) for report in reports if report.pool == pool and (value := of(report))]
    fresh = [value for is_fresh, value in known if is_fresh]
    values = fresh or [value for _, value in known]
    return fmean(values) if values else None
