"""How many workers are wanted, so that no job waits longer than it may: the figure that an autoscaler follows.

It is made of what every API process sees alike: the depth of the queues, the reports that workers leave in the store,
and the results that workers announce. Whichever process is asked, the figure is the same within a second.
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
    """What the autoscaler of one pool of workers wants.

    Attributes:
        pool: the pool.
        target_wait_s: seconds that a job may wait for its result, above 0.
        recent_s: for so long after a result one worker is wanted, so that no look misses a job that came and went.
        throughput: jobs per second of one worker, a guess for the time before any has average one; None for no guess.
        solo_throughput: the same for suspects, which run one at a time.
    """

    pool: str
    target_wait_s: float
    recent_s: float
    throughput: float | None
    solo_throughput: float | None


@dataclass(frozen=True, slots=True)
class Demand:
    """How many workers are wanted, and why.

    Attributes:
        workers: the figure.
        waiting_jobs: messages in the jobs queue that nobody holds.
        suspects: the same of the retry queue.
        jobs_in_work: what workers hold.
        throughput: jobs per second of one worker, as far as known.
        solo_throughput: the same for suspects.
        last_result_age_s: seconds since a result was announced; None: none since this process started.
    """

    workers: int
    waiting_jobs: int
    suspects: int
    jobs_in_work: int
    throughput: float | None
    solo_throughput: float | None
    last_result_age_s: float | None


class Scaling:
    """Answers how many workers are wanted.

    Args:
        depth_reader: sees what waits.
        store: has the reports of the workers.
        throughput: has heard of each result.
    """

    def __init__(self, depth_reader: DepthReader, store: Store, throughput: Throughput) -> None:
        self._depth_reader = depth_reader
        self._store = store
        self._throughput = throughput

    async def demand(self, aim: Aim) -> Demand:
        """Return the demand of this moment.

        Raises:
            BrokerUnavailable: nobody knows what waits.
            StoreUnavailable: nobody knows what is in work.
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
    """Return the workers that do `busy_s` seconds of work in `target_wait_s`: one at least, one per job at most."""
    return min(jobs, max(1, math.ceil(round(busy_s / target_wait_s, 6))))


def seconds_of_work(jobs: int, throughput: float | None) -> float:
    """Return how long one worker needs; 0 while nobody knows its throughput."""
    return jobs / throughput if throughput else 0.0


def average(reports: Sequence[WorkerReport], pool: str, of: Callable[[WorkerReport], float | None]) -> float | None:
    """Return the mean of what the pool's workers average, or its last ones if all are gone; None: nobody ever did."""
    known = [(report.is_fresh, value) for report in reports if report.pool == pool and (value := of(report))]
    fresh = [value for is_fresh, value in known if is_fresh]
    values = fresh or [value for _, value in known]
    return fmean(values) if values else None
