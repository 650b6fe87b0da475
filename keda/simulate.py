"""Plays KEDA and the autoscaler over a trace of jobs: how many workers, how long a wait, how many GPU-hours.

    python keda/simulate.py                                             # a burst, with the chart's defaults
    python keda/simulate.py --arrivals office-day --values keda/profiles/business-hours.yaml --svg day.svg
    python keda/simulate.py --arrivals trace.csv --throughput 350 --start-s 45
    python keda/simulate.py --compare recording.json --svg compared.svg

A trace is `burst`, `steady`, `office-day` (a Monday) or a CSV file with lines `seconds,jobs`, in order: so many jobs at
that moment; a last line with 0 jobs makes it longer. Values files are laid over the chart's, as Helm does.
`worker.throughputPerReplica` is what the chart believes, `--throughput` what a worker really does. A GPU-hour is an
hour that a pod exists, from its creation to its end, starting and draining included; a minimum of workers counts until
the trace and its work are over.

`--compare` takes a recording of a real cluster, in JSON:

    {"values": {"autoscaling": {…}, "worker": {…}},    laid over the chart's; `helm get values -o json` will do
     "arrivals": [[seconds, jobs], …],                 as the API accepted them, in order
     "samples": [{"s": 0.0, "replicas": 0, "ready": 0, "messages": 0}, …],
     "start_s": 12.5,                                  from a pod's creation to its readiness
     "throughput": 2.0}                                jobs per second that one worker did

All seconds are of one clock, 0 or more. `replicas` is the Deployment's `.spec.replicas`, `ready` its
`.status.readyReplicas`, `messages` the ready and unacknowledged messages of `mnist.jobs`. The management API's figure
of those is 2 to 5 s old, and so then is the moment at which the last job counts as done. Without `start_s` or
`throughput` the option of that name holds.

It prints what a model does, no measurement. The picture needs matplotlib.
"""

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from cluster import Run, Sample, simulate
from rules import DAY_S, HPA_SYNC_S, OfficeHours, Settings
from traces import checked, read_arrivals

CHART_VALUES = Path(__file__).parent.parent / "charts/mnist-inference/values.yaml"
#: A guess at the time to schedule a pod, to start its container and to load the model: measure yours.
START_S = 20.0
#: Age of RabbitMQ's figure when it is read: 2 to 5 s.
METRIC_LAG_S = 3.5
#: `SHORT_S` of the worker's `sizing.py`.
SHORT_BATCH_S = 0.02
#: From one that RabbitMQ has just renewed to one that it is about to, for `--compare`.
METRIC_LAGS_S = (0.5, 2.5, 4.5)
#: Of a curve in the picture; each change of replicas is drawn all the same.
MAX_POINTS = 2000


@dataclass(frozen=True)
class Figures:
    """What can be read from samples alone, so that model and cluster are judged alike; None is never."""

    peak_replicas: int
    first_pod_s: float | None
    first_ready_s: float | None
    peak_s: float
    to_zero_s: float | None


def settings_of(
    values: dict[str, Any],
    *,
    start_s: float = START_S,
    metric_lag_s: float = METRIC_LAG_S,
    throughput: float | None = None,
    cooldown_s: float | None = None,
) -> Settings:
    """Return the settings that all of the chart's values make; `throughput` in jobs per second, None as they say."""
    worker, scaling = values["worker"], values["autoscaling"]
    if not scaling["enabled"]:
        raise ValueError("autoscaling.enabled is false, so nothing scales; leave that values file out")
    throughput = worker["throughputPerReplica"] if throughput is None else throughput
    triggers = [trigger["metadata"] for trigger in scaling["extraTriggers"] if trigger["type"] == "cron"]
    return Settings(
        min_replicas=scaling["minReplicas"],
        max_replicas=scaling["maxReplicas"],
        jobs_per_replica=worker["throughputPerReplica"] * scaling["targetDrainSeconds"],
        activation_value=scaling["activationValue"],
        polling_s=scaling["pollingInterval"],
        cooldown_s=scaling["cooldownPeriod"] if cooldown_s is None else cooldown_s,
        window_s=scaling["scaleDown"]["windowSeconds"],
        down_pods=scaling["scaleDown"]["pods"],
        down_period_s=scaling["scaleDown"]["periodSeconds"],
        throughput=throughput,
        # As a worker learns it for a model that takes each job by itself: three batches of 20 ms each.
        prefetch=3 * max(1, min(worker["settings"]["MNIST_MAX_BATCH_SIZE"], round(SHORT_BATCH_S * throughput))),
        drain_s=worker["settings"]["MNIST_DRAIN_TIMEOUT_S"],
        start_s=start_s,
        metric_lag_s=metric_lag_s,
        office_hours=tuple(
            OfficeHours(week_times(of["start"]), week_times(of["end"]), int(of["desiredReplicas"])) for of in triggers
        ),
    )


