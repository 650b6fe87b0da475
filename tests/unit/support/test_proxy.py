"""The proxy must not do what no network does."""

import asyncio

from tests.support.proxy import HOST, Proxy
from tests.support.servers import free_port

TIMEOUT_S = 10.0
COUNT = 2_000


async def test_bytes_keep_their_order_when_the_delay_becomes_shorter() -> None:
    port, received, complete = free_port(), bytearray(), asyncio.Event()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.readexactly(2 * COUNT))
        complete.set()
        writer.close()

    server = await asyncio.start_server(receive, HOST, port)
    with Proxy(port) as proxy:
        _, writer = await asyncio.open_connection(HOST, proxy.port)
        for number in range(COUNT):
            proxy.delay_s = 0.05 if number < COUNT // 2 else 0
            writer.write(number.to_bytes(2))
            await writer.drain()
            await asyncio.sleep(0)
        await asyncio.wait_for(complete.wait(), TIMEOUT_S)
        writer.close()
    server.close()

    assert received == b"".join(number.to_bytes(2) for number in range(COUNT))
