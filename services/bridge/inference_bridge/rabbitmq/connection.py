"""pika's callbacks as awaitables: a connection, a channel, and the supervisor that keeps a session alive.

Everything here runs on one event loop; a pika object is never touched from another thread. A callback only sets a
future or appends to a list: an exception inside one would end the whole connection.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel as PikaChannel
from pika.exceptions import AMQPConnectionError, AMQPError

from inference_bridge.errors import InferenceError
from inference_bridge.rabbitmq.frames import read_frame

logger = logging.getLogger(__name__)

HEARTBEAT_S = 15
CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
#: A session that lasted this long was a good one: the next pause starts from the first step again.
STABLE_S = 60.0
# A peer that vanished without a word fails the write after this long, before the heartbeat would notice.
_TCP_OPTIONS = {"TCP_USER_TIMEOUT": 20_000}


def connection_parameters(url: str, *, name: str) -> pika.URLParameters:
    """Return pika's parameters for an `amqp://` or `amqps://` URL; `name` is shown in RabbitMQ's management.

    With `?cacertfile=PATH`, as RabbitMQ's own clients call it, the broker's certificate must be signed by a CA in that
    PEM file, else by one of the system's. It must name the host in both cases.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    ca_file = query.pop("cacertfile", None)
    parameters = pika.URLParameters(parts._replace(query=urlencode(query)).geturl())
    if ca_file is not None and parameters.ssl_options is not None:
        context = ssl.create_default_context(cafile=ca_file)
        parameters.ssl_options = pika.SSLOptions(context, server_hostname=parameters.host)
    parameters.heartbeat = HEARTBEAT_S
    parameters.connection_attempts = 1
    parameters.socket_timeout = CONNECT_TIMEOUT_S
    parameters.stack_timeout = CONNECT_TIMEOUT_S
    # An alarm may last for hours: we answer 503 meanwhile and keep the connection.
    parameters.blocked_connection_timeout = None
    parameters.tcp_options = dict(_TCP_OPTIONS)
    parameters.client_properties = {"connection_name": name}
    return parameters


