"""The rules of KEDA and the HorizontalPodAutoscaler (HPA) for the number of workers; each rule names its source.

First the data, then a function for each rule, then `Autoscaler`, which applies them. Times are seconds of the trace.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

#: Kubernetes: kube-controller-manager's `--horizontal-pod-autoscaler-sync-period` and `-tolerance`.
HPA_SYNC_S = 15
HPA_PHASE_S = HPA_SYNC_S / 2
HPA_TOLERANCE = 0.1
#: The chart's policy for scaling up: `maxReplicas` in this time.
UP_PERIOD_S = 15
DAY_S = 86_400
WEEK_S = 7 * DAY_S


class Source(NamedTuple):
    """A source of KEDA's figure: its polling interval by default, its usual age, and its possible ages."""

    polling_s: float
    metric_lag_s: float
    metric_lags_s: tuple[float, ...]


#: By `autoscaling.source`. `queue`: RabbitMQ's depth, up to 5 s old, because RabbitMQ renews it every few seconds.
#: `wait`: the API's figure, as old as the workers' last report; they report every 0.5 s.
SOURCES = {"queue": Source(5, 3.5, (0.5, 2.5, 4.5)), "wait": Source(1, 0.5, (0.0, 0.5))}

#: (second, workers): the number that the HPA wanted, or its change of the number.
History: TypeAlias = list[tuple[float, int]]


@dataclass(frozen=True)
class OfficeHours:
    """A `cron` trigger: from each of `starts_s` to the next of `ends_s`, seconds since Monday 00:00."""

    starts_s: tuple[int, ...]
    ends_s: tuple[int, ...]
    workers: int

    def are_open(self, now_s: float) -> bool:
        """Say whether the end comes before the next start. Source: KEDA, `cron_scaler.go`."""
        return _measure_until(self.ends_s, now_s) < _measure_until(self.starts_s, now_s)


@dataclass(frozen=True)
class Settings:
    """The settings of the rules, in seconds, jobs and jobs per second. `guess` is the chart's value of `throughput`."""

    source: str
    min_replicas: int
    max_replicas: int
    jobs_per_replica: float
    target_wait_s: float
    guess: float
    activation_value: float
    polling_s: float
    cooldown_s: float
    window_s: float
    down_pods: int
    down_period_s: float
    throughput: float
    prefetch: int
    drain_s: float
    start_s: float
    metric_lag_s: float
    office_hours: tuple[OfficeHours, ...] = ()

    def __post_init__(self) -> None:
        """Refuse values that the chart does not check."""
        if self.throughput <= 0:
            raise ValueError(
                f"throughput is {self.throughput:g} jobs/s, must be above 0; give a worker's real throughput"
            )
        for name in ("start_s", "metric_lag_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name):g}, must be 0 or more; give a measured value")

    @property
    def figure_per_replica(self) -> float:
        """Return the part of KEDA's figure for one worker; with `wait`, the figure counts workers already."""
        return 1 if self.source == "wait" else self.jobs_per_replica

    @property
    def recent_s(self) -> float:
        """Return the seconds for which a result keeps a worker wanted with `wait`: two polls, so that one sees it."""
        return 2 * self.polling_s


def count_workers_in_time(jobs: int, throughput: float, target_wait_s: float, *, is_recent: bool) -> int:
    """Return the number of workers with which no job waits longer; after a recent result, at least 1. No suspects.

    Source: the API, `inference_api.scaling`.
    """
    wanted = min(jobs, max(1, math.ceil(round(jobs / throughput / target_wait_s, 6))))
    return max(wanted, int(is_recent))


def is_active(figure: float, activation_value: float) -> bool:
    """Say whether a figure starts the first worker: it must exceed the value.

    Source: KEDA, `rabbitmq_scaler.go` and `metrics_api_scaler.go`.
    """
    return figure > activation_value


def has_cooled_down(now_s: float, last_active_s: float, cooldown_s: float) -> bool:
    """Say whether KEDA may remove all workers. Source: KEDA, `scale_scaledobjects.go`, `scaleToZeroOrIdle`.

    Exactly the period is enough: KEDA keeps the time of the last active poll in whole seconds, rounded down.
    """
    return now_s - last_active_s >= cooldown_s


