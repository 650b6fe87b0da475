"""A lean HTTP/1.1 client on one kept connection, so that a load generator takes little of the machine."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Self

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API.

    Attributes:
        status: the HTTP status.
        head: the status line and the header lines, as they came.
        body: the body's bytes.
    """

    status: int
    head: bytes
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return a header's value, None when it is not there."""
        _, found, rest = self.head.lower().partition(b"\r\n" + name.lower().encode() + b":")
        return rest.partition(b"\r\n")[0].strip().decode("latin-1") if found else None


class Connection(asyncio.Protocol):
    """Sends one request at a time and reads its answer; every answer of the API has a Content-Length."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Return a connection to the API."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent."""
        return not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"expected a stream, got {transport!r}")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Resolve the answer once it is complete."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or self._answer is None or self._answer.done():
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._received = body[length:]
            self._answer.set_result(Answer(int(head[9:12]), bytes(head), bytes(body[:length])))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the API closed the connection ({exc})"))

    async def request(self, head: bytes, body: bytes = b"") -> Answer:
        """Send a request line with its headers and a body; return the answer.

        Raises:
            ConnectionError: the API closed the connection before it answered.
            TimeoutError: no answer within `TIMEOUT_S`.
        """
        if not self.is_open:
            raise ConnectionError("the API has closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(head + b"Host: api\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        async with asyncio.timeout(TIMEOUT_S):
            return await self._answer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
