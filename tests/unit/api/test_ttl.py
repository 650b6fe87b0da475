"""`?ttl=30`: a job that must run soon or not at all."""

import asyncio
import time

import pytest

from inference_bridge.jobs import deadline_ms
from tests.unit.api.conftest import Service, a_picture

JOB_TTL_S = 900


def left_s(service: Service) -> float:
    """Return the seconds between the issue of the last job and its deadline."""
    properties = service.broker.jobs[-1].properties
    deadline = deadline_ms(properties)
    assert deadline is not None
    return (deadline - service.signer.issued_at_ms(str(properties.message_id))) / 1000


@pytest.mark.parametrize("path", ["/classify", "/models/mnist"])
@pytest.mark.parametrize(("query", "expected"), [("?ttl=30", 30), ("?ttl=1.5", 1.5), ("", 900), ("?ttl=900", 900)])
async def test_a_job_gets_its_deadline_from_its_issue_on(
    service: Service, path: str, query: str, expected: float
) -> None:
    response = await service.client.post(f"{path}{query}", content=a_picture())

    assert response.status_code == 202
    assert left_s(service) == expected


@pytest.mark.parametrize("path", ["/classify", "/models/mnist"])
@pytest.mark.parametrize("ttl", ["0", "0.9", "901", "-1", "soon", "", "1e9", "nan"])
async def test_another_time_is_refused_with_the_rule(service: Service, path: str, ttl: str) -> None:
    response = await service.client.post(f"{path}?ttl={ttl}", content=a_picture())

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert response.json()["detail"] == f"ttl is {ttl!r}, expected seconds, 1 to 900, such as ?ttl=30"
    assert not service.broker.jobs


async def test_a_wait_ends_at_the_deadline(service: Service) -> None:
    started = time.monotonic()

    response = await asyncio.wait_for(service.client.post("/classify?ttl=1&wait=5", content=a_picture()), 4)

    assert (response.status_code, response.json()["status"]) == (202, "pending")
    assert time.monotonic() - started >= 0.9


async def test_an_idempotency_key_with_another_ttl_is_refused(service: Service) -> None:
    headers = {"Idempotency-Key": "one"}
    answers = [
        await service.client.post(f"/classify?ttl={ttl}", content=a_picture(), headers=headers) for ttl in (30, 30, 40)
    ]

    assert [answer.status_code for answer in answers] == [202, 202, 422]
    assert answers[0].json() == answers[1].json()