def count_workers_wanted(figure: float, per_replica: float, replicas: int) -> int:
    """Return the number of workers for a figure; return `replicas` if the figure is within 10 % of theirs.

    Source: Kubernetes, `replica_calculator.go`, `GetExternalPerPodMetricReplicas` (target type AverageValue).
    """
    ratio = figure / (per_replica * replicas)
    is_near = 1 - HPA_TOLERANCE <= ratio <= 1 + HPA_TOLERANCE
    return replicas if is_near else math.ceil(figure / per_replica)


def stabilise(wanted: int, replicas: int, recommended: History, now_s: float, window_s: float) -> int:
    """Scale up at once; scale down no further than the most that was wanted in the window.

    Source: Kubernetes, `horizontal.go`, `stabilizeRecommendationWithBehaviors`.
    """
    recent = [count for at_s, count in recommended if at_s > now_s - window_s]
    return max(wanted, min(replicas, max([wanted, *recent])))


def limit(wanted: int, replicas: int, changes: History, now_s: float, settings: Settings) -> int:
    """Return `wanted` within the minimum, the maximum, and the most change in a period.

    Source: Kubernetes, `horizontal.go`, `convertDesiredReplicasWithBehaviorRate`. Only the HPA's own changes count.
    """
    if wanted > replicas:
        most = _count_at_start_of_period(replicas, changes, now_s - UP_PERIOD_S) + settings.max_replicas
        return min(wanted, settings.max_replicas, max(replicas, most))
    least = _count_at_start_of_period(replicas, changes, now_s - settings.down_period_s) - settings.down_pods
    return max(wanted, 1, settings.min_replicas, min(replicas, least))


class Autoscaler:
    """KEDA and the HPA: both read a figure and set the number of workers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._last_active_s = 0.0
        self._recommended: History = []
        self._changes: History = []

    def poll(self, figure: float, replicas: int, now_s: float) -> int:
        """Return the number of workers that KEDA sets: the first workers, none, or no change.

        Source: KEDA, `scale_scaledobjects.go`, `RequestScale`.
        """
        lowest = self._settings.min_replicas
        is_open = any(hours.are_open(now_s) for hours in self._settings.office_hours)
        if is_active(figure, self._settings.activation_value) or is_open:
            self._last_active_s = now_s
            return replicas or max(1, lowest)
        if not lowest and has_cooled_down(now_s, self._last_active_s, self._settings.cooldown_s):
            return 0
        return max(replicas, lowest)

    def sync(self, figure: float, replicas: int, now_s: float) -> int:
        """Return the number of workers that the HPA sets: the most that a trigger wants. At 0 it does nothing."""
        if not replicas:
            return 0
        hours = [o.workers if o.are_open(now_s) else 1 for o in self._settings.office_hours]
        figures = [(figure, self._settings.figure_per_replica), *((workers, 1.0) for workers in hours)]
        wanted = max(count_workers_wanted(of, target, replicas) for of, target in figures)
        steady = stabilise(wanted, replicas, self._recommended, now_s, self._settings.window_s)
        result = limit(steady, replicas, self._changes, now_s, self._settings)
        self._recommended = [*_keep_since(self._recommended, now_s - self._settings.window_s), (now_s, wanted)]
        longest_s = max(UP_PERIOD_S, self._settings.down_period_s)
        self._changes = [*_keep_since(self._changes, now_s - longest_s), (now_s, result - replicas)]
        return result


def _measure_until(times_s: tuple[int, ...], now_s: float) -> float:
    return min((at_s - now_s) % WEEK_S or WEEK_S for at_s in times_s)


def _count_at_start_of_period(replicas: int, changes: History, start_s: float) -> int:
    return replicas - sum(change for _, change in _keep_since(changes, start_s))


def _keep_since(history: History, start_s: float) -> History:
    return [(at_s, count) for at_s, count in history if at_s > start_s]
