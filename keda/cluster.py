"""Models the cluster over a trace of arrivals: workers start, work and stop by the rules.

In: `Settings` and arrivals. Out: a `Run`. All times are seconds of the trace.

The model leaves out the start of nodes, missing GPUs, batches, lost workers, the queue of suspects, and
`initialCooldownPeriod`. Its clocks are fixed: KEDA's starts with the trace, the HPA's half a period later. A real run
can be a polling interval and `HPA_SYNC_S` earlier or later.
"""

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from rules import DAY_S, HPA_PHASE_S, HPA_SYNC_S, Autoscaler, Settings, count_workers_in_time

STEP_S = 0.5

#: (second, jobs), in order. A last entry with 0 jobs makes the trace longer.
Arrivals: TypeAlias = Sequence[tuple[float, int]]


class Job(NamedTuple):
    """A job: the second of its acceptance, and of its arrival in the queue; a requeued job arrives later."""

    arrived_s: float
    queued_s: float


@dataclass
class Worker:
    """A pod, which exists from `created_s` to `ends_s`. It runs the first of its `held` jobs until `free_s`."""

    created_s: float
    ready_s: float
    free_s: float
    held: deque[Job] = field(default_factory=deque)
    is_busy: bool = False
    ends_s: float | None = None

    def takes_jobs(self, now_s: float) -> bool:
        """Say whether it takes jobs: it is ready, and nobody has told it to stop."""
        return self.ends_s is None and self.ready_s <= now_s


class Sample(NamedTuple):
    """The state at a second: wanted workers, ready workers, waiting and running jobs, and pods.

    `pods` counts all paid pods, also starting and draining ones; None is unknown.
    """

    s: float
    replicas: int
    ready: int
    messages: int
    pods: int | None = None


@dataclass(frozen=True)
class Run:
    """A finished run: samples, (arrival, seconds to the result) of each job, and the pods' total lifetime."""

    samples: list[Sample]
    waits: list[tuple[float, float]]
    pod_s: float
    jobs: int


class Pool:
    """The queue and its workers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue: deque[Job] = deque()
        self.workers = [Worker(0, 0, 0) for _ in range(settings.min_replicas)]
        self.waits: list[tuple[float, float]] = []
        self.last_result_s = -math.inf
        self._ended_pod_s = 0.0

    @property
    def replicas(self) -> int:
        """Number of wanted workers: draining workers do not count."""
        return sum(worker.ends_s is None for worker in self.workers)

    @property
    def messages(self) -> int:
        """Number of waiting and running jobs: ready and unacknowledged, in RabbitMQ's words."""
        return len(self._queue) + sum(len(worker.held) for worker in self.workers)

    def accept(self, at_s: float, jobs: int) -> None:
        """Put jobs into the queue."""
        self._queue.extend([Job(at_s, at_s)] * jobs)

    def count_ready(self, now_s: float) -> int:
        """Return the number of workers that take jobs."""
        return sum(worker.takes_jobs(now_s) for worker in self.workers)

    def sum_pod_s(self, now_s: float) -> float:
        """Return the total lifetime of all pods in seconds."""
        return self._ended_pod_s + sum(now_s - worker.created_s for worker in self.workers)

    def scale(self, replicas: int, now_s: float) -> None:
        """Start or stop workers. Starting workers stop first, then the latest to become ready, busy or not.

        Source: Kubernetes, `controller_utils.go`, `ActivePodsWithRanks`.
        """
        standing = sorted((w for w in self.workers if w.ends_s is None), key=lambda worker: worker.ready_s)
        ready_s = now_s + self._settings.start_s
        self.workers += [Worker(now_s, ready_s, ready_s) for _ in range(replicas - len(standing))]
        for worker in standing[replicas:]:
            self._stop(worker, now_s)

    def work(self, now_s: float) -> None:
        """Let every worker work until now; remove drained workers."""
        self._hand_out(now_s)
        for worker in self.workers:
            self._run(worker, now_s)
        for worker in [w for w in self.workers if w.ends_s is not None and w.ends_s <= now_s]:
            self._hand_back(worker, 0, now_s)  # the drain was too short for these jobs
            self.workers.remove(worker)
            self._ended_pod_s += (worker.ends_s or now_s) - worker.created_s

    def _hand_out(self, now_s: float) -> None:
        takers = [worker for worker in self.workers if worker.takes_jobs(now_s)]
        while self._queue and (takers := [w for w in takers if len(w.held) < self._settings.prefetch]):
            for worker in takers[: len(self._queue)]:
                worker.held.append(self._queue.popleft())

    def _run(self, worker: Worker, now_s: float) -> None:
        while worker.held:
            if not worker.is_busy:
                worker.free_s = max(worker.free_s, worker.held[0].queued_s) + 1 / self._settings.throughput
                worker.is_busy = True
            if worker.free_s > now_s:
                return
            arrived_s = worker.held.popleft().arrived_s
            self.waits.append((arrived_s, worker.free_s - arrived_s))
            self.last_result_s = max(self.last_result_s, worker.free_s)
            worker.is_busy = False
            if self._queue and worker.ends_s is None:
                worker.held.append(self._queue.popleft())

    def _stop(self, worker: Worker, now_s: float) -> None:
        self._hand_back(worker, int(worker.is_busy), now_s)
        worker.ends_s = min(worker.free_s, now_s + self._settings.drain_s) if worker.is_busy else now_s

    def _hand_back(self, worker: Worker, kept: int, now_s: float) -> None:
        while len(worker.held) > kept:
            self._queue.appendleft(worker.held.pop()._replace(queued_s=now_s))


