"""How the API answers a submission that comes again with its `Idempotency-Key`."""

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from inference_api.settings import ApiSettings
from inference_bridge.results import expired
from tests.support.waiting import until
from tests.unit.api.conftest import Service, a_picture


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    path = tmp_path / "keys.toml"
    path.write_text(f'[small]\nsha256 = ["{sha256(b"small").hexdigest()}"]\nmax_in_flight = 2\n')
    return ApiSettings(port=0, operations_port=0, max_bytes=100_000, queue_max_length=1_000, api_keys_file=path)


async def test_three_hundred_repetitions_are_one_job(service: Service) -> None:
    headers = {"Idempotency-Key": "one", "Authorization": "Bearer small"}

    responses = [await service.submit(**headers) for _ in range(300)]

    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["inference_id"] for response in responses}) == 1
    assert len(service.broker.jobs) == 1
    assert (await service.submit(a_picture(1), Authorization="Bearer small")).status_code == 202
    assert (await service.submit(a_picture(2), Authorization="Bearer small")).status_code == 429


async def test_a_repetition_that_waits_leaves_room_for_another_job(service: Service) -> None:
    headers = {"Idempotency-Key": "one", "Authorization": "Bearer small"}
    await service.submit(**headers)
    waiting = asyncio.create_task(service.submit(**headers, Prefer="wait=5"))
    await until(lambda: len(service.waiters))

    response = await service.submit(a_picture(1), Authorization="Bearer small")
    service.waiters.close()

    assert response.status_code == 202
    assert (await waiting).status_code == 202


async def test_an_id_that_is_over_is_never_answered_as_accepted(service: Service) -> None:
    headers = {"Idempotency-Key": "one", "Authorization": "Bearer small"}
    accepted = (await service.submit(**headers)).json()["inference_id"]
    await service.store.put([expired(accepted)])

    again = await service.submit(**headers)

    assert (again.status_code, again.json()["code"]) == (410, "expired_id")
