"""The server of the operator's side listens where it is told to."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from inference_bridge.operations_server import operations_server
from tests.support.servers import free_port


@asynccontextmanager
async def serve(host: str) -> AsyncIterator[int]:
    """Serve while the block runs; return the port."""
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])
    server = operations_server(app, host=host, port=free_port())
    serving = asyncio.create_task(server.serve())
    await asyncio.wait_for(server.listening.wait(), 10)
    try:
        yield server.config.port
    finally:
        server.should_exit = True
        await serving


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
async def test_an_empty_host_is_every_address_of_both_families(address: str) -> None:
    async with serve("") as port, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://{address}:{port}/")).text == "here"
