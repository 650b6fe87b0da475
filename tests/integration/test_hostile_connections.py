"""Requests and connections that no proper client makes, against a real API process."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.support.deployment import Deployment, Service
from tests.support.hostile.connections import BROKEN_OFF, ODD_REQUESTS, TIMEOUT_S, hold_connections, status_of
from tests.support.pictures import encoded, sample
from tests.support.servers import RabbitMQ, RedisServer

CONNECTIONS = 1_000
#: What some of them get; the others get any answer below 500, or a closed connection.
ANSWERS = {
    "HTTP/1.0": 200,
    "HTTP/1.0 with a body": 415,
    "absolute address": 200,
    "no host": 200,
    "folded header": 400,
    "upgrade to websocket": 200,
    "upgrade to h2c": 200,
    "path above the limit": 431,
    "header above the limit": 431,
    "too many headers": 431,
    "unknown method": 400,
    "wrong method": 405,
    "length of terabytes": 413,
    "100-continue": 415,
    "form with a long boundary": 400,
}


@pytest.fixture(scope="module")
def api(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("hostile")
    with Deployment(directory, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
        yield deployment.api().wait_until_ready()


@pytest.fixture
async def client(api: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api.url, timeout=TIMEOUT_S) as client:
        yield client


@pytest.mark.parametrize("name", ODD_REQUESTS)
async def test_an_odd_request_is_answered_and_harms_nobody(api: Service, client: httpx.AsyncClient, name: str) -> None:
    status = await status_of(api.url, ODD_REQUESTS[name])

    assert status == ANSWERS.get(name, status)
    assert status < 500
    assert (await client.post("/classify", content=encoded(sample("three")))).status_code == 202


@pytest.mark.parametrize("name", BROKEN_OFF)
async def test_a_request_that_is_broken_off_harms_nobody(api: Service, client: httpx.AsyncClient, name: str) -> None:
    assert await status_of(api.url, BROKEN_OFF[name], is_broken_off=True) in {0, 400}
    assert (await client.post("/classify", content=encoded(sample("three")))).status_code == 202


def test_no_odd_request_is_logged_as_a_defect(api: Service) -> None:
    assert '"level": "error"' not in api.process.log.read_text()


def test_pictures_are_answered_beside_a_thousand_idle_connections(api: Service) -> None:
    outcome = hold_connections(api.url, CONNECTIONS)

    assert outcome.crashes == []
    assert outcome.connections == CONNECTIONS
    assert api.process.exit_status is None
