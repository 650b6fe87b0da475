"""A server that speaks AMQP as far as a test says, to a connection of pika's."""

import asyncio
from collections.abc import Sequence

from pika.adapters.asyncio_connection import AsyncioConnection

from inference_bridge.rabbitmq.parameters import connection_parameters


async def converse(connection_class: type[AsyncioConnection], says: Sequence[bytes]) -> list[bytes]:
    """Answer each chunk that a new connection writes with the next of the server's; return the chunks.

    The server hangs up once it has said all and has read the answer to it.
    """
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1_000))
        for data in says:
            writer.write(data)
            received.append(await answer_to(reader))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lost: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    connection = connection_class(
        connection_parameters(f"amqp://127.0.0.1:{port}", name="test"),
        on_open_error_callback=lambda _, error: lost.set_result(error),
    )
    async with asyncio.timeout(5):
        await lost
    server.close()
    assert connection.is_closed
    return received


async def answer_to(reader: asyncio.StreamReader) -> bytes:
    """Return the client's next chunk, or nothing when none comes soon."""
    try:
        return await asyncio.wait_for(reader.read(1_000), 0.2)
    except TimeoutError:
        return b""
