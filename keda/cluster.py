"""Lets workers come, work and go as the rules say: a model of the cluster over a trace of arrivals.

Comes in: `Settings` and arrivals. Goes out: a `Run`. All times are seconds of the trace.

Left out: nodes that must be started, GPUs that are taken, batches, lost workers, the queue of suspects,
`initialCooldownPeriod`. The clocks are fixed: KEDA's starts with the trace, the HPA's half a period later; a real
run can be a polling interval and `HPA_SYNC_S` earlier or later.
"""

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from rules import DAY_S, HPA_PHASE_S, HPA_SYNC_S, Autoscaler, Settings, workers_in_time

STEP_S = 0.5

#: (second, jobs), in order. A last one with 0 jobs makes the trace longer.
Arrivals: TypeAlias = Sequence[tuple[float, int]]


class Job(NamedTuple):
    """A job: when it was accepted, and when it came into the queue, which is later for one that was handed back."""

    arrived_s: float
    queued_s: float


@dataclass
class Worker:
    """A pod: it runs the first of the jobs that it holds until `free_s`, and is there from creation to `ends_s`."""

    created_s: float
    ready_s: float
    free_s: float
    held: deque[Job] = field(default_factory=deque)
    is_busy: bool = False
    ends_s: float | None = None

    def takes(self, now_s: float) -> bool:
        """Say whether it takes jobs: it is ready and was not told to stop."""
        return self.ends_s is None and self.ready_s <= now_s


class Sample(NamedTuple):
    """The state at a second: wanted workers, ready ones, jobs without a result, running ones included, and pods.

    `pods` are those that are paid for: starting and draining ones too. None where nobody has counted.
    """

    s: float
    replicas: int
    ready: int
    messages: int
    pods: int | None = None


@dataclass(frozen=True)
class Run:
    """What happened: samples, (arrival, seconds to the result) of each job, and the seconds that pods existed."""

    samples: list[Sample]
    waits: list[tuple[float, float]]
    pod_s: float
    jobs: int


class Pool:
    """The queue and the workers that take from it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue: deque[Job] = deque()
        self.workers = [Worker(0, 0, 0) for _ in range(settings.min_replicas)]
        self.waits: list[tuple[float, float]] = []
        self.last_result_s = -math.inf
        self._ended_pod_s = 0.0

    @property
    def replicas(self) -> int:
        """Workers that are wanted: draining ones no longer count."""
        return sum(worker.ends_s is None for worker in self.workers)

    @property
    def messages(self) -> int:
        """Jobs that wait or run: what RabbitMQ calls ready and unacknowledged."""
        return len(self._queue) + sum(len(worker.held) for worker in self.workers)

    def accept(self, at_s: float, jobs: int) -> None:
        """Put jobs into the queue."""
        self._queue.extend([Job(at_s, at_s)] * jobs)

    def ready(self, now_s: float) -> int:
        """Return how many workers take jobs."""
        return sum(worker.takes(now_s) for worker in self.workers)

    def pod_s(self, now_s: float) -> float:
        """Return the seconds that pods have existed, all together."""
        return self._ended_pod_s + sum(now_s - worker.created_s for worker in self.workers)

    def scale(self, replicas: int, now_s: float) -> None:
        """Start or stop workers: starting ones go first, then those that were ready last, busy or not.

        Source: Kubernetes, `controller_utils.go`, `ActivePodsWithRanks`.
        """
        standing = sorted((w for w in self.workers if w.ends_s is None), key=lambda worker: worker.ready_s)
        ready_s = now_s + self._settings.start_s
        self.workers += [Worker(now_s, ready_s, ready_s) for _ in range(replicas - len(standing))]
        for worker in standing[replicas:]:
            self._stop(worker, now_s)

    def work(self, now_s: float) -> None:
        """Let every worker do what it can until now, and drained ones end."""
        self._hand_out(now_s)
        for worker in self.workers:
            self._run(worker, now_s)
        for worker in [w for w in self.workers if w.ends_s is not None and w.ends_s <= now_s]:
            self._hand_back(worker, 0, now_s)  # what the drain was too short for
            self.workers.remove(worker)
            self._ended_pod_s += (worker.ends_s or now_s) - worker.created_s

    def _hand_out(self, now_s: float) -> None:
        takers = [worker for worker in self.workers if worker.takes(now_s)]
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
    """Run until the trace is over, every job has its result and the workers have gone down to the minimum.

    The HPA looks at second `hpa_phase_s`, from 0 to 15, and every 15 s from there.
    It ends too when nothing has happened for a day, so that jobs can be left: `activation_value` can hold them.
    """
    pool, autoscaler = Pool(settings), Autoscaler(settings)
    waiting, samples = deque(arrivals), list[Sample]()
    lag_steps = round(settings.metric_lag_s / STEP_S)
    seen = deque([0] * lag_steps, maxlen=lag_steps + 1)
    for now_s in (step * STEP_S for step in itertools.count()):
        while waiting and waiting[0][0] <= now_s:
            pool.accept(*waiting.popleft())
        pool.work(now_s)
        seen.append(figure(pool, settings, now_s))
        if now_s % settings.polling_s == 0:
            pool.scale(autoscaler.poll(seen[0], pool.replicas, now_s), now_s)
        if now_s % HPA_SYNC_S == hpa_phase_s:
            pool.scale(autoscaler.sync(seen[0], pool.replicas, now_s), now_s)
        samples.append(Sample(now_s, pool.replicas, pool.ready(now_s), pool.messages, len(pool.workers)))
        if not waiting and _is_over(pool, settings, now_s, arrivals[-1][0]):
            break
    return Run(samples, pool.waits, pool.pod_s(now_s), sum(jobs for _, jobs in arrivals))


def figure(pool: Pool, settings: Settings, now_s: float) -> int:
    """Return what KEDA reads: jobs, or with `wait` workers. A result shows what a worker really does, from then on."""
    if settings.source == "queue":
        return pool.messages
    rate = settings.throughput if pool.waits else settings.guess
    is_recent = now_s - pool.last_result_s <= settings.recent_s
    return workers_in_time(pool.messages, rate, settings.target_wait_s, is_recent=is_recent)


def _is_over(pool: Pool, settings: Settings, now_s: float, trace_end_s: float) -> bool:
    last_s = max(trace_end_s, pool.last_result_s)
    is_at_rest = not pool.messages and len(pool.workers) <= settings.min_replicas
    return is_at_rest or now_s - last_s > DAY_S
