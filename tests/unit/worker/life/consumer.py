"""A consumer that looks at how it is used."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from inference_bridge.inbox import Delivery
from inference_bridge.jobs import message_id
from inference_bridge.memory.broker import MemoryBroker, MemoryConsumer, MemorySource, Message
from inference_worker.sizing import FIRST_PREFETCH

if TYPE_CHECKING:
    from tests.unit.worker.life.life import Life


class LifeConsumer(MemoryConsumer):
    """Settles only what was lent, once, in order, and after its result is stored."""

    def __init__(self, life: "Life", broker: MemoryBroker) -> None:
        super().__init__(broker, prefetch=FIRST_PREFETCH)
        self._life = life

    @property
    def suspects(self) -> list[Message]:
        """The messages of the retry lane that this worker holds."""
        return list(self.sources[1].unsettled.values())

    @property
    def held(self) -> list[Message]:
        """All that this worker holds."""
        return [message for source in self.sources for message in source.unsettled.values()]

    def settle(self, deliveries: Sequence[Delivery], rejected: Collection[Delivery] = ()) -> None:
        source = deliveries[0].source
        assert isinstance(source, MemorySource)
        if self._life.is_dead:
            return
        if not source.is_lost:
            tags = [delivery.tag for delivery in deliveries]
            assert set(tags) <= set(source.unsettled), "a tag is unknown, or was settled before"
            acknowledged = [delivery.tag for delivery in deliveries if delivery not in rejected]
            covered = {tag for tag in source.unsettled if acknowledged and tag <= acknowledged[-1]}
            assert covered <= set(tags), "one acknowledgement covers what is not done"
            for delivery in deliveries:
                inference_id = message_id(delivery.properties)
                assert inference_id is None or self._life.world.answer(inference_id), "settled without a result"
        super().settle(deliveries, rejected)

    def requeue_all(self) -> None:
        if not self._life.is_dead:
            super().requeue_all()

    def reconnect(self) -> None:
        """Lose all that was lent, as with a connection; the worker lives on and gets a new one."""
        super().lose_connection()

    def lose_connection(self) -> None:
        """Lose all that was lent at the end of the worker, which may count for the suspects."""
        self._life.note_death(self)
        super().lose_connection()
