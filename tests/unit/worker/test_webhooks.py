"""The webhooks of results: each terminal one of a job that names an endpoint, once."""

from dataclasses import replace

import pytest

from inference_bridge.hooks import Hook
from inference_bridge.jobs import Job, to_properties
from inference_bridge.memory.broker import Message
from inference_bridge.results import canceled
from mnist_model.spec import SPEC
from tests.support.jobs import a_request, marked
from tests.support.models import RAISES
from tests.support.waiting import until
from tests.unit.worker.bench import Bench


def a_job(mark: int = 1) -> Job:
    return replace(a_request(99, marked(mark)), webhook="done")


async def hooks_of(bench: Bench) -> list[Hook]:
    return await bench.store.hooks.claim("done", 10)


async def until_taken(bench: Bench) -> None:
    """Return when the worker is done with all that was published so far."""
    await bench.results(await bench.publish(1))
    await until(lambda: bench.worker.jobs_in_work() == 0)


@pytest.mark.parametrize(
    ("job", "status"),
    [
        pytest.param(a_job(), "succeeded", id="succeeded"),
        pytest.param(a_job(RAISES), "failed", id="failed"),
        pytest.param(replace(a_job(), deadline_ms=1), "expired", id="expired"),
    ],
)
async def test_each_terminal_result_makes_a_webhook(bench: Bench, job: Job, status: str) -> None:
    await bench.broker.publisher().publish(job)

    [result] = await bench.results([job.inference_id])

    assert result["status"] == status
    assert [hook.body for hook in await hooks_of(bench)] == await bench.store.get([job.inference_id])


async def test_a_foreign_message_with_an_id_makes_one_too(bench: Bench) -> None:
    job = a_job()
    properties = to_properties(job, SPEC)
    properties.type = "another.v9"
    bench.broker.jobs.append(Message(properties, job.body))
    await until_taken(bench)

    [result] = await bench.results([job.inference_id])

    assert result["error"]["code"] == "invalid_message"
    assert [hook.inference_id for hook in await hooks_of(bench)] == [job.inference_id]


async def test_a_job_that_was_canceled_is_told_by_the_worker(bench: Bench) -> None:
    job = a_job()
    await bench.store.put([canceled(job.inference_id)])

    await bench.broker.publisher().publish(job)
    await until_taken(bench)

    assert [hook.body for hook in await hooks_of(bench)] == [canceled(job.inference_id).body]
    assert sum(bench.model.batch_sizes) == 1


async def test_a_job_that_comes_again_makes_no_second_webhook(bench: Bench) -> None:
    job = a_job()
    await bench.broker.publisher().publish(job)
    await bench.results([job.inference_id])
    first = await hooks_of(bench)

    await bench.broker.publisher().publish(job)
    await until_taken(bench)
    await bench.store.hooks.repeat(job.inference_id, "done")

    assert await hooks_of(bench) == first
