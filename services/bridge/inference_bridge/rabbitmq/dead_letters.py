"""Browses, replays and deletes the dead letters.

Fetched letters stay unacknowledged until they are removed; the others are requeued when the browser is closed or the
process dies. The operator's user needs read on the dead queue and write on the exchange for jobs. Nothing is declared.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pika import BasicProperties
from pika.spec import Basic

from inference_bridge.errors import InvalidMessage
from inference_bridge.jobs import Job, from_message, message_id
from inference_bridge.rabbitmq.connection import Channel, Connection, first_of
from inference_bridge.rabbitmq.parameters import CONNECT_TIMEOUT_S
from inference_bridge.rabbitmq.replay import Replayer
from inference_bridge.rabbitmq.topology import Topology
from inference_bridge.rabbitmq.x_death import DEATHS_HEADER
from inference_bridge.spec import ModelSpec


@dataclass(frozen=True, slots=True, eq=False)
class DeadLetter:
    """A message in the dead queue; it may be foreign, so every property may be missing or wrong.

    Attributes:
        tag: the broker's number for it on the browser's channel.
        properties: AMQP properties, with the `x-death` header of the broker.
        body: the message body.
    """

    tag: int
    properties: BasicProperties
    body: bytes

    @property
    def inference_id(self) -> str | None:
        """The id of its job, or None if it is not a valid id."""
        return message_id(self.properties)

    @property
    def reason(self) -> str:
        """Why the broker dead-lettered it, such as `rejected`; `unknown` if `x-death` does not say."""
        reason = self._last_death.get("reason")
        return reason if isinstance(reason, str) and reason.isidentifier() else "unknown"

    @property
    def died_at(self) -> datetime | None:
        """When the broker dead-lettered it, if `x-death` says so."""
        moment = self._last_death.get("time")
        return moment.astimezone(UTC) if isinstance(moment, datetime) else None

    def job(self, spec: ModelSpec) -> Job | None:
        """Return its job, or None if it is not a valid job of this model."""
        try:
            return from_message(self.properties, self.body, spec)
        except InvalidMessage:
            return None

    @property
    def _last_death(self) -> dict[str, Any]:
        deaths = (self.properties.headers or {}).get(DEATHS_HEADER)
        last = deaths[0] if isinstance(deaths, list) and deaths else None
        return last if isinstance(last, dict) else {}


class DeadLetters:
    """The dead queue of one model over one connection.

    Args:
        connection: open.
        spec: the model.
        topology: its queues.
    """

    def __init__(self, connection: Connection, *, spec: ModelSpec, topology: Topology) -> None:
        self._connection = connection
        self._spec = spec
        self._topology = topology

    @asynccontextmanager
    async def browse(self) -> AsyncIterator["Browser"]:
        """Yield a browser; when it is closed, the letters that were not removed are requeued."""
        channel = await self._connection.channel()
        try:
            yield Browser(channel, self._topology.dead.name)
        finally:
            if channel.raw.is_open:
                channel.raw.basic_nack(0, multiple=True, requeue=True)
                await channel.close()

    async def purge(self) -> int:
        """Delete all letters; return how many there were."""
        channel = await self._connection.channel()
        answer = await channel.call(channel.raw.queue_purge, self._topology.dead.name)
        return int(answer.method.message_count)

    async def replayer(self) -> Replayer:
        """Return a publisher to the jobs queue."""
        channel = await self._connection.channel()
        return await Replayer(channel, self._spec, self._topology).start()


class Browser:
    """Reads the dead queue over one channel and can remove letters from it."""

    def __init__(self, channel: Channel, queue: str) -> None:
        self._channel = channel
        self._queue = queue
        self._left_count = 0
        self._answer: asyncio.Future[DeadLetter | None] | None = None
        channel.raw.add_callback(lambda _: self._resolve(None), [Basic.GetEmpty], one_shot=False)

    async def letters(self) -> AsyncGenerator[DeadLetter, None]:
        """Yield, oldest first, as many letters as the queue holds now; each stays unacknowledged.

        The first answer says how many there are; a passive declare may not count letters requeued just before.
        """
        letter = await self._next()
        others = self._left_count
        while letter is not None:
            yield letter
            letter = await self._next() if others > 0 else None
            others -= 1

    def remove(self, letter: DeadLetter) -> None:
        """Delete a letter."""
        self._channel.raw.basic_ack(letter.tag)

    async def wait_for_removals(self) -> None:
        """Return once the broker has processed every removal; it processes a channel's calls in order."""
        await self._channel.call(self._channel.raw.queue_declare, self._queue, passive=True)

    async def _next(self) -> DeadLetter | None:
        self._answer = asyncio.get_running_loop().create_future()
        self._channel.raw.basic_get(self._queue, self._on_message)
        letter: DeadLetter | None = await first_of(self._answer, self._channel.lost, timeout_s=CONNECT_TIMEOUT_S)
        return letter

    def _on_message(self, _channel: Any, method: Basic.GetOk, properties: BasicProperties, body: bytes) -> None:
        self._left_count = int(method.message_count or 0)
        self._resolve(DeadLetter(int(method.delivery_tag or 0), properties, body))

    def _resolve(self, letter: DeadLetter | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(letter)
