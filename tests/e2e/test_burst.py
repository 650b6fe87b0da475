"""Nothing, then sixty pictures at once, then nothing again."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import release
from tests.e2e.cluster import GPUS
from tests.e2e.command import forward_port
from tests.e2e.conftest import OUTPUT
from tests.e2e.recording import Recording
from tests.e2e.repeating import keep_repeating
from tests.e2e.system import System
from tests.e2e.traffic import Job, fetch_results, submit
from tests.support.waiting import wait_for

JOBS = 60
SECONDS_PER_JOB = 1.0


@dataclass(frozen=True)
class Burst:
    """The outcome of sixty pictures that are submitted at once."""

    jobs: list[Job]
    results: list[dict[str, Any]]
    recording: Recording
    stored: float
    duplicates: float
    unscheduled: set[str]


@pytest.fixture(scope="module", params=release.SOURCES)
def burst(request: pytest.FixtureRequest, system: System) -> Iterator[Burst]:
    release.install(*release.SOURCES[request.param])
    system.wait_until_idle()
    release.set_seconds_per_job(SECONDS_PER_JOB)
    with forward_port(release.NAMESPACE, f"service/{release.FULLNAME}-rabbitmq", 15672) as port:
        recording = Recording(system, f"http://127.0.0.1:{port}")
        with keep_repeating(recording.look, every_s=0.5):
            burst = _run_burst(system, recording)
        # The last sample of the thread may have begun before the last worker was gone.
        recording.look()
    _write_recording(recording)
    yield burst
    release.install()


def test_while_nothing_is_asked_there_is_no_worker(idle: System) -> None:
    assert idle.count_wanted_workers() == 0
    assert idle.list_pods("worker") == []


def test_a_burst_is_answered_right(burst: Burst) -> None:
    answers = [(result["status"], result.get("predicted_class")) for result in burst.results]

    assert answers == [("succeeded", job.digit) for job in burst.jobs]


def test_every_picture_of_a_burst_has_an_id_of_its_own_and_is_run_once(burst: Burst) -> None:
    assert len({job.inference_id for job in burst.jobs}) == JOBS
    assert (burst.stored, burst.duplicates) == (JOBS, 0)


def test_a_burst_brings_workers_up_to_the_maximum(burst: Burst) -> None:
    assert max(sample.replicas for sample in burst.recording.samples) == release.MAX_REPLICAS


def test_a_worker_without_a_free_gpu_stays_pending(burst: Burst) -> None:
    assert len(burst.unscheduled) == release.MAX_REPLICAS - GPUS
    assert max(sample.ready for sample in burst.recording.samples) == GPUS


def test_after_a_burst_the_workers_go_and_the_queues_are_empty(burst: Burst, system: System) -> None:
    assert burst.recording.samples[-1].replicas == 0
    assert set(system.count_queued().values()) == {0}


def _run_burst(system: System, recording: Recording) -> Burst:
    recording.mark("burst")
    jobs = submit(JOBS)
    recording.pending = JOBS
    found = _fetch(jobs, recording)
    recording.mark("last result")
    # A result can be read a moment before its worker has counted it.
    wait_for("every result is counted", lambda: system.sum_worker_metric("inference_results_total") >= JOBS, 30)
    counted = (
        system.sum_worker_metric("inference_results_total"),
        system.sum_worker_metric("inference_duplicate_results_total"),
    )
    unscheduled = {pod.metadata.name for pod in system.list_pods("worker") if _lacks_gpu(pod)}
    system.wait_until_idle()
    recording.mark("no worker")
    return Burst(jobs, found, recording, *counted, unscheduled)


def _fetch(jobs: list[Job], recording: Recording) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(JOBS) as clients:
        fetching = [clients.submit(fetch_results, [job]) for job in jobs]
        for _ in as_completed(fetching):
            recording.marks.setdefault("first result", recording.read_clock())
            recording.pending -= 1
    return [found for fetched in fetching for found in fetched.result()]


def _lacks_gpu(pod: Any) -> bool:
    conditions = pod.status.conditions or ()
    return any(
        condition.reason == "Unschedulable" and "nvidia.com/gpu" in condition.message for condition in conditions
    )


def _write_recording(recording: Recording) -> None:
    """Write the recording for docs/scaling.md, in the format of keda/simulate.py."""
    samples = recording.samples
    first_asked, first_ready = (next(s.s for s in samples if getattr(s, of)) for of in ("replicas", "ready"))
    values = json.loads(release.run_helm("get", "values", release.RELEASE, "--output", "json"))
    source = values["autoscaling"].get("source", "queue")
    about = {
        "measured": time.strftime("%Y-%m-%d"),
        "jobs": JOBS,
        "seconds_per_job": SECONDS_PER_JOB,
        "values": values,
        "arrivals": [[recording.marks["burst"], JOBS]],
        "start_s": round(first_ready - first_asked, 2),
        "throughput": 1 / SECONDS_PER_JOB,
    }
    (OUTPUT / f"burst-{source}.json").write_text(json.dumps(about | recording.to_json()))
