"""An endpoint of webhooks, in this process: it keeps what it gets, and answers as a test says."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from standardwebhooks import Webhook

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True, slots=True)
class Received:
    """A request, as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    def verify(self, secret: str = SECRET) -> Any:
        """Return the JSON of the body; raise WebhookVerificationError unless the secret signed it."""
        return Webhook(secret).verify(self.body, self.headers)


def answer(status: int, *headers: str) -> bytes:
    """Return an answer without a body."""
    return "\r\n".join([f"HTTP/1.1 {status} Said", "Content-Length: 0", *headers, "", ""]).encode()


OK = answer(204)

Answering = Callable[[Received], bytes | Awaitable[bytes]]


@dataclass
class Receiver:
    """Listens on a free port of 127.0.0.1.

    Attributes:
        answering: returns the answer to a request; an awaitable for a later one.
        received: the requests so far.
    """

    answering: Answering = lambda _: OK
    received: list[Received] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            request = Received(line, headers, body)
            self.received.append(request)
            said = self.answering(request)
            writer.write(said if isinstance(said, bytes) else await said)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the sender was killed
        finally:
            writer.close()


async def hang(_: Received) -> bytes:
    """Never answer."""
    await asyncio.Event().wait()
    return b""


def endpoint_lines(name: str, url: str, *, signed_by: str = SECRET, more: str = "allow_private = true") -> str:
    """Return the lines of an endpoint for the webhooks file."""
    return f'[{name}]\nurl = "{url}"\nsecrets = ["{signed_by}"]\n{more}\n'
