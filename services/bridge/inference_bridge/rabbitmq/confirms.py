"""Outstanding publishes by delivery tag: which of them the broker holds, refused, or never answered.

Pure bookkeeping, no I/O. The rules (RabbitMQ, "Consumer Acknowledgements and Publisher Confirms"): tags count from 1
on every channel; an ack or nack with `multiple` covers every outstanding tag up to its own; an unroutable message is
returned before it is acked; when the channel is lost, the outcome of what is outstanding is unknown.
"""

import asyncio
from dataclasses import dataclass
from itertools import takewhile

from pika.spec import Basic

from inference_bridge.errors import BrokerUnavailable, QueueFull, Unavailable
from inference_bridge.requests import InferenceRequest


@dataclass(slots=True, eq=False)
class Publish:
    """A request that was sent, and the future that is resolved when the broker answered for it.

    Attributes:
        request: what was sent.
        confirmed: resolved by the broker's answer.
        sent_s: when it was sent on the channel that is in use, monotonic seconds.
    """

    request: InferenceRequest
    confirmed: asyncio.Future[None]
    sent_s: float = 0.0

    def succeed(self) -> None:
        """Note that the broker holds it, unless nobody waits any more."""
        if not self.confirmed.done():
            self.confirmed.set_result(None)

    def fail(self, error: Unavailable) -> None:
        """Note why the broker does not hold it for sure, unless that is decided already."""
        if not self.confirmed.done():
            self.confirmed.set_exception(error)


class Confirms:
    """The publishes of one connection that the broker has not answered yet."""

    def __init__(self) -> None:
        self._outstanding: dict[int, Publish] = {}  # in order of tags
        self._returned: set[int] = set()
        self._next_tag = 1

    def __len__(self) -> int:
        """Return how many publishes are outstanding."""
        return len(self._outstanding)

    def oldest_age_s(self, now_s: float) -> float:
        """Return for how long the broker has owed an answer to the oldest outstanding publish; 0 if there is none."""
        oldest = next(iter(self._outstanding.values()), None)
        return 0.0 if oldest is None else now_s - oldest.sent_s

    def add(self, publish: Publish, now_s: float) -> int:
        """Note a publish that is sent now; return its delivery tag."""
        tag = self._next_tag
        self._next_tag += 1
        publish.sent_s = now_s
        self._outstanding[tag] = publish
        return tag

    def settle(self, answer: Basic.Ack | Basic.Nack) -> None:
        """Resolve what the broker answered for."""
        settle = self.ack if isinstance(answer, Basic.Ack) else self.nack
        settle(answer.delivery_tag, multiple=answer.multiple)

    def ack(self, tag: int, *, multiple: bool) -> None:
        """Resolve what the broker confirmed: held, or unroutable if it was returned before."""
        for acked in self._find_covered(tag, multiple):
            is_returned = acked in self._returned
            publish = self._take(acked)
            if is_returned:
                publish.fail(BrokerUnavailable("RabbitMQ has no queue bound for this model; check the topology"))
            else:
                publish.succeed()

    def nack(self, tag: int, *, multiple: bool) -> None:
        """Resolve what the broker refused to hold."""
        for nacked in self._find_covered(tag, multiple):
            self._take(nacked).fail(QueueFull("the queue holds all the jobs it may; try again later"))

    def note_return(self, inference_id: str) -> None:
        """Note that a message was unroutable; its ack follows.

        A return names no tag: it means the oldest outstanding publish of that id that was not returned before.
        """
        for tag, publish in self._outstanding.items():
            if publish.request.inference_id == inference_id and tag not in self._returned:
                self._returned.add(tag)
                return

    def list_unanswered(self) -> list[Publish]:
        """Return, in order, the outstanding publishes that somebody still waits for."""
        return [publish for publish in self._outstanding.values() if not publish.confirmed.done()]

    def restart(self, now_s: float) -> list[Publish]:
        """Start over for a new channel: give each unanswered publish a new tag, in the same order.

        Return these publishes, to be sent again.
        """
        unanswered = self.list_unanswered()
        self._outstanding.clear()
        self._returned.clear()
        self._next_tag = 1
        for publish in unanswered:
            self.add(publish, now_s)
        return unanswered

    def _find_covered(self, tag: int, multiple: bool) -> list[int]:
        if not multiple:
            return [tag] if tag in self._outstanding else []
        return list(takewhile(lambda outstanding: outstanding <= tag, self._outstanding))

    def _take(self, tag: int) -> Publish:
        self._returned.discard(tag)
        return self._outstanding.pop(tag)
