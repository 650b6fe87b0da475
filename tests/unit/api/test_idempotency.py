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


async def test_a_repetition_is_answered_while_its_client_has_no_place_for_another_job(service: Service) -> None:
    small = {"Authorization": "Bearer small"}
    first, last = [await service.submit(a_picture(n), **small, **{"Idempotency-Key": f"b{n}"}) for n in (1, 2)]

    again = await service.submit(a_picture(2), **small, **{"Idempotency-Key": "b2"})
    new = await service.submit(a_picture(3), **small, **{"Idempotency-Key": "b3"})
    await service.answer(first.json()["inference_id"])
    later = await service.submit(a_picture(3), **small, **{"Idempotency-Key": "b3"})

    assert (again.status_code, again.json()) == (202, last.json())
    assert (new.status_code, new.json()["code"]) == (429, "too_many_in_flight")
    assert later.status_code == 202
    assert len(service.broker.jobs) == 3


async def test_a_new_job_over_the_limit_is_refused_before_its_picture_is_read(service: Service) -> None:
    for number in (1, 2):
        await service.submit(a_picture(number), Authorization="Bearer small")

    refused = await service.submit(b"", **{"Authorization": "Bearer small", "Idempotency-Key": "new"})

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_in_flight")


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