class CorkedConnection(AsyncioConnection):
    """Joins everything written in one turn of the event loop into one send, and reads what pika cannot decode.

    pika emits method, header and body of a message as three buffers, each with a system call of its own; why it must
    not decode alone is in `frames.py`. This overrides two private hooks; `tests/unit/bridge/test_connection.py` and
    `test_frames.py` fail when pika stops calling them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._corked: list[bytes] = []
        super().__init__(*args, **kwargs)

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        if not self._corked:
            asyncio.get_running_loop().call_soon(self._uncork)
        self._corked.extend(marshaled_frames)

    def _read_frame(self) -> tuple[int, object]:
        return read_frame(self._frame_buffer)  # type: ignore[attr-defined]  # private, not in the stubs

    def _uncork(self) -> None:
        joined = b"".join(self._corked)
        self._corked.clear()
        if not self.is_closed:
            super()._output_marshaled_frames([joined])  # type: ignore[misc]  # private, not in the stubs


class Channel:
    """A pika channel whose calls are awaited.

    Attributes:
        raw: pika's channel, for what needs no answer (publish, ack, reject).
        lost: done when the channel, or its connection, is closed; its result is the reason.
    """

    def __init__(self, raw: PikaChannel) -> None:
        self.raw = raw
        self.lost: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        raw.add_on_close_callback(lambda _, reason: _resolve(self.lost, reason))
        raw.add_on_cancel_callback(lambda _: _resolve(self.lost, ConsumerCanceled("the broker canceled a consumer")))

    async def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call one of the raw channel's methods that take `callback` and return the broker's answer.

        Raises:
            pika.exceptions.AMQPError: the broker closed the channel instead, or the connection was lost.
            TimeoutError: no answer within `CONNECT_TIMEOUT_S`.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        method(*args, callback=lambda *reply: _resolve(answer, reply[0] if reply else None), **kwargs)
        return await first_of(answer, self.lost, timeout_s=CONNECT_TIMEOUT_S)

    async def close(self) -> None:
        """Close the channel; what was not acknowledged on it returns to the broker."""
        if self.raw.is_open:
            self.raw.close()
            await asyncio.wait([self.lost], timeout=CLOSE_TIMEOUT_S)


class ConsumerCanceled(AMQPError):
    """Raised when the broker ends a subscription: the queue was deleted, or an ack was overdue."""


class Connection:
    """A pika connection that is opened and closed as an async context.

    Attributes:
        lost: done when the connection is closed; its result is the reason.
        is_blocked: whether the broker reads nothing from this connection (memory or disk alarm).
    """

    def __init__(self, parameters: pika.URLParameters) -> None:
        self._parameters = parameters
        self.is_blocked = False

    async def __aenter__(self) -> Self:
        """Open the connection.

        Raises:
            pika.exceptions.AMQPError: refused, or not answered within `CONNECT_TIMEOUT_S`.
        """
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Any] = loop.create_future()
        self.lost: asyncio.Future[BaseException] = loop.create_future()
        self._raw = CorkedConnection(
            self._parameters,
            on_open_callback=lambda connection: _resolve(opened, connection),
            on_open_error_callback=lambda _, reason: _resolve(self.lost, _as_amqp_error(reason)),
            on_close_callback=lambda _, reason: _resolve(self.lost, reason),
        )
        try:
            await first_of(opened, self.lost, timeout_s=CONNECT_TIMEOUT_S + 1)
        except BaseException:
            await self._close()
            raise
        self._raw.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        self._raw.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection; what was not acknowledged returns to the broker."""
        await self._close()

    async def channel(self) -> Channel:
        """Open a channel."""
        opened: asyncio.Future[PikaChannel] = asyncio.get_running_loop().create_future()
        self._raw.channel(on_open_callback=lambda raw: _resolve(opened, raw))
        return Channel(await first_of(opened, self.lost, timeout_s=CONNECT_TIMEOUT_S))

    async def _close(self) -> None:
        with suppress(AMQPError):
            self._raw.close()
        await asyncio.wait([self.lost], timeout=CLOSE_TIMEOUT_S)

    def _set_blocked(self, is_blocked: bool) -> None:
        self.is_blocked = is_blocked
        logger.warning("broker alarm changed", extra={"is_blocked": is_blocked})


async def first_of(wanted: asyncio.Future[Any], lost: asyncio.Future[BaseException], *, timeout_s: float) -> Any:
    """Return `wanted`'s result, or raise what `lost` holds, or TimeoutError, whichever comes first."""
    await asyncio.wait([wanted, lost], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    # A loop that was held up runs its timers first (libuv does). One turn later it has read what came meanwhile.
    await asyncio.sleep(0)
    if wanted.done():
        return wanted.result()
    if lost.done():
        raise lost.result()
    raise TimeoutError(f"RabbitMQ did not answer within {timeout_s} s")


async def supervise(parameters: pika.URLParameters, session: Callable[[Connection], Awaitable[None]]) -> None:
    """Keep one session with the broker alive until cancelled.

    Connects, runs `session`, and when that returns or the connection is lost starts again after a pause: full
    jitter, doubling from 0.1 s to 5 s (Brooker, "Exponential Backoff And Jitter").
    """
    loop = asyncio.get_running_loop()
    attempt = 0
    while True:
        started = loop.time()
        try:
            async with Connection(parameters) as connection:
                await session(connection)
        except (AMQPError, OSError, TimeoutError, InferenceError) as error:
            reason = str(error) or type(error).__name__
            logger.warning("broker connection lost", extra={"reason": reason, "attempt": attempt})
        attempt = 0 if loop.time() - started > STABLE_S else attempt + 1
        await asyncio.sleep(random.uniform(0, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(attempt, 10))))


def _as_amqp_error(reason: BaseException) -> AMQPError:
    # A failed TLS handshake is outside of pika's own tree of errors, and its text is in its `repr` alone.
    return reason if isinstance(reason, AMQPError) else AMQPConnectionError(repr(reason))


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
