"""A channel to the fake broker, with the methods of pika's channel that a publisher calls."""

import asyncio
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker, ChannelWrongStateError
from pika.frame import Method
from pika.spec import Basic

if TYPE_CHECKING:
    from tests.support.fake_broker import FakeConnection

#: What the client reads.
Answer = Callable[[], None]
#: What the broker does about a call, and then answers.
Step = Callable[[], Answer]


class FakeChannel:
    """Pika's channel, in confirm mode or not."""

    def __init__(self, connection: "FakeConnection", channel_number: int) -> None:
        self.connection = connection
        self.channel_number = channel_number
        self.is_open = True
        self._on_close: list[Callable[..., Any]] = []
        self._on_return: list[Callable[..., Any]] = []
        self._on_confirm: Callable[..., Any] = lambda _: None
        self._tag = 0
        self._unconfirmed: list[int] = []
        self.withheld: list[int] = []

    def add_on_close_callback(self, callback: Callable[..., Any]) -> None:
        self._on_close.append(callback)

    def add_on_cancel_callback(self, callback: Callable[..., Any]) -> None:
        """Take a callback that a publisher's channel never calls."""

    def add_on_return_callback(self, callback: Callable[..., Any]) -> None:
        self._on_return.append(callback)

    def confirm_delivery(self, on_confirm: Callable[..., Any], callback: Callable[..., Any]) -> None:
        self._on_confirm = on_confirm
        self._do(lambda: partial(callback, _method()))

    def close(self) -> None:
        self._do(lambda: self._shutting(ChannelClosedByBroker(200, "closed")))

    def shut(self, reason: Exception) -> None:
        """Be closed."""
        if self.is_open:
            self.is_open = False
            for callback in self._on_close:
                asyncio.get_running_loop().call_soon(callback, self, reason)

    def exchange_declare(
        self, exchange: str, *, passive: bool = False, callback: Callable[..., Any] | None = None, **_: Any
    ) -> None:
        def declare() -> Answer:
            exchanges = self.connection.broker.exchanges
            if passive and exchange not in exchanges:
                return self._shutting(ChannelClosedByBroker(404, f"no exchange {exchange}"))
            exchanges.add(exchange)
            return partial(callback or _ignore, _method())

        self._do(declare)

    def exchange_delete(self, exchange: str, *, if_unused: bool, callback: Callable[..., Any]) -> None:
        def delete() -> Answer:
            broker = self.connection.broker
            if if_unused and any(bound == exchange for bound, _ in broker.bound):
                return self._shutting(ChannelClosedByBroker(406, f"exchange {exchange} is in use"))
            broker.exchanges.discard(exchange)
            return partial(callback, _method())

        self._do(delete)

    def queue_declare(self, queue: str, *, passive: bool = False, callback: Callable[..., Any], **_: Any) -> None:
        def declare() -> Answer:
            queues = self.connection.broker.queues
            if passive and queue not in queues:
                return self._shutting(ChannelClosedByBroker(404, f"no queue {queue}"))
            queues.add(queue)
            return partial(callback, _method(message_count=0, consumer_count=0))

        self._do(declare)

    def queue_bind(self, queue: str, exchange: str, *, callback: Callable[..., Any], **_: Any) -> None:
        def bind() -> Answer:
            broker = self.connection.broker
            if queue not in broker.queues or exchange not in broker.exchanges:
                return self._shutting(ChannelClosedByBroker(404, "nothing to bind"))
            broker.bound.add((exchange, queue))
            return partial(callback, _method())

        self._do(bind)

    def basic_publish(
        self, exchange: str, _key: str, _body: bytes, properties: BasicProperties, *, mandatory: bool
    ) -> None:
        self._tag += 1
        self.connection.published()
        self._do(partial(self._take, self._tag, exchange, properties, mandatory))

    def release(self) -> None:
        """Confirm the publishes that were withheld."""
        withheld, self.withheld = self.withheld, []
        for tag in withheld:
            self._do(partial(self._confirming, Basic.Ack(tag)))

    def _take(self, tag: int, exchange: str, properties: BasicProperties, mandatory: bool) -> Answer:
        broker = self.connection.broker
        if exchange not in broker.exchanges:
            return self._shutting(ChannelClosedByBroker(404, f"no exchange {exchange}"))
        if not any(bound == exchange for bound, _ in broker.bound):
            return partial(self._return, properties, tag) if mandatory else self._confirming(Basic.Ack(tag))
        if broker.is_full:
            return self._confirming(Basic.Nack(tag, multiple=not self.withheld))
        broker.received[str(properties.message_id)] = broker.received.get(str(properties.message_id), 0) + 1
        if broker.is_withholding:
            self.withheld.append(tag)
            return _ignore
        self._unconfirmed.append(tag)
        self._do(self._confirm)
        return _ignore

    def _confirm(self) -> Answer:
        """Confirm what was taken since the last time: each alone, or all by one answer."""
        tags, self._unconfirmed = self._unconfirmed, []
        if len(tags) > 1 and not self.withheld and self.connection.broker.random.random() < 0.5:
            return self._confirming(Basic.Ack(tags[-1], multiple=True))

        def confirm_each() -> None:
            for tag in tags:
                self._on_confirm(Method(1, Basic.Ack(tag)))

        return confirm_each

    def _return(self, properties: BasicProperties, tag: int) -> None:
        for callback in self._on_return:
            callback(self, Basic.Return(312, "NO_ROUTE"), properties, b"")
        self._on_confirm(Method(1, Basic.Ack(tag)))

    def _confirming(self, answer: Basic.Ack | Basic.Nack) -> Answer:
        return lambda: self._on_confirm(Method(1, answer))

    def _shutting(self, reason: Exception) -> Answer:
        return lambda: self.shut(reason)

    def _do(self, step: Step) -> None:
        if not self.is_open:
            raise ChannelWrongStateError("the channel is closed")
        self.connection.do(step)


def _method(**fields: Any) -> Any:
    return SimpleNamespace(method=SimpleNamespace(**fields))


def _ignore(*_: Any) -> None:
    """Answer nothing."""
