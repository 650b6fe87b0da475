"""Computes the same figures for the model and for a real cluster, and formats them.

In: samples, and the times of results if known. Out: `Figures`, and a column of text for each.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cluster import Run, Sample

#: The name of a column, and its values by row.
Column = tuple[str, Mapping[str, str]]


@dataclass(frozen=True)
class Figures:
    """Seconds since the first job; `to_zero_s` counts from the last result. Infinite is never, None is unknown.

    `paid_s` is the total lifetime of all pods; `idle_s` is the part of it without a running job.
    """

    peak_replicas: int
    first_pod_s: float
    peak_s: float
    first_ready_s: float
    first_result_s: float | None
    last_result_s: float
    to_zero_s: float
    paid_s: float | None
    idle_s: float | None


def compute_figures(
    samples: Sequence[Sample],
    first_job_s: float,
    busy_s: float,
    *,
    first_result_s: float | None = None,
    last_result_s: float | None = None,
) -> Figures:
    """Return the figures of samples; the pods ran jobs for `busy_s` in total.

    Without `last_result_s`, the last sample with a job counts as the last result.
    """
    after = [sample for sample in samples if sample.s >= first_job_s]
    if not after:
        raise ValueError(f"there is no sample from the first job on, second {first_job_s:g}; use one clock for both")
    peak = max(sample.replicas for sample in after)
    if last_result_s is None:
        last_result_s = max((sample.s for sample in after if sample.messages), default=first_job_s)
    zero_s = _find_first(sample.s for sample in after if sample.s > last_result_s and not sample.replicas)
    paid_s = _sum_paid_s(samples)
    return Figures(
        peak_replicas=peak,
        first_pod_s=_find_first(sample.s for sample in after if sample.replicas) - first_job_s,
        peak_s=_find_first(sample.s for sample in after if sample.replicas == peak) - first_job_s,
        first_ready_s=_find_first(sample.s for sample in after if sample.ready) - first_job_s,
        first_result_s=None if first_result_s is None else first_result_s - first_job_s,
        last_result_s=last_result_s - first_job_s,
        to_zero_s=math.inf if zero_s == math.inf else zero_s - last_result_s,
        paid_s=paid_s,
        idle_s=None if paid_s is None else paid_s - busy_s,
    )


def compute_run_figures(run: Run, first_job_s: float, throughput: float) -> Figures:
    """Return the figures of a run; every worker did `throughput` jobs a second."""
    results_s = [at_s + wait_s for at_s, wait_s in run.waits]
    return compute_figures(
        run.samples,
        first_job_s,
        busy_s=len(run.waits) / throughput,
        first_result_s=min(results_s, default=math.inf),
        last_result_s=max(results_s, default=math.inf),
    )


def format_run(run: Run, figures: Figures) -> dict[str, str]:
    """Return the column of a run: its figures, and the waits, which only a model knows."""
    waits = sorted(wait_s for _, wait_s in run.waits) or [math.inf]
    return {
        "jobs with a result": f"{len(run.waits):,} of {run.jobs:,}",
        "wait p50": _format_seconds(waits[len(waits) // 2]),
        "wait p95": _format_seconds(waits[len(waits) * 95 // 100]),
        "wait max": _format_seconds(waits[-1]),
        "jobs that waited over 1 s": f"{sum(wait_s > 1 for _, wait_s in run.waits):,}",
        **format_figures([figures]),
        "starts from zero": f"{sum(old.replicas == 0 < new.replicas for old, new in pairwise(run.samples)):,}",
        "GPU-hours, one GPU a worker": f"{run.pod_s / 3600:.2f}",
    }


def format_figures(figures: Sequence[Figures]) -> dict[str, str]:
    """Return the column of a recording, or of several runs of the model: the least and the most."""
    return {
        "peak replicas": str(max(of.peak_replicas for of in figures)),
        "first worker asked for after": _format_range(of.first_pod_s for of in figures),
        "all workers asked for after": _format_range(of.peak_s for of in figures),
        "first worker ready after": _format_range(of.first_ready_s for of in figures),
        "first result after": _format_range(of.first_result_s for of in figures),
        "last result after": _format_range(of.last_result_s for of in figures),
        "from there to 0 replicas": _format_range(of.to_zero_s for of in figures),
        "worker-seconds paid": _format_range(of.paid_s for of in figures),
        "worker-seconds idle": _format_range(of.idle_s for of in figures),
    }


def format_columns(columns: Sequence[Column]) -> str:
    """Return columns with the same rows side by side; a single column has no name above it."""
    names, rows = zip(*columns, strict=True)
    lines = [("", *names)] if len(columns) > 1 else []
    lines += [(label, *(row[label] for row in rows)) for label in rows[0]]
    return "\n".join(f"{label:<28}" + "".join(f" {value:>17}" for value in values) for label, *values in lines)


def _sum_paid_s(samples: Sequence[Sample]) -> float | None:
    spans = [(old.pods, new.s - old.s) for old, new in pairwise(samples)]
    counted = [pods * span_s for pods, span_s in spans if pods is not None]
    return sum(counted) if len(counted) == len(spans) else None


def _find_first(seconds: Iterable[float]) -> float:
    return next(iter(seconds), math.inf)


def _format_seconds(value: float | None) -> str:
    if value is None or value == math.inf:
        return "unknown" if value is None else "never"
    return f"{value:,.{1 if value >= 10 else 2}f} s"


def _format_range(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return _format_seconds(None)
    least, most = _format_seconds(min(known)), _format_seconds(max(known))
    return least if least == most else f"{least.removesuffix(' s')} to {most}"
