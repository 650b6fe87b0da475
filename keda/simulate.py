"""Simulates KEDA and the HPA over a trace of jobs: workers, waits, GPU-hours.

    python keda/simulate.py                                             # a burst, with the chart's defaults
    python keda/simulate.py --source wait --throughput 350              # the chart assumes 500
    python keda/simulate.py --arrivals office-day --values keda/profiles/business-hours.yaml --svg day.svg
    python keda/simulate.py --arrivals trace.csv --throughput 350 --start-s 45
    python keda/simulate.py --compare recording.json --svg compared.svg

A trace is `burst`, `steady`, `office-day` (a Monday) or a CSV file with lines `seconds,jobs`, in order. A last line
with 0 jobs makes the trace longer. Values files override the chart's values, as in Helm. `worker.throughputPerReplica`
is the chart's assumption, `--throughput` a worker's real throughput. A GPU-hour is an hour of a pod's life, from its
creation to its end; a minimum of workers counts until the trace and its work are over. A worker is idle while no job
runs in it, also while it starts.

`--compare` takes recordings of a real cluster in JSON, for example one recording for each source. Each has a file, or
one file has several by source:

    {"values": {"autoscaling": {…}, "worker": {…}},    override the chart's; `helm get values -o json` prints them
     "arrivals": [[seconds, jobs], …],                 as the API accepted them, in order
     "samples": [{"s": 0.0, "replicas": 0, "ready": 0, "messages": 0, "pods": 0, "pending": 0}, …],
     "start_s": 12.5,                                  from a pod's creation to its readiness
     "throughput": 2.0,                                jobs per second that one worker did
     "marks": {"first result": 14.5, "last result": 40.5}}

All seconds are of one clock, 0 or more. `replicas` is the Deployment's `.spec.replicas`, `ready` its
`.status.readyReplicas`, `messages` the ready and unacknowledged messages of `mnist.jobs`. `pods` are the pods on a node
that have not ended, `pending` the jobs without a result. Without `start_s` or `throughput`, the option of that name
counts. Without `pods`, the paid time is unknown. Without `pending`, `messages` count instead; RabbitMQ's figure is 2 to
5 s late. Without `marks`, the last sample with a job counts as the last result.

The output is a model's, not a measurement. The picture needs matplotlib.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from cluster import Arrivals, Sample, simulate
from figures import Column, Figures, compute_figures, compute_run_figures, format_columns, format_figures, format_run
from picture import Curve, draw
from rules import DAY_S, HPA_SYNC_S, SOURCES, OfficeHours, Settings
from traces import check_arrivals, read_arrivals

CHART_VALUES = Path(__file__).parent.parent / "charts/mnist-inference/values.yaml"
#: A guess at the time to schedule a pod, to start its container and to load the model. Measure your own.
START_S = 20.0
#: `SHORT_S` of the worker's `sizing.py`.
SHORT_BATCH_S = 0.02
#: Number of times since KEDA's last poll that `--compare` tries.
LOOKS = 4


def build_settings(
    values: dict[str, Any],
    *,
    source: str | None = None,
    start_s: float = START_S,
    metric_lag_s: float | None = None,
    throughput: float | None = None,
    cooldown_s: float | None = None,
) -> Settings:
    """Return the settings of the chart's complete values; None takes them from the values or the source."""
    worker, scaling = values["worker"], values["autoscaling"]
    if not scaling["enabled"]:
        raise ValueError("autoscaling.enabled is false, so nothing scales; set it to true")
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
        # The API's figure counts workers: 1 for the first job.
        activation_value=scaling["activationValue"] if source == "queue" else 0,
        polling_s=SOURCES[source].polling_s if scaling["pollingInterval"] is None else scaling["pollingInterval"],
        cooldown_s=scaling["cooldownPeriod"] if cooldown_s is None else cooldown_s,
        window_s=scaling["scaleDown"]["windowSeconds"],
        down_pods=scaling["scaleDown"]["pods"],
        down_period_s=scaling["scaleDown"]["periodSeconds"],
        throughput=throughput,
        # A worker learns this for a model that computes job by job: three batches of 20 ms each.
        prefetch=3 * max(1, min(worker["settings"]["INFERENCE_MAX_BATCH_SIZE"], round(SHORT_BATCH_S * throughput))),
        drain_s=worker["settings"]["INFERENCE_DRAIN_TIMEOUT_S"],
        start_s=start_s,
        metric_lag_s=SOURCES[source].metric_lag_s if metric_lag_s is None else metric_lag_s,
        office_hours=tuple(
            OfficeHours(parse_cron(of["start"]), parse_cron(of["end"]), int(of["desiredReplicas"])) for of in triggers
        ),
    )


def parse_cron(cron: str) -> tuple[int, ...]:
    """Return the seconds since Monday 00:00 of `MINUTE HOUR * * DAYS`, with days such as `1-5`, `1,3` or `*`."""
    try:
        minute, hour, every_day, every_month, days = cron.split()
        if (every_day, every_month) != ("*", "*"):
            raise ValueError(every_day, every_month)
        spans = [span.split("-") for span in days.replace("*", "1-7").split(",")]
        numbers = {(day - 1) % 7 for span in spans for day in range(int(span[0]), int(span[-1]) + 1)}
        return tuple(day * DAY_S + int(hour) * 3600 + int(minute) * 60 for day in sorted(numbers))
    except ValueError as error:
        message = f"cron {cron!r} must be 'MINUTE HOUR * * DAYS' in numbers: the model knows no other form; write it so"
        raise ValueError(message) from error


def overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return values overridden by others, map by map, as Helm does."""
    both = {key: overlay(base[key], over[key]) for key in base.keys() & over.keys() if isinstance(over[key], dict)}
    return {**base, **over, **both}


def try_phases(arrivals: Arrivals, settings: Settings, first_job_s: float) -> Iterator[Figures]:
    """Yield the figures for each age of KEDA's figure, and for each time since the last poll of KEDA and of the HPA."""
    for lag_s in SOURCES[settings.source].metric_lags_s:
        for look_s in (settings.polling_s * part / LOOKS for part in range(LOOKS)):
            later = [(at_s + look_s, jobs) for at_s, jobs in arrivals]
            for phase_s in range(0, HPA_SYNC_S, 3):
                run = simulate(later, replace(settings, metric_lag_s=lag_s), phase_s)
                yield compute_run_figures(run, first_job_s + look_s, settings.throughput)


def main() -> None:
    """Read the command line, simulate, print and draw."""
    parser = _build_parser()
    options = parser.parse_args()
    try:
        _report(options)
    except (OSError, ValueError, ModuleNotFoundError, yaml.YAMLError) as error:
        parser.error(str(error))


def _report(options: argparse.Namespace) -> None:
    values = yaml.safe_load(CHART_VALUES.read_text())
    for file in options.values:
        values = overlay(values, yaml.safe_load(file.read_text()) or {})
    recordings = [recording for path in options.compare for recording in _read_recordings(path)]
    columns, compared, curves = list[Column](), list[Column](), list[Curve]()
    for recording in recordings or [{"arrivals": read_arrivals(options.arrivals, options.jobs)}]:
        settings = _choose_settings(values, recording, options)
        arrivals, recorded = recording["arrivals"], recording.get("samples", [])
        first_job_s = next(at_s for at_s, jobs in arrivals if jobs)
        run = simulate(arrivals, settings)
        figures = compute_run_figures(run, first_job_s, settings.throughput)
        columns.append((settings.source, format_run(run, figures)))
        curves.append(Curve(settings.source, run, recorded, first_job_s if recordings else 0))
        if recordings:
            compared += _compare(recording, settings, first_job_s)
    print("\n\n".join(format_columns(of) for of in (columns, compared) if of))
    if options.svg:
        draw(options.svg, curves)


def _choose_settings(values: dict[str, Any], recording: dict[str, Any], options: argparse.Namespace) -> Settings:
    return build_settings(
        overlay(values, recording.get("values") or {}),
        source=options.source,
        cooldown_s=options.cooldown_s,
        start_s=recording.get("start_s", options.start_s),
        metric_lag_s=options.metric_lag_s,
        throughput=recording.get("throughput", options.throughput),
    )


def _compare(recording: dict[str, Any], settings: Settings, first_job_s: float) -> Iterator[Column]:
    arrivals, marks = recording["arrivals"], recording.get("marks", {})
    recorded = compute_figures(
        recording["samples"],
        first_job_s,
        busy_s=sum(jobs for _, jobs in arrivals) / settings.throughput,
        first_result_s=marks.get("first result"),
        last_result_s=marks.get("last result"),
    )
    yield f"{settings.source} recorded", format_figures([recorded])
    yield f"{settings.source} simulated", format_figures(list(try_phases(arrivals, settings, first_job_s)))


def _read_recordings(path: Path) -> Iterator[dict[str, Any]]:
    content = json.loads(path.read_text())
    is_by_source = isinstance(content, dict) and content and content.keys() <= SOURCES.keys()
    for recording in content.values() if is_by_source else [content]:
        try:
            samples = [_read_sample(sample) for sample in recording["samples"]]
            arrivals = [(at_s, jobs) for at_s, jobs in recording["arrivals"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} has no {error}; add it: the head of keda/simulate.py lists the fields") from error
        yield {**recording, "samples": samples, "arrivals": check_arrivals(arrivals, str(path))}


def _read_sample(recorded: dict[str, Any]) -> Sample:
    s, replicas, ready, messages = (recorded[name] for name in ("s", "replicas", "ready", "messages"))
    return Sample(s, replicas, ready, recorded.get("pending", messages), recorded.get("pods"))


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Simulates workers, waits and GPU-hours. The output is a model's, not a measurement."
    )
    add = parser.add_argument
    add("--arrivals", default="burst", help="burst, steady, office-day, or a CSV file of seconds,jobs")
    add("--jobs", type=int, help="number of jobs of a built-in trace")
    add(
        "--values",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="values files that override the chart's, in order",
    )
    add("--source", choices=SOURCES, help="instead of autoscaling.source")
    add("--cooldown-s", type=float, help="instead of autoscaling.cooldownPeriod")
    add("--throughput", type=float, help="a worker's real jobs per second")
    add("--start-s", type=float, default=START_S, help="from a pod's creation to its readiness, a guess: %(default)s")
    ages = ", ".join(f"{source.metric_lag_s} for {name}" for name, source in SOURCES.items())
    add("--metric-lag-s", type=float, help=f"age of KEDA's figure: {ages}")
    add("--svg", type=Path, metavar="FILE", help="file of the picture to draw")
    add(
        "--compare",
        type=Path,
        nargs="+",
        default=[],
        metavar="RECORDING",
        help="JSON of real runs; this file's head describes it",
    )
    return parser


if __name__ == "__main__":
    main()
