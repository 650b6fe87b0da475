"""A connection and a channel of pika whose calls can be awaited.

All of this runs on one event loop; no other thread uses a pika object. A callback only sets a future or appends to a
list, because an exception in a callback would end the connection.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import pika
from pika.channel import Channel as PikaChannel
from pika.exceptions import AMQPConnectionError, AMQPError

from inference_bridge.rabbitmq.corked import CorkedConnection
from inference_bridge.rabbitmq.parameters import CONNECT_TIMEOUT_S

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 2.0


class Channel:
    """A pika channel whose calls are awaited.

    Attributes:
        raw: pika's channel, for methods without an answer (publish, ack, reject).
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
        """Close the channel; the broker requeues its unacknowledged messages."""
        if self.raw.is_open:
            self.raw.close()
            await asyncio.wait([self.lost], timeout=CLOSE_TIMEOUT_S)


class ConsumerCanceled(AMQPError):
    """Raised when the broker cancels a consumer: the queue was deleted, or an ack was overdue."""


class Connection:
    """A pika connection that is opened and closed as an async context.

    Attributes:
        lost: done when the connection is closed; its result is the reason.
        is_blocked: whether an alarm (memory or disk) stops the broker from reading this connection.
    """

    def __init__(self, parameters: pika.URLParameters) -> None:
        self._parameters = parameters
        self.is_blocked = False

    async def __aenter__(self) -> Self:
        """Open the connection.

        Raises:
            pika.exceptions.AMQPError: the broker refused, or did not answer within `CONNECT_TIMEOUT_S`.
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

    async def __aexit__(self, *_: object) -> None:
        """Close the connection; the broker requeues its unacknowledged messages."""
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
    # After a delay the loop runs its timers first (libuv does); one turn later it has also read its sockets.
    await asyncio.sleep(0)
    if wanted.done():
        return wanted.result()
    if lost.done():
        raise lost.result()
    raise TimeoutError(f"RabbitMQ did not answer within {timeout_s} s")


def _as_amqp_error(reason: BaseException) -> AMQPError:
    # A failed TLS handshake is not an AMQPError, and only its `repr` has a text.
    return reason if isinstance(reason, AMQPError) else AMQPConnectionError(repr(reason))


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