def week_times(cron: str) -> tuple[int, ...]:
    """Return the seconds since Monday 00:00 at which `MINUTE HOUR * * DAYS` is due; days as in `1-5`, `1,3` or `*`."""
    try:
        minute, hour, every_day, every_month, days = cron.split()
        if (every_day, every_month) != ("*", "*"):
            raise ValueError(every_day, every_month)
        spans = [span.split("-") for span in days.replace("*", "1-7").split(",")]
        numbers = {(day - 1) % 7 for span in spans for day in range(int(span[0]), int(span[-1]) + 1)}
        return tuple(day * DAY_S + int(hour) * 3600 + int(minute) * 60 for day in sorted(numbers))
    except ValueError as error:
        message = f"cron {cron!r} is not 'MINUTE HOUR * * DAYS' in numbers, which is all the model knows; write it so"
        raise ValueError(message) from error


def overlaid(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return values with others laid over them, map by map, as Helm does."""
    both = {key: overlaid(base[key], over[key]) for key in base.keys() & over.keys() if isinstance(over[key], dict)}
    return {**base, **over, **both}


def figures_of(samples: Sequence[Sample], first_job_s: float) -> Figures:
    """Return what the samples show: seconds since the first job, and from the last message to 0 replicas."""
    after = [sample for sample in samples if sample.s >= first_job_s]
    if not after:
        raise ValueError(f"there is no sample from the first job, second {first_job_s:g}, on; record one clock")
    peak = max(sample.replicas for sample in after)
    done_s = max((sample.s for sample in after if sample.messages), default=first_job_s)
    return Figures(
        peak_replicas=peak,
        first_pod_s=next((sample.s - first_job_s for sample in after if sample.replicas), None),
        first_ready_s=next((sample.s - first_job_s for sample in after if sample.ready), None),
        peak_s=next(sample.s - first_job_s for sample in after if sample.replicas == peak),
        to_zero_s=next((sample.s - done_s for sample in after if sample.s > done_s and not sample.replicas), None),
    )


def table(run: Run, first_job_s: float) -> str:
    """Return the figures of a run, one to a line."""
    waits = sorted(wait_s for _, wait_s in run.waits) or [math.inf]
    results_s = [at_s + wait_s for at_s, wait_s in run.waits] or [math.inf]
    last_s = max(results_s)
    zero_s = next((s.s for s in run.samples if s.s >= last_s and not s.replicas), math.inf)
    rows = {
        "jobs with a result": f"{len(run.waits):,} of {run.jobs:,}",
        "peak replicas": str(max(sample.replicas for sample in run.samples)),
        "wait p50": _seconds(waits[len(waits) // 2]),
        "wait p95": _seconds(waits[len(waits) * 95 // 100]),
        "wait max": _seconds(waits[-1]),
        "jobs that waited over 1 s": f"{sum(wait_s > 1 for _, wait_s in run.waits):,}",
        "first job to first result": _seconds(min(results_s) - first_job_s),
        "last result to 0 replicas": _seconds(math.inf if zero_s == math.inf else zero_s - last_s),
        "starts from zero": f"{sum(old.replicas == 0 < new.replicas for old, new in pairwise(run.samples)):,}",
        "GPU-hours, one GPU a worker": f"{run.pod_s / 3600:.2f}",
    }
    return "\n".join(f"{name:<28} {value:>18}" for name, value in rows.items())


def comparison(simulated: Sequence[Figures], recorded: Figures) -> str:
    """Return the least and the most of several runs of the model, and a recording, side by side."""
    rows = [
        ("", "simulated", "recorded"),
        ("peak replicas", str(max(of.peak_replicas for of in simulated)), str(recorded.peak_replicas)),
        ("first job to first worker", _range(of.first_pod_s for of in simulated), _seconds(recorded.first_pod_s)),
        ("first job to first ready", _range(of.first_ready_s for of in simulated), _seconds(recorded.first_ready_s)),
        ("first job to peak", _range(of.peak_s for of in simulated), _seconds(recorded.peak_s)),
        ("last job done to 0 replicas", _range(of.to_zero_s for of in simulated), _seconds(recorded.to_zero_s)),
    ]
    return "\n".join(f"{name:<28} {left:>16} {right:>12}" for name, left, right in rows)


def draw(path: Path, run: Run, recorded: Sequence[Sample] = ()) -> None:
    """Write a picture of replicas, backlog and waits over time, the recording dashed."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "keda"  # the same run gives the same file
    from matplotlib import pyplot

    figure, (top, middle, bottom) = pyplot.subplots(3, 1, figsize=(9, 7), sharex=True, layout="constrained")
    for samples, style, name in ((run.samples, "-", "simulated"), (recorded, "--", "recorded")):
        if samples:
            seconds, replicas, ready, messages = zip(*_thinned(samples), strict=True)
            top.step(seconds, replicas, style, where="post", color="tab:blue", label=f"replicas, {name}")
            top.step(seconds, ready, style, where="post", color="tab:green", label=f"ready, {name}")
            middle.plot(seconds, messages, style, color="tab:red", label=f"jobs without a result, {name}")
    waits = sorted(run.waits)[:: max(1, len(run.waits) // MAX_POINTS)]
    seconds, waited = zip(*waits, strict=True) if waits else ((), ())
    bottom.plot(seconds, waited, ".", markersize=2, color="tab:purple", label="wait by arrival, s, simulated")
    top.yaxis.get_major_locator().set_params(integer=True)
    for axes in (top, middle, bottom):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right", fontsize="small")
    bottom.set_xlabel("seconds")
    figure.savefig(path, format="svg", metadata={"Date": None})


def main() -> None:
    """Read the command line, simulate, print and draw."""
    parser = _parser()
    options = parser.parse_args()
    try:
        _report(options)
    except (OSError, ValueError, ModuleNotFoundError, yaml.YAMLError) as error:
        parser.error(str(error))


def _report(options: argparse.Namespace) -> None:
    values = yaml.safe_load(CHART_VALUES.read_text())
    for file in options.values:
        values = overlaid(values, yaml.safe_load(file.read_text()) or {})
    recording = _recording(options.compare) if options.compare else {}
    settings = settings_of(
        overlaid(values, recording.get("values") or {}),
        cooldown_s=options.cooldown_s,
        start_s=recording.get("start_s", options.start_s),
        metric_lag_s=options.metric_lag_s,
        throughput=recording.get("throughput", options.throughput),
    )
    arrivals = recording["arrivals"] if recording else read_arrivals(options.arrivals, options.jobs)
    first_job_s = next(at_s for at_s, jobs in arrivals if jobs)
    run = simulate(arrivals, settings)
    print(table(run, first_job_s))
    if options.compare:
        recorded = figures_of(recording["samples"], first_job_s)
        ages = [replace(settings, metric_lag_s=lag_s) for lag_s in METRIC_LAGS_S]
        runs = [simulate(arrivals, of, phase_s) for of in ages for phase_s in range(0, HPA_SYNC_S, 3)]
        print(f"\n{comparison([figures_of(of.samples, first_job_s) for of in runs], recorded)}")
    if options.svg:
        draw(options.svg, run, recording.get("samples", []))


def _recording(path: Path) -> dict[str, Any]:
    recording: dict[str, Any] = json.loads(path.read_text())
    try:
        samples = [Sample(*(sample[name] for name in Sample._fields)) for sample in recording["samples"]]
        arrivals = [(at_s, jobs) for at_s, jobs in recording["arrivals"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} has no {error}, expected what the head of keda/simulate.py lists; add it") from error
    return {**recording, "samples": samples, "arrivals": checked(arrivals, str(path))}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="How many workers, how long a wait, how many GPU-hours: a model, no measurement."
    )
    add = parser.add_argument
    add("--arrivals", default="burst", help="burst, steady, office-day or a CSV file of seconds,jobs")
    add("--jobs", type=int, help="jobs of a built-in trace")
    add("--values", type=Path, nargs="+", default=[], metavar="FILE", help="laid over the chart's values, in order")
    add("--cooldown-s", type=float, help="instead of autoscaling.cooldownPeriod")
    add("--throughput", type=float, help="jobs per second that a worker really does")
    add("--start-s", type=float, default=START_S, help="from a pod's creation to its readiness, a guess: %(default)s")
    add("--metric-lag-s", type=float, default=METRIC_LAG_S, help="age of RabbitMQ's figure: %(default)s")
    add("--svg", type=Path, metavar="FILE", help="draw it")
    add("--compare", type=Path, metavar="RECORDING", help="JSON of a real run, see the head of this file")
    return parser


def _seconds(value: float | None) -> str:
    return "never" if value is None or value == math.inf else f"{value:,.{1 if value >= 10 else 2}f} s"


def _range(values: Iterable[float | None]) -> str:
    known = [math.inf if value is None else value for value in values]
    least, most = _seconds(min(known)), _seconds(max(known))
    return least if least == most else f"{least.removesuffix(' s')} to {most}"


def _thinned(samples: Sequence[Sample]) -> list[Sample]:
    every = max(1, len(samples) // MAX_POINTS)
    pairs = zip([samples[0], *samples], samples, strict=False)
    return [new for n, (old, new) in enumerate(pairs) if n % every == 0 or old[1:3] != new[1:3]]


if __name__ == "__main__":
    main()
