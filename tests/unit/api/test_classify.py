"""`POST /classify`, row by row of what the API promises."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from inference_api.settings import ApiSettings
from inference_bridge.errors import BrokerUnavailable
from inference_bridge.jobs import from_message
from mnist_model.spec import SPEC
from tests.support.waiting import until
from tests.unit.api.conftest import Service, a_picture


async def test_a_form_is_accepted_with_an_id(service: Service) -> None:
    response = await service.submit()

    body = response.json()
    assert response.status_code == 202
    assert body == {"inference_id": body["inference_id"], "status": "pending"}
    assert response.headers["location"] == f"/result/{body['inference_id']}"
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded"])
async def test_a_raw_body_is_accepted(service: Service, content_type: str) -> None:
    response = await service.client.post("/classify", content=a_picture(), headers={"content-type": content_type})

    assert response.status_code == 202


async def test_the_queued_job_carries_the_picture_and_the_trace(service: Service) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    response = await service.submit(traceparent=trace)

    [message] = service.broker.jobs
    request = from_message(message.properties, message.body, SPEC)
    assert request.inference_id == response.json()["inference_id"]
    assert request.traceparent == trace
    assert request.deadline_ms // 1000 - request.submitted_s == 900
    assert len(request.body) == 784


async def test_a_full_queue_answers_503_and_when_to_come_back(service: Service) -> None:
    responses = [await service.submit() for _ in range(4)]

    assert [response.status_code for response in responses] == [202, 202, 202, 503]
    assert responses[-1].json()["code"] == "queue_full"
    assert int(responses[-1].headers["retry-after"]) >= 1


async def test_a_refusal_comes_before_the_picture_is_looked_at(service: Service) -> None:
    for _ in range(3):
        await service.submit()

    assert (await service.submit(b"no picture")).status_code == 503


async def test_a_broker_that_does_not_confirm_gives_no_id(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise BrokerUnavailable("RabbitMQ did not confirm the job within 5 s; try again later")

    monkeypatch.setattr("inference_bridge.memory.broker.MemoryPublisher.publish", refuse)

    response = await service.submit()

    assert response.status_code == 503
    assert "inference_id" not in response.json()


async def test_a_preferred_wait_answers_the_result(service: Service) -> None:
    submitting = asyncio.create_task(service.submit(Prefer="wait=5"))
    await until(lambda: service.broker.jobs)

    await service.answer(str(service.broker.jobs[0].properties.message_id), 7)
    response = await asyncio.wait_for(submitting, 4)

    assert response.status_code == 200
    assert response.json()["predicted_class"] == 7
    assert response.headers["preference-applied"] == "wait=5"


async def test_a_preferred_wait_that_is_too_short_answers_pending(service: Service) -> None:
    response = await service.client.post("/classify?wait=0.05", content=a_picture())

    assert response.status_code == 202
    assert response.json()["status"] == "pending"
    assert response.headers["preference-applied"] == "wait=0.05"


async def test_an_accepted_job_keeps_its_id_when_the_store_goes_away_meanwhile(service: Service) -> None:
    service.store.is_away = True

    response = await service.client.post("/classify?wait=0.05", content=a_picture())

    assert response.status_code == 202
    assert response.json()["inference_id"] == service.broker.jobs[0].properties.message_id


async def test_the_same_key_and_picture_give_the_same_id(service: Service) -> None:
    first = await service.submit(**{"Idempotency-Key": "order-1"})
    second = await service.submit(**{"Idempotency-Key": "order-1"})

    assert first.json() == second.json()


async def test_the_same_key_with_another_picture_is_a_conflict(service: Service) -> None:
    await service.submit(a_picture(1), **{"Idempotency-Key": "order-1"})

    response = await service.submit(a_picture(2), **{"Idempotency-Key": "order-1"})

    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_conflict"


async def test_another_key_gives_another_id(service: Service) -> None:
    first = await service.submit(**{"Idempotency-Key": "order-1"})
    second = await service.submit(**{"Idempotency-Key": "order-2"})

    assert first.json() != second.json()


async def test_a_finished_submission_is_not_queued_again(service: Service) -> None:
    first = await service.submit(**{"Idempotency-Key": "order-1"})
    await service.answer(first.json()["inference_id"])

    second = await service.submit(**{"Idempotency-Key": "order-1", "Prefer": "wait=2"})

    assert (second.status_code, second.json()["predicted_class"]) == (200, 3)
    assert len(service.broker.jobs) == 1


@pytest.mark.parametrize("length", [0, 256])
async def test_a_key_of_a_wrong_length_is_refused(service: Service, length: int) -> None:
    response = await service.submit(**{"Idempotency-Key": "k" * length})

    assert response.status_code == 400
    assert response.json()["detail"] == f"Idempotency-Key has {length} characters; send 1 to 255"


async def test_an_unknown_parameter_may_be_given_twice(service: Service) -> None:
    response = await service.client.post("/classify?color=red&color=blue", content=a_picture())

    assert response.status_code == 202


async def test_a_known_parameter_is_not_given_twice(service: Service) -> None:
    response = await service.client.post("/classify?color=red&ttl=abc&ttl=30", content=a_picture())

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert response.json()["detail"] == "the parameter ttl is given 2 times; give it once"


class TestWaitersAtTheLimit:
    @pytest.fixture
    def settings(self) -> ApiSettings:
        return ApiSettings(port=0, operations_port=0, max_waiters=1)

    async def test_one_waiter_too_many_is_answered_at_once(self, service: Service) -> None:
        waiting = asyncio.create_task(service.submit(Prefer="wait=20"))
        await until(lambda: len(service.waiters))

        response = await service.submit(Prefer="wait=20")
        await service.answer(str(service.broker.jobs[0].properties.message_id))

        assert response.status_code == 202
        assert "preference-applied" not in response.headers
        assert (await waiting).status_code == 200

    async def test_only_as_many_wait_as_may_when_their_bodies_come_together(self, service: Service) -> None:
        bodies_may_end = asyncio.Event()
        responses = [asyncio.create_task(self.submit_slowly(service, bodies_may_end)) for _ in range(50)]
        await until(lambda: len(service.server.server_state.tasks) >= 50)

        bodies_may_end.set()
        await until(lambda: sum(response.done() for response in responses) >= 49)
        waiting = len(service.waiters)
        for job in list(service.broker.jobs):
            await service.answer(str(job.properties.message_id))
        answers = [await response for response in responses]

        assert waiting == 1
        assert sorted(answer.status_code for answer in answers) == [200] + [202] * 49
        assert ["preference-applied" in answer.headers for answer in answers].count(True) == 1

    @staticmethod
    async def submit_slowly(service: Service, may_end: asyncio.Event) -> httpx.Response:
        async def body() -> AsyncIterator[bytes]:
            yield a_picture()[:50]
            await may_end.wait()
            yield a_picture()[50:]

        return await service.client.post("/classify?wait=20", content=body())


async def test_a_shutdown_answers_who_waits(service: Service) -> None:
    waiting = asyncio.create_task(service.submit(Prefer="wait=5"))
    await until(lambda: len(service.waiters))

    service.server.should_exit = True

    assert (await asyncio.wait_for(waiting, 3)).status_code == 202


async def test_a_client_that_leaves_ends_its_wait(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_api.waiters.DISCONNECT_CHECK_S", 0.02)
    waiting = asyncio.create_task(service.submit(Prefer="wait=5"))
    await until(lambda: len(service.waiters))

    waiting.cancel()

    await until(lambda: not len(service.waiters), timeout_s=2)
