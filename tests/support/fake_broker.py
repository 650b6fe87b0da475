"""RabbitMQ as a publisher's connection sees it, on a virtual clock: it freezes, alarms, refuses and forgets on demand.

It takes the place of pika's connection and channel, with as much of their interface as `connection` and `publisher` of
`inference_bridge.rabbitmq` use.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

from pika.exceptions import AMQPConnectionError, ChannelWrongStateError, ConnectionClosedByBroker
from pika.frame import decode_frame

from tests.support.fake_channel import Answer, FakeChannel, Step

LATENCY_S = 0.001


@dataclass
class FakeBroker:
    """The one node.

    Attributes:
        random: which confirms are joined.
        is_frozen: nothing is answered before this is over.
        is_withholding: everything is answered but publishes, as without a majority of nodes.
        is_alarmed: nothing is read from a connection that has published.
        is_refusing: nobody can connect.
        is_full: publishes are refused.
        received: messages by id.
        sessions: connections that were opened.
        answers_left: answers that are read until all connections are lost; None: they are not.
    """

    random: Random
    is_frozen: bool = False
    is_withholding: bool = False
    is_alarmed: bool = False
    is_refusing: bool = False
    is_full: bool = False
    received: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    answers_left: int | None = None
    exchanges: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    bound: set[tuple[str, str]] = field(default_factory=set)
    connections: list["FakeConnection"] = field(default_factory=list)

    def connect(self, _parameters: Any, **callbacks: Callable[..., Any]) -> "FakeConnection":
        """Take the place of pika's connection class."""
        connection = FakeConnection(self, **callbacks)
        if self.is_refusing:
            connection.is_closed = True
            refusal = AMQPConnectionError("connection refused")
            asyncio.get_running_loop().call_later(LATENCY_S, callbacks["on_open_error_callback"], connection, refusal)
            return connection
        self.connections.append(connection)
        connection.do(lambda: connection.open)
        return connection

    def delete_queue(self, queue: str) -> None:
        """Delete a queue, its bindings, and the exchanges that go with their last binding."""
        self.queues.discard(queue)
        for exchange, bound in list(self.bound):
            if bound == queue:
                self.bound.discard((exchange, bound))
                if exchange.endswith(".settled"):
                    self.exchanges.discard(exchange)

    def pump(self) -> None:
        """Answer what waits, as far as the broker answers now."""
        for connection in list(self.connections):
            connection.pump()

    def count_answer(self) -> None:
        """Note that an answer was read; lose the connections if that was the last one."""
        if self.answers_left is None:
            return
        self.answers_left -= 1
        if self.answers_left <= 0:
            self.answers_left = None
            self.drop_connections()

    def drop_connections(self) -> None:
        """Close every connection; answers on their way are lost."""
        for connection in list(self.connections):
            connection.drop(ConnectionClosedByBroker(320, "CONNECTION_FORCED"))


class FakeConnection:
    """Pika's connection."""

    def __init__(
        self,
        broker: FakeBroker,
        *,
        on_open_callback: Callable[..., Any],
        on_open_error_callback: Callable[..., Any],
        on_close_callback: Callable[..., Any],
    ) -> None:
        self.broker = broker
        self.is_closed = False
        self.params = SimpleNamespace(frame_max=131_072)
        self.channels: list[FakeChannel] = []
        self._on_open, self._on_close = on_open_callback, on_close_callback
        self._on_blocked: list[Callable[..., Any]] = []
        self._on_unblocked: list[Callable[..., Any]] = []
        self._steps: deque[Step] = deque()
        self._is_blocked = False
        self._has_published = False

    def open(self) -> None:
        """Tell the client that the connection is open."""
        self.broker.sessions += 1
        self._on_open(self)

    def add_on_connection_blocked_callback(self, callback: Callable[..., Any]) -> None:
        self._on_blocked.append(callback)

    def add_on_connection_unblocked_callback(self, callback: Callable[..., Any]) -> None:
        self._on_unblocked.append(callback)

    def channel(self, on_open_callback: Callable[..., Any]) -> "FakeChannel":
        channel = FakeChannel(self, len(self.channels) + 1)
        self.channels.append(channel)
        self.do(lambda: lambda: on_open_callback(channel))
        return channel

    def write(self, marshaled: Sequence[bytes]) -> None:
        """Read the frames of one publish."""
        method, header, body = _read_frames(b"".join(marshaled))
        publish = method.method
        self.channels[method.channel_number - 1].basic_publish(
            publish.exchange, publish.routing_key, body.fragment, header.properties, mandatory=publish.mandatory
        )

    def close(self) -> None:
        if self.is_closed:
            raise ChannelWrongStateError("the connection is closed")
        self.drop(ConnectionClosedByBroker(200, "normal shutdown"))

    def drop(self, reason: Exception) -> None:
        """Be closed, and all channels with it; the client hears of it soon."""
        if self.is_closed:
            return
        self.is_closed = True
        self._steps.clear()
        self.broker.connections.remove(self)
        for channel in self.channels:
            channel.shut(reason)
        asyncio.get_running_loop().call_soon(self._on_close, self, reason)

    def do(self, step: Step) -> None:
        """Let the broker take a step when it reads again; its answer comes after the latency."""
        self._steps.append(step)
        asyncio.get_running_loop().call_soon(self.pump)

    def published(self) -> None:
        """Note a publish: from now on an alarm stops this connection."""
        self._has_published = True

    def pump(self) -> None:
        """Take the steps that are due."""
        if self.is_closed or self.broker.is_frozen:
            return
        loop = asyncio.get_running_loop()
        is_blocked = self.broker.is_alarmed and self._has_published
        if is_blocked is not self._is_blocked:
            self._is_blocked = is_blocked
            for callback in self._on_blocked if is_blocked else self._on_unblocked:
                loop.call_later(LATENCY_S, callback, self)
        while self._steps and not is_blocked:
            self._read_later(self._steps.popleft()())

    def _read_later(self, answer: Answer) -> None:
        # As libuv does, timers run before what has come is read: some turns later, in order.
        loop = asyncio.get_running_loop()
        loop.call_later(LATENCY_S, loop.call_soon, loop.call_soon, self._read, answer)

    def _read(self, answer: Answer) -> None:
        if not self.is_closed:
            answer()
            self.broker.count_answer()


def _read_frames(marshaled: bytes) -> Iterator[Any]:
    while marshaled:
        length, frame = decode_frame(marshaled)
        yield frame
        marshaled = marshaled[length:]
