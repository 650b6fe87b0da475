"""Messages in memory, and the consumers' subscriptions that hold them."""

from dataclasses import dataclass, field

from pika import BasicProperties

from inference_bridge.inbox import Lane

#: The priority of a message without one.
UNSET_PRIORITY = 4


@dataclass(slots=True)
class Message:
    """A message in a queue; `delivery_count` says how many consumers were lost while they held it."""

    properties: BasicProperties
    body: bytes
    delivery_count: int = 0
    is_redelivered: bool = False

    @property
    def priority(self) -> int:
        """Of AMQP; messages without one have that of RabbitMQ 4.3."""
        return UNSET_PRIORITY if self.properties.priority is None else self.properties.priority


@dataclass(slots=True)
class MemorySource:
    """One consumer's subscription to one queue, with its unsettled messages by tag."""

    lane: Lane
    prefetch: int
    unsettled: dict[int, Message] = field(default_factory=dict)
    next_tag: int = 1
    is_lost: bool = False