def simulate(arrivals: Arrivals, settings: Settings, hpa_phase_s: float = HPA_PHASE_S) -> Run:
    """Run until the trace is over, every job has its result, and the workers are down to the minimum.

    The HPA looks at second `hpa_phase_s`, from 0 to 15, and every 15 s after that.
    The run also ends a day after the last event. Jobs can be left then: `activation_value` can hold them.
    """
    pool, autoscaler = Pool(settings), Autoscaler(settings)
    waiting, samples = deque(arrivals), list[Sample]()
    lag_steps = round(settings.metric_lag_s / STEP_S)
    seen = deque([0] * lag_steps, maxlen=lag_steps + 1)
    for now_s in (step * STEP_S for step in itertools.count()):
        while waiting and waiting[0][0] <= now_s:
            pool.accept(*waiting.popleft())
        pool.work(now_s)
        seen.append(read_figure(pool, settings, now_s))
        if now_s % settings.polling_s == 0:
            pool.scale(autoscaler.poll(seen[0], pool.replicas, now_s), now_s)
        if now_s % HPA_SYNC_S == hpa_phase_s:
            pool.scale(autoscaler.sync(seen[0], pool.replicas, now_s), now_s)
        samples.append(Sample(now_s, pool.replicas, pool.count_ready(now_s), pool.messages, len(pool.workers)))
        if not waiting and _is_over(pool, settings, now_s, arrivals[-1][0]):
            break
    return Run(samples, pool.waits, pool.sum_pod_s(now_s), sum(jobs for _, jobs in arrivals))


def read_figure(pool: Pool, settings: Settings, now_s: float) -> int:
    """Return KEDA's figure: jobs, or workers with `wait`. After the first result, the throughput is known."""
    if settings.source == "queue":
        return pool.messages
    rate = settings.throughput if pool.waits else settings.guess
    is_recent = now_s - pool.last_result_s <= settings.recent_s
    return count_workers_in_time(pool.messages, rate, settings.target_wait_s, is_recent=is_recent)


def _is_over(pool: Pool, settings: Settings, now_s: float, trace_end_s: float) -> bool:
    last_s = max(trace_end_s, pool.last_result_s)
    is_at_rest = not pool.messages and len(pool.workers) <= settings.min_replicas
    return is_at_rest or now_s - last_s > DAY_S
