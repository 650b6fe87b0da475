import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from inference_worker.probes import probe_server
from tests.support.servers import free_port
from tests.support.waiting import until


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
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as client:
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


async def test_metrics_are_those_of_the_registry(client: httpx.AsyncClient) -> None:
    assert "inference_things_total 1.0" in (await client.get("/metrics")).text
