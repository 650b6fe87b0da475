"""The timeline in the result of a job that asked for one, and the untouched results of all others."""

from dataclasses import replace
from typing import Any

import pytest

from inference_bridge.errors import InvalidInput
from inference_bridge.ids import TicketSigner
from inference_bridge.jobs import Job
from inference_bridge.results import classified
from inference_worker.model import Input
from mnist_model.spec import SPEC
from tests.support.jobs import a_request, marked
from tests.support.models import RAISES, EchoModel, SlowModel
from tests.unit.worker.bench import Bench

ACCEPTED_MS = 1_700_000_000_123
SIGNER = TicketSigner(b"k" * 32, model=SPEC.name)


def a_timed_job(mark: int = 3) -> Job:
    return replace(a_request(body=marked(mark)), inference_id=SIGNER.issue(ACCEPTED_MS), has_timeline=True)


async def run(bench: Bench, *jobs: Job) -> list[dict[str, Any]]:
    """Let the worker do jobs that arrive together; return their results."""
    for job in jobs:
        await bench.broker.publisher().publish(job)
    return await bench.results([job.inference_id for job in jobs])


@pytest.mark.parametrize("model_class", [SlowModel])
async def test_a_result_says_when_its_job_was_accepted_received_started_and_finished(bench: Bench) -> None:
    """The model takes 20 ms."""
    [result] = await run(bench, a_timed_job())

    timeline = result["timeline"]
    assert list(timeline) == ["accepted_ms", "received_ms", "started_ms", "finished_ms", "batch_size"]
    assert timeline["accepted_ms"] == ACCEPTED_MS
    assert ACCEPTED_MS < timeline["received_ms"] <= timeline["started_ms"] < timeline["finished_ms"]


async def test_a_timeline_says_how_many_jobs_were_in_the_batch(bench: Bench) -> None:
    results = await run(bench, a_timed_job(), *(a_request(number, marked(number)) for number in range(1, 4)))

    assert results[0]["timeline"]["batch_size"] == 4


async def test_the_result_of_a_job_that_did_not_ask_is_the_same_bytes_beside_one_that_did(bench: Bench) -> None:
    asked, other = a_timed_job(), a_request(1, marked(5))
    await run(bench, asked, other)

    [body] = await bench.store.get([other.inference_id])

    probabilities = [float(number == 5) for number in range(10)]
    assert body == classified(other.inference_id, probabilities, SPEC).body


async def test_a_job_that_failed_while_it_ran_has_a_whole_timeline(bench: Bench) -> None:
    [result] = await run(bench, a_timed_job(RAISES))

    assert (result["status"], result["timeline"]["batch_size"]) == ("failed", 1)


class RefusingModel(EchoModel):
    """Reads no input."""

    def decode(self, given: Input) -> Any:
        raise InvalidInput("unreadable")


@pytest.mark.parametrize("model_class", [RefusingModel])
async def test_a_job_that_never_ran_was_only_accepted_and_received(bench: Bench) -> None:
    [result] = await run(bench, a_timed_job(7))

    assert (result["status"], list(result["timeline"])) == ("failed", ["accepted_ms", "received_ms"])
