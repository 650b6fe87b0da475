"""Many results in one call."""

import asyncio
import time
from typing import Any

import pytest

from inference_bridge.results import expired
from inference_bridge.settings import GRACE_S
from tests.support.waiting import until
from tests.unit.api.batches.calls import (
    JOB_TTL_S,
)
from tests.unit.api.conftest import Service


async def results(service: Service, *ids: str, query: str = "") -> list[dict[str, Any]]:
    answer = await service.client.get(f"/models/mnist/results?ids={','.join(ids)}{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def test_results_say_the_state_of_each_id_in_order(service: Service) -> None:
    now_ms = int(time.time() * 1000)
    done, waiting, over, foreign, old = (
        service.signer.issue(now_ms),
        service.signer.issue(now_ms),
        service.signer.issue(now_ms),
        service.signer.issue(now_ms, "alice"),
        service.signer.issue(now_ms - (JOB_TTL_S + GRACE_S + 1) * 1000),
    )
    await service.answer(done, 4)
    await service.store.put([expired(over)])

    found = await results(service, foreign, done, waiting, "x%22y", over, old, done)

    assert [one["inference_id"] for one in found] == [foreign, done, waiting, 'x"y', over, old, done]
    assert [one["status"] for one in found] == [
        *("unknown", "succeeded", "pending", "unknown", "expired", "expired", "succeeded")
    ]
    assert found[1]["predicted_class"] == 4


async def test_results_of_unknown_ids_need_no_store(service: Service) -> None:
    service.store.is_away = True

    assert await results(service, "A" * 24) == [{"inference_id": "A" * 24, "status": "unknown"}]


async def test_results_can_be_waited_for(service: Service) -> None:
    inference_id = service.signer.issue(int(time.time() * 1000))
    waiting = asyncio.create_task(results(service, inference_id, query="&wait=5"))
    await until(lambda: len(service.waiters))

    await service.answer(inference_id)

    assert [one["status"] for one in await asyncio.wait_for(waiting, 3)] == ["succeeded"]


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=,,", "?ids=" + ",".join(["x"] * 257)])
async def test_results_need_1_to_256_ids(service: Service, query: str) -> None:
    answer = await service.client.get(f"/models/mnist/results{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_ids_that_are_given_twice_are_refused(service: Service) -> None:
    answer = await service.client.get("/models/mnist/results?ids=A&ids=B")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["detail"] == "the parameter ids is given 2 times; give it once"


async def test_results_are_a_503_while_the_store_is_away(service: Service) -> None:
    service.store.is_away = True

    answer = await service.client.get(f"/models/mnist/results?ids={service.signer.issue(int(time.time() * 1000))}")

    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
