"""Outstanding publishes by delivery tag: confirmed, refused, returned or unanswered.

No I/O happens here. The rules (RabbitMQ, "Consumer Acknowledgements and Publisher Confirms"): tags count from 1
on every channel; an ack or nack with `multiple` covers every outstanding tag up to its own; an unroutable message is
returned before it is acked; when the channel is lost, the outcome of every outstanding publish is unknown.
"""

import asyncio
from dataclasses import dataclass
from itertools import takewhile

from pika.spec import Basic

from inference_bridge.errors import BrokerUnavailable, QueueFull, Unavailable
from inference_bridge.jobs import Job


@dataclass(slots=True, eq=False)
class Publish:
    """A job that was sent, and the future that the broker's answer resolves.

    Attributes:
        job: the job.
        confirmed: resolved by the broker's answer.
        sent_s: when it was sent on the current channel, in monotonic seconds.
    """

    job: Job
    confirmed: asyncio.Future[None]
    sent_s: float = 0.0

    def succeed(self) -> None:
        """Resolve the future: the broker holds the job."""
        if not self.confirmed.done():
            self.confirmed.set_result(None)

    def fail(self, error: Unavailable) -> None:
        """Resolve the future with an error, unless it is resolved already."""
        if not self.confirmed.done():
            self.confirmed.set_exception(error)


class Confirms:
    """The unanswered publishes of one connection."""

    def __init__(self) -> None:
        self._outstanding: dict[int, Publish] = {}  # in order of tags
        self._returned: set[int] = set()
        self._next_tag = 1
        #: Bytes of the bodies of all outstanding publishes.
        self.body_bytes = 0

    def __len__(self) -> int:
        """Return how many publishes are outstanding."""
        return len(self._outstanding)

    def oldest_age_s(self, now_s: float) -> float:
        """Return the seconds since the oldest outstanding publish was sent; 0 if there is none."""
        oldest = next(iter(self._outstanding.values()), None)
        return 0.0 if oldest is None else now_s - oldest.sent_s

    def add(self, publish: Publish, now_s: float) -> int:
        """Add a publish that is sent now; return its delivery tag."""
        tag = self._next_tag
        self._next_tag += 1
        publish.sent_s = now_s
        self._outstanding[tag] = publish
        self.body_bytes += len(publish.job.body)
        return tag

    def settle(self, answer: Basic.Ack | Basic.Nack) -> None:
        """Resolve the publishes that a confirm covers."""
        settle = self.ack if isinstance(answer, Basic.Ack) else self.nack
        settle(answer.delivery_tag, multiple=answer.multiple)

    def ack(self, tag: int, *, multiple: bool) -> None:
        """Resolve publishes that the broker acked; a publish that was returned before is unroutable."""
        for acked in self._find_covered(tag, multiple):
            is_returned = acked in self._returned
            publish = self._take(acked)
            if is_returned:
                publish.fail(BrokerUnavailable("RabbitMQ has no queue bound for this model; check the topology"))
            else:
                publish.succeed()

    def nack(self, tag: int, *, multiple: bool) -> None:
        """Resolve publishes that the queue refused."""
        for nacked in self._find_covered(tag, multiple):
            self._take(nacked).fail(QueueFull("the queue is full; try again later"))

    def note_return(self, inference_id: str) -> None:
        """Note that a message was unroutable; its ack follows.

        A return names no tag: it belongs to the oldest outstanding publish of that id that was not returned yet.
        """
        for tag, publish in self._outstanding.items():
            if publish.job.inference_id == inference_id and tag not in self._returned:
                self._returned.add(tag)
                return

    def list_unanswered(self) -> list[Publish]:
        """Return, in order, the outstanding publishes whose callers still wait."""
        return [publish for publish in self._outstanding.values() if not publish.confirmed.done()]

    def restart(self, now_s: float) -> list[Publish]:
        """Start over for a new channel: give each unanswered publish a new tag, in the same order.

        Return these publishes, to be sent again.
        """
        unanswered = self.list_unanswered()
        self._outstanding.clear()
        self._returned.clear()
        self._next_tag = 1
        self.body_bytes = 0
        for publish in unanswered:
            self.add(publish, now_s)
        return unanswered

    def _find_covered(self, tag: int, multiple: bool) -> list[int]:
        if not multiple:
            return [tag] if tag in self._outstanding else []
        return list(takewhile(lambda outstanding: outstanding <= tag, self._outstanding))

    def _take(self, tag: int) -> Publish:
        self._returned.discard(tag)
        publish = self._outstanding.pop(tag)
        self.body_bytes -= len(publish.job.body)
        return publish
