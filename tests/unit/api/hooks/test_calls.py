"""The calls about webhooks, over real HTTP."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from inference_api.settings import ApiSettings
from inference_bridge.hooks import Try
from inference_bridge.jobs import webhook_of
from inference_bridge.results import failed
from tests.support.receiver import endpoint_lines
from tests.unit.api.conftest import TIMEOUT_S, Service, a_picture
from tests.unit.api.several import TEXT, serving
from tests.unit.api.test_keys import ALICE, bearer, lines


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    path = tmp_path / "webhooks.toml"
    path.write_text(endpoint_lines("done", "https://a.example/", more=""))
    return ApiSettings(port=0, operations_port=0, max_wait_s=5, queue_max_length=3, webhooks_file=path)


async def submit(service: Service, path: str, **headers: str) -> str:
    answer = await service.client.post(path, content=a_picture(), headers=headers)
    assert answer.status_code == 202, answer.text
    inference_id: str = answer.json()["inference_id"]
    return inference_id


async def finish(service: Service, inference_id: str) -> None:
    await service.store.put([replace(failed(inference_id, "prediction_failed", "why"), webhook="done")])


@pytest.mark.parametrize("path", ["/classify", "/models/mnist"])
async def test_the_message_names_the_endpoint(service: Service, path: str) -> None:
    await submit(service, f"{path}?webhook=done")

    assert [webhook_of(message.properties) for message in service.broker.jobs] == ["done"]


async def test_a_job_without_a_webhook_names_none(service: Service) -> None:
    await submit(service, "/models/mnist")

    assert "webhook" not in (service.broker.jobs[0].properties.headers or {})


@pytest.mark.parametrize("path", ["/classify", "/models/mnist"])
async def test_an_unknown_endpoint_is_refused_before_the_job(service: Service, path: str) -> None:
    answer = await service.client.post(f"{path}?webhook=other", content=a_picture())

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_webhook")
    assert len(service.broker.jobs) == 0


async def test_a_webhook_is_seen_as_it_goes_on(service: Service) -> None:
    inference_id = await submit(service, "/models/mnist?webhook=done")
    url = f"/models/mnist/result/{inference_id}/webhook"
    answers = [await service.client.get(url)]
    await finish(service, inference_id)
    answers.append(await service.client.get(url))
    [hook] = await service.store.hooks.claim("done", 1)
    await service.store.hooks.settle(hook, Try(503, "answered 503", retry_s=60))
    answers.append(await service.client.get(url))
    await service.store.hooks.settle(hook, Try(204))
    answers.append(await service.client.get(url))

    assert (answers[0].status_code, answers[0].json()["code"]) == (409, "not_finished")
    assert [answer.json()["status"] for answer in answers[1:]] == ["waiting", "waiting", "delivered"]
    assert answers[1].json()["next_try"].endswith("+00:00")
    assert answers[2].json() == {
        "inference_id": inference_id,
        "webhook": "done",
        "status": "waiting",
        "attempts": 1,
        "last_status": 503,
        "last_error": "answered 503",
        "next_try": answers[2].json()["next_try"],
    }
    assert (answers[3].json()["attempts"], answers[3].json()["next_try"]) == (2, None)


async def test_a_dead_webhook_is_sent_again_on_request(service: Service) -> None:
    inference_id = await submit(service, "/models/mnist?webhook=done")
    url = f"/models/mnist/result/{inference_id}/webhook"
    await finish(service, inference_id)
    [hook] = await service.store.hooks.claim("done", 1)
    await service.store.hooks.settle(hook, Try(0, "no answer within 15 s"))
    assert (await service.client.get(url)).json()["status"] == "dead"

    repeated = await service.client.post(url)

    assert (repeated.status_code, repeated.json()["status"]) == (202, "waiting")
    assert [one.message_id for one in await service.store.hooks.claim("done", 1)] == [hook.message_id]


async def test_a_webhook_is_sent_again_while_its_client_has_no_place_for_another_job(
    settings: ApiSettings, tmp_path: Path
) -> None:
    (path := tmp_path / "keys.toml").write_text(lines("alice", ALICE, more="max_in_flight = 1"))
    changed = settings.model_copy(update={"api_keys_file": path})
    async with serving([TEXT], changed) as several:
        job = await several.submit("text-2", b"one", params={"webhook": "done"}, headers=bearer(ALICE))
        inference_id = job.json()["inference_id"]
        store = several.served["text-2"].store
        # The job still counts as in flight until the notification of its result, so another job takes its place.
        await store.put([replace(failed(inference_id, "prediction_failed", "why"), webhook="done")])
        async with asyncio.timeout(TIMEOUT_S):
            while (await several.submit("text-2", b"two", headers=bearer(ALICE))).status_code == 429:
                await asyncio.sleep(0.01)
        repeated = await several.client.post(f"/models/text-2/result/{inference_id}/webhook", headers=bearer(ALICE))

    assert repeated.status_code == 202


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_job_without_a_webhook_has_none_to_see(service: Service, method: str) -> None:
    inference_id = await submit(service, "/models/mnist")
    await service.answer(inference_id)

    answer = await service.client.request(method, f"/models/mnist/result/{inference_id}/webhook")

    assert (answer.status_code, answer.json()["code"]) == (404, "no_webhook")


async def test_a_canceled_job_gets_its_webhook_from_a_worker(service: Service) -> None:
    inference_id = await submit(service, "/models/mnist?webhook=done")
    await service.client.post(f"/models/mnist/result/{inference_id}/cancel")
    url = f"/models/mnist/result/{inference_id}/webhook"

    before = await service.client.get(url)
    await finish(service, inference_id)
    after = await service.client.get(url)

    assert (before.status_code, before.json()["code"]) == (404, "no_webhook")
    assert "a worker makes one when it takes the job's message" in before.json()["detail"]
    assert (after.status_code, after.json()["status"]) == (200, "waiting")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_strangers_id_is_unknown(service: Service, method: str) -> None:
    answer = await service.client.request(method, "/models/mnist/result/" + "A" * 24 + "/webhook")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_id")


async def test_the_same_idempotency_key_with_another_webhook_is_a_conflict(service: Service) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await submit(service, "/models/mnist?webhook=done", **headers)

    again = await submit(service, "/models/mnist?webhook=done", **headers)
    other = await service.client.post("/models/mnist", content=a_picture(), headers=headers)

    assert again == first
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
