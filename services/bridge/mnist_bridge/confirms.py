"""Outstanding publishes by delivery tag: which of them the broker holds, refused, or never answered.

Pure bookkeeping, no I/O. The rules (RabbitMQ, "Consumer Acknowledgements and Publisher Confirms"): tags count from 1
on every channel; an ack or nack with `multiple` covers every outstanding tag up to its own; an unroutable message is
returned before it is acked; when the channel is lost, the outcome of what is outstanding is unknown.
"""

import asyncio
from dataclasses import dataclass

from mnist_bridge.errors import BrokerUnavailable, QueueFull, Unavailable
from mnist_bridge.requests import InferenceRequest


@dataclass(frozen=True, slots=True, eq=False)
class Publish:
    """A request that was sent, and the future that is resolved when the broker answered for it."""

    request: InferenceRequest
    confirmed: asyncio.Future[None]


class Confirms:
    """The publishes of one connection that the broker has not answered yet."""

    def __init__(self) -> None:
        self._outstanding: dict[int, Publish] = {}  # in order of tags
        self._returned: set[str] = set()
        self._next_tag = 1

    def __len__(self) -> int:
        """Return how many publishes are outstanding."""
        return len(self._outstanding)

    def add(self, publish: Publish) -> int:
        """Note a publish that is sent now; return its delivery tag."""
        tag = self._next_tag
        self._next_tag += 1
        self._outstanding[tag] = publish
        return tag

    def ack(self, tag: int, *, multiple: bool) -> None:
        """Resolve what the broker confirmed: held, or unroutable if it was returned before."""
        for publish in self._take(tag, multiple):
            inference_id = publish.request.inference_id
            if inference_id in self._returned:
                self._returned.discard(inference_id)
                _fail(publish, BrokerUnavailable("RabbitMQ has no queue bound for this model; check the topology"))
            elif not publish.confirmed.done():
                publish.confirmed.set_result(None)

    def nack(self, tag: int, *, multiple: bool) -> None:
        """Resolve what the broker refused to hold."""
        for publish in self._take(tag, multiple):
            _fail(publish, QueueFull("the queue holds all the jobs it may; try again later"))

    def mark_returned(self, inference_id: str) -> None:
        """Note that the message was unroutable; its ack follows."""
        self._returned.add(inference_id)

    def unanswered(self) -> list[Publish]:
        """Return, in order, the outstanding publishes that somebody still waits for."""
        return [publish for publish in self._outstanding.values() if not publish.confirmed.done()]

    def restart(self) -> list[Publish]:
        """Start over for a new channel; return what `unanswered` returned, to be sent again."""
        unanswered = self.unanswered()
        self._outstanding.clear()
        self._returned.clear()
        self._next_tag = 1
        return unanswered

    def _take(self, tag: int, multiple: bool) -> list[Publish]:
        if not multiple:
            publish = self._outstanding.pop(tag, None)
            return [] if publish is None else [publish]
        covered = []
        for outstanding in self._outstanding:
            if outstanding > tag:
                break
            covered.append(outstanding)
        return [self._outstanding.pop(outstanding) for outstanding in covered]


def _fail(publish: Publish, error: Unavailable) -> None:
    if not publish.confirmed.done():
        publish.confirmed.set_exception(error)
