"""A lean HTTP/1.1 client on one kept connection, so that the load generator takes little of the two cores."""

import asyncio
import json
from typing import Any

TIMEOUT_S = 60.0


class Connection(asyncio.Protocol):
    """Sends one request at a time and reads its answer; every answer of the API has a Content-Length."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        """Return a connection to the API."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"expected a stream, got {transport!r}")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Resolve the answer once it is complete."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or self._answer is None:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._received = body[length:]
            self._answer.set_result((int(head[9:12]), bytes(body[:length])))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the API closed the connection ({exc})"))

    async def request(self, head: bytes, body: bytes = b"") -> tuple[int, Any]:
        """Send a request line with its headers and a body; return the status and the JSON of the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(head + b"Host: bench\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        async with asyncio.timeout(TIMEOUT_S):
            status, answer = await self._answer
        return status, json.loads(answer)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
