import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from inference_worker.probes import probe_server
from tests.support.servers import free_port
from tests.support.waiting import until


@pytest.mark.parametrize(("host", "url"), [("::1", "http://[::1]:"), ("127.0.0.1", "http://127.0.0.1:")])
async def test_the_url_of_a_server_can_be_called_whatever_its_address(host: str, url: str) -> None:
    server = probe_server(host, 0, is_ready=lambda: True, registry=CollectorRegistry())
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)

    assert server.url.startswith(url)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{server.url}/healthz")).status_code == 200
    server.should_exit = True
    await serving


class Switch:
    """Whether the worker under the probes is ready."""

    is_on = True


@pytest.fixture
def ready() -> Switch:
    return Switch()


@pytest.fixture
async def client(ready: Switch) -> AsyncIterator[httpx.AsyncClient]:
    registry, port = CollectorRegistry(), free_port()
    Counter("inference_things", "Things", registry=registry).inc()
    server = probe_server("127.0.0.1", port, is_ready=lambda: ready.is_on, registry=registry)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    server.should_exit = True
    await serving


async def test_liveness_holds_while_the_worker_is_not_ready(client: httpx.AsyncClient, ready: Switch) -> None:
    ready.is_on = False

    assert (await client.get("/healthz")).status_code == 200


async def test_readiness_is_the_workers_own(client: httpx.AsyncClient, ready: Switch) -> None:
    before = (await client.get("/readyz")).status_code
    ready.is_on = False

    assert (before, (await client.get("/readyz")).status_code) == (200, 503)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
async def test_metrics_are_those_of_the_registry_without_a_redirect(client: httpx.AsyncClient, path: str) -> None:
    assert "inference_things_total 1.0" in (await client.get(path)).text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_head_is_answered_like_get(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.head(path)).status_code == 200
