"""A worker notices jobs that were prepared with another spec than its own."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, Counter

from inference_bridge.jobs import to_properties
from inference_bridge.memory.broker import Message
from inference_worker.drift import MAX_LOGGED, Drift
from mnist_model.spec import SPEC
from tests.support.jobs import a_request, marked
from tests.unit.worker.bench import Bench

OURS = "0123456789ab"


@pytest.fixture
def mismatches() -> Counter:
    return Counter("mismatches", "jobs of another spec", registry=CollectorRegistry())


def digests(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.spec for record in caplog.records]  # type: ignore[attr-defined]


def counted(mismatches: Counter) -> float:
    [metric] = mismatches.collect()
    return next(sample.value for sample in metric.samples if sample.name == "mismatches_total")


def note(drift: Drift, *specs: str) -> None:
    drift.note([replace(a_request(), spec_digest=spec) for spec in specs])


def test_jobs_of_another_spec_are_counted_and_each_spec_is_logged_once(
    mismatches: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    drift = Drift(OURS, mismatches)

    note(drift, OURS, "other", "other", "third")
    note(drift, "other")

    assert counted(mismatches) == 4
    assert digests(caplog) == ["other", "third"]


def test_a_job_of_an_unknown_spec_is_not_counted(mismatches: Counter, caplog: pytest.LogCaptureFixture) -> None:
    note(Drift(OURS, mismatches), "", OURS)

    assert counted(mismatches) == 0
    assert not caplog.records


def test_the_log_of_made_up_specs_is_bounded(mismatches: Counter, caplog: pytest.LogCaptureFixture) -> None:
    note(Drift(OURS, mismatches), *(f"{number}" * 100 for number in range(100)))

    assert counted(mismatches) == 100
    assert len(digests(caplog)) == MAX_LOGGED
    assert max(map(len, digests(caplog))) == 64


async def test_a_job_of_another_spec_runs(bench: Bench) -> None:
    await bench.results(await bench.publish(1))

    assert bench.count("inference_spec_mismatches_total") == 0

    bench.broker.put(foreign_spec(5))
    [result] = await bench.results([a_request(7).inference_id])

    assert result["predicted_class"] == 5
    assert bench.count("inference_spec_mismatches_total") == 1


def foreign_spec(mark: int) -> Message:
    """Return the message of a job of mark `mark` that an API with another spec has prepared."""
    job = a_request(7, marked(mark))
    properties = to_properties(job, SPEC)
    properties.headers = {**(properties.headers or {}), "spec": "another"}
    return Message(properties, job.body)
