"""`POST …/result/{inference_id}/cancel`: one final state for every client, whatever came first."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from inference_bridge.errors import StoreUnavailable
from inference_bridge.results import canceled, expired, produced
from inference_bridge.settings import GRACE_S
from tests.support.waiting import until
from tests.unit.api.conftest import Service
from tests.unit.api.several import PAINT, Several, serving, some_settings

JOB_TTL_S = 900


def an_id(service: Service, age_s: float = 0) -> str:
    return service.signer.issue(int((time.time() - age_s) * 1000))


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    async with serving() as api:
        yield api


async def test_a_canceled_job_reads_canceled_for_ever(service: Service) -> None:
    inference_id = an_id(service)
    body = {"inference_id": inference_id, "status": "canceled"}

    answers = [
        await service.client.post(f"/result/{inference_id}/cancel"),
        await service.client.post(f"/models/mnist/result/{inference_id}/cancel"),
        await service.client.get(f"/result/{inference_id}"),
        await service.client.get(f"/models/mnist/result/{inference_id}"),
    ]
    await service.answer(inference_id)

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, body)] * 4
    assert (await service.client.get(f"/result/{inference_id}")).json() == body
    assert 'inference_canceled_total{model="mnist"} 1.0' in await service.metrics()


async def test_a_job_with_a_result_keeps_it(service: Service) -> None:
    inference_id = an_id(service)
    await service.answer(inference_id, 4)

    answer = await service.client.post(f"/result/{inference_id}/cancel")

    assert (answer.status_code, answer.json()["predicted_class"]) == (200, 4)
    assert 'inference_canceled_total{model="mnist"} 0.0' in await service.metrics()


async def test_a_result_that_comes_during_the_call_is_answered(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    inference_id = an_id(service)

    async def put_late(results: object) -> int:
        monkeypatch.undo()
        await service.answer(inference_id, 4)
        return await service.store.put([canceled(inference_id)])

    monkeypatch.setattr(service.store, "put", put_late)

    answer = await service.client.post(f"/result/{inference_id}/cancel")

    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


async def test_whoever_waits_for_a_job_is_told_at_once(service: Service) -> None:
    submitting = asyncio.create_task(service.submit(Prefer="wait=5"))
    await until(lambda: service.broker.jobs)
    inference_id = str(service.broker.jobs[0].properties.message_id)

    await service.client.post(f"/result/{inference_id}/cancel")

    answer = await asyncio.wait_for(submitting, 3)
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")


async def test_an_id_that_was_never_issued_is_unknown(service: Service) -> None:
    answer = await service.client.post(f"/result/{'A' * 24}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_id")
    assert "use the id from POST /classify" in answer.json()["detail"]


@pytest.mark.parametrize("age_s", [JOB_TTL_S + GRACE_S + 1, JOB_TTL_S + GRACE_S / 2 + 1])
async def test_a_job_that_is_too_late_for_a_result_gets_none(service: Service, age_s: float) -> None:
    inference_id = an_id(service, age_s)

    answer = await service.client.post(f"/result/{inference_id}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (410, "expired_id")
    assert await service.store.get([inference_id]) == [None]


async def test_a_replayed_job_can_be_canceled(service: Service) -> None:
    inference_id = an_id(service, JOB_TTL_S + GRACE_S + 1)
    await service.store.reset(inference_id, ttl_s=60)

    answer = await service.client.post(f"/result/{inference_id}/cancel")

    assert answer.json()["status"] == "canceled"


async def test_an_expired_job_stays_expired(service: Service) -> None:
    inference_id = an_id(service)
    await service.store.put([expired(inference_id)])

    answer = await service.client.post(f"/result/{inference_id}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (410, "expired_id")


async def test_a_store_that_is_away_is_a_503(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.store.is_away = True
    reading = await service.client.post(f"/result/{an_id(service)}/cancel")
    service.store.is_away = False

    async def put(_: object) -> int:
        raise StoreUnavailable("Redis did not answer; try again later")

    monkeypatch.setattr(service.store, "put", put)
    writing = await service.client.post(f"/result/{an_id(service)}/cancel")

    assert [(one.status_code, one.json()["code"]) for one in (reading, writing)] == [(503, "store_unavailable")] * 2
    assert "retry-after" in writing.headers


async def test_a_repetition_of_a_canceled_submission_is_the_same_job(service: Service) -> None:
    headers = {"Idempotency-Key": "one", "Prefer": "wait=1"}
    inference_id = (await service.submit(**{"Idempotency-Key": "one"})).json()["inference_id"]
    await service.client.post(f"/result/{inference_id}/cancel")

    again = await service.submit(**headers)

    assert again.json() == {"inference_id": inference_id, "status": "canceled"}
    assert len(service.broker.jobs) == 1


async def test_an_unknown_model_is_named(several: Several) -> None:
    answer = await several.client.post(f"/models/none/result/{'A' * 24}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_model")


async def test_without_a_default_model_there_is_no_short_path(several: Several) -> None:
    assert (await several.client.post(f"/result/{'A' * 24}/cancel")).status_code == 404


async def test_an_output_that_came_first_has_its_link_and_a_canceled_one_has_none() -> None:
    async with serving([PAINT], some_settings(path_prefix="/inference")) as several:
        served = several.served["paint"]
        first, second = (served.signer.issue(time.time_ns() // 1_000_000) for _ in range(2))
        await served.store.put([produced(first, b"a picture", "image/png", PAINT)])

        kept, gone = [await several.client.post(f"/models/paint/result/{one}/cancel") for one in (first, second)]
        output = await several.client.get(f"/models/paint/result/{second}/output")

    assert kept.json()["output"]["href"] == f"/inference/models/paint/result/{first}/output"
    assert gone.json()["status"] == "canceled"
    assert (output.status_code, output.json()["code"]) == (404, "no_output")
    assert f"job {second} is canceled and has no output" in output.json()["detail"]
