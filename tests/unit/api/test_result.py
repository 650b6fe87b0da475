"""`GET /result/{inference_id}`: unknown, expired and pending are never confused."""

import asyncio
import time

import pytest

from inference_bridge.results import expired, failed
from tests.support.waiting import until
from tests.unit.api.conftest import Service


def an_id(service: Service, age_s: float = 0) -> str:
    return service.signer.issue(int((time.time() - age_s) * 1000))


async def test_a_young_id_without_a_result_is_pending(service: Service) -> None:
    inference_id = an_id(service)

    response = await service.client.get(f"/result/{inference_id}")

    assert response.status_code == 200
    assert response.json() == {"inference_id": inference_id, "status": "pending"}
    assert int(response.headers["retry-after"]) >= 1


async def test_a_result_is_answered_as_it_was_stored(service: Service) -> None:
    inference_id = an_id(service)
    await service.answer(inference_id, 4)

    response = await service.client.get(f"/result/{inference_id}")

    assert response.json()["predicted_class"] == 4
    assert response.json()["probabilities"][4] == 1
    assert response.content == (await service.store.get([inference_id]))[0]


async def test_a_failed_result_says_why(service: Service) -> None:
    inference_id = an_id(service)
    await service.store.put([failed(inference_id, "prediction_failed", "why")])

    response = await service.client.get(f"/result/{inference_id}")

    assert response.status_code == 200
    assert response.json()["error"] == {"code": "prediction_failed", "message": "why"}


@pytest.mark.parametrize("stranger", ["short", "A" * 24, "A" * 25, "..%2f..%2fetc", "Ä" * 24])
async def test_an_id_that_was_never_issued_is_unknown(service: Service, stranger: str) -> None:
    response = await service.client.get(f"/result/{stranger}")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_an_old_id_without_a_result_is_gone(service: Service) -> None:
    response = await service.client.get(f"/result/{an_id(service, age_s=900 + 61)}")

    assert (response.status_code, response.json()["code"]) == (410, "expired_id")


async def test_an_old_id_that_an_operator_revived_is_pending(service: Service) -> None:
    inference_id = an_id(service, age_s=900 + 61)
    await service.store.reset(inference_id, ttl_s=60)

    response = await service.client.get(f"/result/{inference_id}")

    assert (response.status_code, response.json()["status"]) == (200, "pending")


async def test_within_the_grace_a_late_result_is_still_awaited(service: Service) -> None:
    response = await service.client.get(f"/result/{an_id(service, age_s=900 + 30)}")

    assert response.json()["status"] == "pending"


async def test_a_job_that_ran_out_of_time_is_gone(service: Service) -> None:
    inference_id = an_id(service)
    await service.store.put([expired(inference_id)])

    assert (await service.client.get(f"/result/{inference_id}")).status_code == 410


@pytest.mark.parametrize(
    "how", [{"params": {"wait": "4"}}, {"headers": {"Prefer": "respond-async, wait=4"}}], ids=["query", "header"]
)
async def test_a_wait_ends_with_the_result(service: Service, how: dict[str, dict[str, str]]) -> None:
    inference_id = an_id(service)
    getting = asyncio.create_task(service.client.get(f"/result/{inference_id}", **how))  # type: ignore[arg-type]
    await until(lambda: len(service.waiters))

    await service.answer(inference_id)
    response = await asyncio.wait_for(getting, 3)

    assert response.json()["status"] == "succeeded"
    assert response.headers["preference-applied"] == "wait=4"


@pytest.fixture
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A subscription counts as silent after 50 ms."""
    monkeypatch.setattr("inference_bridge.memory.store.NOTIFICATION_TIMEOUT_S", 0.05)


async def test_a_lost_notification_costs_time_but_no_result(short_silence: None, service: Service) -> None:
    inference_id = an_id(service)
    getting = asyncio.create_task(service.client.get(f"/result/{inference_id}?wait=4"))
    await until(lambda: len(service.waiters))

    service.store.loses_notifications = True
    await service.answer(inference_id)

    assert (await asyncio.wait_for(getting, 3)).json()["status"] == "succeeded"


async def test_a_wait_that_was_granted_says_so_when_no_result_came(service: Service) -> None:
    response = await service.client.get(f"/result/{an_id(service)}?wait=0.05")

    assert (response.json()["status"], response.headers["preference-applied"]) == ("pending", "wait=0.05")


async def test_many_callers_may_wait_for_one_result(service: Service) -> None:
    inference_id = an_id(service)
    getting = [asyncio.create_task(service.client.get(f"/result/{inference_id}?wait=4")) for _ in range(20)]
    await until(lambda: len(service.waiters) >= 20)

    await service.answer(inference_id)

    assert {(await response).json()["status"] for response in getting} == {"succeeded"}


@pytest.mark.parametrize("wait", ["soon", "-1", "1e", "nan", "inf", ""])
async def test_a_wait_that_is_no_number_of_seconds_is_refused(service: Service, wait: str) -> None:
    response = await service.client.get(f"/result/{an_id(service)}", params={"wait": wait})

    assert response.status_code == 400
    assert "expected seconds" in response.json()["detail"]


async def test_a_store_that_is_away_is_a_503(service: Service) -> None:
    service.store.is_away = True

    response = await service.client.get(f"/result/{an_id(service)}")

    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert int(response.headers["retry-after"]) >= 1
