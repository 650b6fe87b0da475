"""How the API answers a client that submits more than it may."""

import asyncio
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from inference_api.settings import ApiSettings
from tests.support.waiting import until_found
from tests.unit.api.conftest import TIMEOUT_S, Service, a_picture


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    path = tmp_path / "keys.toml"
    tables = {"slow": "rate_per_s = 0.1", "small": "max_in_flight = 1", "free": ""}
    path.write_text("".join(f'[{name}]\nsha256 = ["{digest(name)}"]\n{more}\n' for name, more in tables.items()))
    return ApiSettings(
        port=0, operations_port=0, max_bytes=100_000, max_wait_s=5, queue_max_length=3, api_keys_file=path
    )


def digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def once_allowed(service: Service, picture: bytes | None = None, /, **headers: str) -> httpx.Response:
    """Submit until the answer is not 429; return it."""

    async def submit_again() -> httpx.Response | None:
        response = await service.submit(picture, **headers)
        return None if response.status_code == 429 else response

    return await until_found(submit_again)


async def test_over_the_rate_is_429_with_the_seconds_to_the_next_token(service: Service) -> None:
    assert (await service.submit(**bearer("slow"))).status_code == 202

    response = await service.submit(**bearer("slow"))

    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    assert response.headers["retry-after"] == "10"
    assert (await service.submit(**bearer("free"))).status_code == 202


async def test_a_body_over_the_rate_is_refused_before_any_of_it_came(service: Service) -> None:
    await service.submit(**bearer("slow"))
    reader, writer = await asyncio.open_connection(service.client.base_url.host, service.client.base_url.port)
    headers = "Host: x\r\nAuthorization: Bearer slow\r\nContent-Length: 50000\r\n\r\n"
    writer.write(f"POST /classify HTTP/1.1\r\n{headers}".encode())

    answer = await asyncio.wait_for(reader.readline(), TIMEOUT_S)

    assert answer.startswith(b"HTTP/1.1 429 ")
    writer.close()


async def test_a_canceled_job_is_no_longer_in_flight(service: Service) -> None:
    inference_id = (await service.submit(**bearer("small"))).json()["inference_id"]

    await service.client.post(f"/result/{inference_id}/cancel", headers=bearer("small"))

    assert (await once_allowed(service, a_picture(1), **bearer("small"))).status_code == 202


async def test_too_many_in_flight_is_429_until_a_result_is_stored(service: Service) -> None:
    accepted = await service.submit(**bearer("small"))
    refused = await service.submit(a_picture(1), **bearer("small"))

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_in_flight")
    assert refused.headers["retry-after"] == "1"

    inference_id = accepted.json()["inference_id"]
    await service.answer(inference_id)
    result = await service.client.get(f"/result/{inference_id}?wait=5", headers=bearer("small"))

    assert result.json()["status"] == "succeeded"
    await once_allowed(service, a_picture(1), **bearer("small"))


async def test_an_idempotency_key_that_comes_again_does_not_count_twice(service: Service) -> None:
    headers = {"Idempotency-Key": "one", **bearer("small")}
    first = await service.submit(**headers)
    await service.answer(first.json()["inference_id"])
    again = await once_allowed(service, **headers)

    assert again.json()["inference_id"] == first.json()["inference_id"]
    assert (await service.submit(a_picture(1), **bearer("small"))).status_code == 202


async def test_a_full_queue_does_not_use_up_an_allowance(service: Service) -> None:
    for _ in range(3):
        assert (await service.submit(**bearer("free"))).status_code == 202

    assert [(await service.submit(**bearer("slow"))).status_code for _ in range(3)] == [503] * 3
    assert [(await service.submit(**bearer("small"))).status_code for _ in range(3)] == [503] * 3
