"""Model and recording are judged alike, and stand side by side."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployment import ROOT
from tests.unit.keda.scripts import cluster, figures, settings

RECORDING: dict[str, Any] = {
    "values": {"autoscaling": {"maxReplicas": 2}, "worker": {"throughputPerReplica": 2}},
    "arrivals": [[3.2, 60]],
    "samples": [{"s": s, "replicas": 2, "ready": 2, "messages": 0} for s in range(0, 100, 5)],
    "start_s": 5,
    "throughput": 2,
}


def test_a_recording_is_judged_like_a_run() -> None:
    samples = [
        cluster.Sample(*row) for row in [(0, 0, 0, 0), (5, 1, 0, 9), (20, 2, 1, 4), (40, 2, 2, 0), (90, 0, 0, 0)]
    ]

    found = figures.compute_figures(samples, first_job_s=2, busy_s=30)

    assert (found.peak_replicas, found.peak_s) == (2, 18)
    assert (found.first_pod_s, found.first_ready_s) == (3, 18)
    assert (found.last_result_s, found.to_zero_s) == (18, 70)


def test_the_second_of_the_last_result_counts_where_it_was_written_down() -> None:
    samples = [cluster.Sample(*row) for row in [(0, 1, 1, 9), (20, 1, 1, 9), (25, 1, 1, 0), (90, 0, 0, 0)]]

    found = figures.compute_figures(samples, first_job_s=0, busy_s=9, last_result_s=22)

    assert (found.last_result_s, found.to_zero_s) == (22, 68)


def test_jobs_without_a_result_are_never_done() -> None:
    left = cluster.Run([cluster.Sample(s, 0, 0, 5, 0) for s in (10, 20)], waits=[], pod_s=0, jobs=5)

    rows = figures.format_figures([figures.compute_run_figures(left, 10, throughput=500)])

    never = ("first worker asked for after", "last result after", "from there to 0 replicas")
    assert [rows[label] for label in never] == ["never"] * 3


def test_a_worker_is_idle_while_it_is_paid_and_runs_no_job() -> None:
    samples = [cluster.Sample(*row) for row in [(0, 0, 0, 5, 0), (5, 1, 0, 5, 1), (20, 2, 1, 5, 2), (40, 0, 0, 0, 0)]]

    found = figures.compute_figures(samples, first_job_s=0, busy_s=30)

    assert (found.paid_s, found.idle_s) == (15 + 40, 25)


def test_nobody_knows_what_was_paid_where_no_pods_were_counted() -> None:
    samples = [cluster.Sample(*row) for row in [(0, 1, 1, 5), (20, 0, 0, 0)]]

    found = figures.compute_figures(samples, first_job_s=0, busy_s=5)

    assert figures.format_figures([found])["worker-seconds paid"] == "unknown"


def test_what_the_samples_of_a_run_say_was_paid_is_what_its_pods_cost() -> None:
    result = cluster.simulate([(10, 60)], settings(throughput=2, jobs_per_replica=10))

    found = figures.compute_run_figures(result, first_job_s=10, throughput=2)

    assert found.paid_s == pytest.approx(result.pod_s, abs=2)
    assert found.paid_s - found.idle_s == 30


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"arrivals": [[0, 1]]}', "recording.json has no 'samples'"),
        ("{}", "recording.json has no 'samples'"),
        ('{"wait": {"arrivals": [[0, 1]]}}', "recording.json has no 'samples'"),
        ('{"arrivals": [[0, 1]], "samples": []}', "there is no sample from the first job"),
    ],
    ids=["none", "empty", "none by source", "no sample"],
)
def test_a_recording_without_samples_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "recording.json").write_text(content)
    command = [sys.executable, "keda/simulate.py", "--compare", str(tmp_path / "recording.json")]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert done.returncode == 2
    assert message in done.stderr


def compare(folder: Path, *recordings: dict[str, Any], options: Sequence[str] = ()) -> str:
    files = [folder / f"{number}.json" for number, _ in enumerate(recordings)]
    for file, recording in zip(files, recordings, strict=True):
        file.write_text(json.dumps(recording))
    command = [sys.executable, "keda/simulate.py", "--compare", *map(str, files), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_runs_from_the_root_and_draws_model_and_recording(tmp_path: Path) -> None:
    picture = tmp_path / "picture.svg"

    printed = compare(tmp_path, RECORDING, options=["--svg", str(picture)])

    assert f"peak replicas{2:>33}{2:>18}\n" in printed
    assert "queue, recorded</text>" in picture.read_text()


def test_pods_and_jobs_without_a_result_count_where_a_recording_has_them(tmp_path: Path) -> None:
    samples = [sample | {"pods": 2, "pending": 60 if sample["s"] <= 50 else 0} for sample in RECORDING["samples"]]

    rows = compare(tmp_path, RECORDING | {"samples": samples}).rpartition("\n\n")[2].splitlines()

    recorded = {row[:28].strip(): row[28:46].strip() for row in rows}
    assert recorded["worker-seconds paid"] == "190.0 s"
    assert recorded["worker-seconds idle"] == "160.0 s"
    assert recorded["last result after"] == "46.8 s"


def test_the_command_line_says_which_source(tmp_path: Path) -> None:
    printed = compare(tmp_path, RECORDING, options=["--source", "wait"])

    assert printed.rpartition("\n\n")[2].split()[:4] == ["wait", "recorded", "wait", "simulated"]


def test_two_recordings_stand_side_by_side(tmp_path: Path) -> None:
    waiting = RECORDING | {"values": {"autoscaling": {"maxReplicas": 3, "source": "wait"}, "worker": {}}}

    printed = compare(tmp_path, RECORDING, waiting)

    names, peaks = printed.rpartition("\n\n")[2].splitlines()[:2]
    assert names.split() == ["queue", "recorded", "queue", "simulated", "wait", "recorded", "wait", "simulated"]
    assert peaks.split() == ["peak", "replicas", "2", "2", "2", "3"]


def test_one_file_can_hold_a_recording_of_each_source(tmp_path: Path) -> None:
    waiting = RECORDING | {"values": {"autoscaling": {"maxReplicas": 3, "source": "wait"}}}

    both = compare(tmp_path, {"queue": RECORDING, "wait": waiting})

    assert both == compare(tmp_path, RECORDING, waiting)
