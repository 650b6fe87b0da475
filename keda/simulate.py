"""Plays KEDA and the autoscaler over a trace of jobs: how many workers, how long a wait, how many GPU-hours.

    python keda/simulate.py                                             # a burst, with the chart's defaults
    python keda/simulate.py --source wait --throughput 350              # the chart believes in 500
    python keda/simulate.py --arrivals office-day --values keda/profiles/business-hours.yaml --svg day.svg
    python keda/simulate.py --arrivals trace.csv --throughput 350 --start-s 45
    python keda/simulate.py --compare recording.json --svg compared.svg

A trace is `burst`, `steady`, `office-day` (a Monday) or a CSV file with lines `seconds,jobs`, in order: so many jobs at
that moment; a last line with 0 jobs makes it longer. Values files are laid over the chart's, as Helm does.
`worker.throughputPerReplica` is what the chart believes, `--throughput` what a worker really does. A GPU-hour is an
hour that a pod exists, from its creation to its end, starting and draining included; a minimum of workers counts until
the trace and its work are over. A worker is idle while no job runs in it, while it starts too.

`--compare` takes recordings of a real cluster, such as one of each source, in JSON, a file each or by name in one file:

    {"values": {"autoscaling": {…}, "worker": {…}},    laid over the chart's; `helm get values -o json` will do
     "arrivals": [[seconds, jobs], …],                 as the API accepted them, in order
     "samples": [{"s": 0.0, "replicas": 0, "ready": 0, "messages": 0, "pods": 0, "pending": 0}, …],
     "start_s": 12.5,                                  from a pod's creation to its readiness
     "throughput": 2.0,                                jobs per second that one worker did
     "marks": {"first result": 14.5, "last result": 40.5}}

All seconds are of one clock, 0 or more. `replicas` is the Deployment's `.spec.replicas`, `ready` its
`.status.readyReplicas`, `messages` the ready and unacknowledged messages of `mnist.jobs`. Without `start_s` or
`throughput` the option of that name holds. Three things can be left out. `pods`, those that are on a node and have not
ended: then nobody knows what was paid. `pending`, the jobs without a result: then `messages` count instead, 2 to 5 s
late as RabbitMQ's figure is. `marks`: then the last sample with a job counts as the last result.

It prints what a model does, no measurement. The picture needs matplotlib.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from cluster import Arrivals, Sample, simulate
from figures import Column, Figures, figures_of, figures_of_run, rows_of_figures, rows_of_run, text
from picture import Curve, draw
from rules import DAY_S, HPA_SYNC_S, SOURCES, OfficeHours, Settings
from traces import checked, read_arrivals

CHART_VALUES = Path(__file__).parent.parent / "charts/mnist-inference/values.yaml"
#: A guess at the time to schedule a pod, to start its container and to load the model: measure yours.
START_S = 20.0
#: `SHORT_S` of the worker's `sizing.py`.
SHORT_BATCH_S = 0.02
#: Times since KEDA's last look that `--compare` tries.
LOOKS = 4


def settings_of(
    values: dict[str, Any],
    *,
    source: str | None = None,
    start_s: float = START_S,
    metric_lag_s: float | None = None,
    throughput: float | None = None,
    cooldown_s: float | None = None,
) -> Settings:
    """Return the settings that all of the chart's values make; None as they or the source say."""
    worker, scaling = values["worker"], values["autoscaling"]
    if not scaling["enabled"]:
        raise ValueError("autoscaling.enabled is false, so nothing scales; leave that values file out")
    source = source or scaling.get("source", "queue")
    if source not in SOURCES:
        raise ValueError(f"autoscaling.source is {source!r}, must be one of {', '.join(SOURCES)}; write one of them")
    throughput = worker["throughputPerReplica"] if throughput is None else throughput
    triggers = [trigger["metadata"] for trigger in scaling["extraTriggers"] if trigger["type"] == "cron"]
    return Settings(
        source=source,
        min_replicas=scaling["minReplicas"],
        max_replicas=scaling["maxReplicas"],
        jobs_per_replica=worker["throughputPerReplica"] * scaling["targetDrainSeconds"],
        target_wait_s=scaling.get("targetWaitSeconds", 10),
        guess=worker["throughputPerReplica"],
        # The API's figure is workers: 1 for the first job.
        activation_value=scaling["activationValue"] if source == "queue" else 0,
        polling_s=SOURCES[source].polling_s if scaling["pollingInterval"] is None else scaling["pollingInterval"],
        cooldown_s=scaling["cooldownPeriod"] if cooldown_s is None else cooldown_s,
        window_s=scaling["scaleDown"]["windowSeconds"],
        down_pods=scaling["scaleDown"]["pods"],
        down_period_s=scaling["scaleDown"]["periodSeconds"],
        throughput=throughput,
        # As a worker learns it for a model that takes each job by itself: three batches of 20 ms each.
        prefetch=3 * max(1, min(worker["settings"]["INFERENCE_MAX_BATCH_SIZE"], round(SHORT_BATCH_S * throughput))),
        drain_s=worker["settings"]["INFERENCE_DRAIN_TIMEOUT_S"],
        start_s=start_s,
        metric_lag_s=SOURCES[source].metric_lag_s if metric_lag_s is None else metric_lag_s,
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


def possible_figures(arrivals: Arrivals, settings: Settings, first_job_s: float) -> Iterator[Figures]:
    """Yield the figures with each age of KEDA's figure, and each time since the last look of KEDA and of the HPA."""
    for lag_s in SOURCES[settings.source].metric_lags_s:
        for look_s in (settings.polling_s * part / LOOKS for part in range(LOOKS)):
            later = [(at_s + look_s, jobs) for at_s, jobs in arrivals]
            for phase_s in range(0, HPA_SYNC_S, 3):
                run = simulate(later, replace(settings, metric_lag_s=lag_s), phase_s)
                yield figures_of_run(run, first_job_s + look_s, settings.throughput)


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
    recordings = [recording for path in options.compare for recording in _recordings(path)]
    columns, compared, curves = list[Column](), list[Column](), list[Curve]()
    for recording in recordings or [{"arrivals": read_arrivals(options.arrivals, options.jobs)}]:
        settings = _settings(values, recording, options)
        arrivals, recorded = recording["arrivals"], recording.get("samples", [])
        first_job_s = next(at_s for at_s, jobs in arrivals if jobs)
        run = simulate(arrivals, settings)
        figures = figures_of_run(run, first_job_s, settings.throughput)
        columns.append((settings.source, rows_of_run(run, figures)))
        curves.append(Curve(settings.source, run, recorded, first_job_s if recordings else 0))
        if recordings:
            compared += _compared(recording, settings, first_job_s)
    print("\n\n".join(text(of) for of in (columns, compared) if of))
    if options.svg:
        draw(options.svg, curves)


def _settings(values: dict[str, Any], recording: dict[str, Any], options: argparse.Namespace) -> Settings:
    return settings_of(
        overlaid(values, recording.get("values") or {}),
        source=options.source,
        cooldown_s=options.cooldown_s,
        start_s=recording.get("start_s", options.start_s),
        metric_lag_s=options.metric_lag_s,
        throughput=recording.get("throughput", options.throughput),
    )


def _compared(recording: dict[str, Any], settings: Settings, first_job_s: float) -> Iterator[Column]:
    arrivals, marks = recording["arrivals"], recording.get("marks", {})
    recorded = figures_of(
        recording["samples"],
        first_job_s,
        busy_s=sum(jobs for _, jobs in arrivals) / settings.throughput,
        first_result_s=marks.get("first result"),
        last_result_s=marks.get("last result"),
    )
    yield f"{settings.source} recorded", rows_of_figures([recorded])
    yield f"{settings.source} simulated", rows_of_figures(list(possible_figures(arrivals, settings, first_job_s)))


def _recordings(path: Path) -> Iterator[dict[str, Any]]:
    content = json.loads(path.read_text())
    is_by_source = isinstance(content, dict) and content and content.keys() <= SOURCES.keys()
    for recording in content.values() if is_by_source else [content]:
        try:
            samples = [_sample(sample) for sample in recording["samples"]]
            arrivals = [(at_s, jobs) for at_s, jobs in recording["arrivals"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} has no {error}, expected what the head of keda/simulate.py lists; add it"
            ) from error
        yield {**recording, "samples": samples, "arrivals": checked(arrivals, str(path))}


def _sample(recorded: dict[str, Any]) -> Sample:
    s, replicas, ready, messages = (recorded[name] for name in ("s", "replicas", "ready", "messages"))
    return Sample(s, replicas, ready, recorded.get("pending", messages), recorded.get("pods"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="How many workers, how long a wait, how many GPU-hours: a model, no measurement."
    )
    add = parser.add_argument
    add("--arrivals", default="burst", help="burst, steady, office-day or a CSV file of seconds,jobs")
    add("--jobs", type=int, help="jobs of a built-in trace")
    add("--values", type=Path, nargs="+", default=[], metavar="FILE", help="laid over the chart's values, in order")
    add("--source", choices=SOURCES, help="instead of autoscaling.source")
    add("--cooldown-s", type=float, help="instead of autoscaling.cooldownPeriod")
    add("--throughput", type=float, help="jobs per second that a worker really does")
    add("--start-s", type=float, default=START_S, help="from a pod's creation to its readiness, a guess: %(default)s")
    ages = ", ".join(f"{source.metric_lag_s} for {name}" for name, source in SOURCES.items())
    add("--metric-lag-s", type=float, help=f"age of KEDA's figure: {ages}")
    add("--svg", type=Path, metavar="FILE", help="draw it")
    add(
        "--compare",
        type=Path,
        nargs="+",
        default=[],
        metavar="RECORDING",
        help="JSON of real runs, see this file's head",
    )
    return parser


if __name__ == "__main__":
    main()
