"""A worker with stand-ins for both servers, and a store that fails when a test says so."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from inference_bridge.errors import StoreUnavailable
from inference_bridge.inbox import Inbox
from inference_bridge.jobs import Job, to_properties
from inference_bridge.memory.broker import MemoryBroker, MemoryConsumer, Message
from inference_bridge.memory.store import MemoryStore
from inference_bridge.reports import WorkerReport
from inference_bridge.results import Result
from inference_worker.worker import Worker
from mnist_model.spec import SPEC
from tests.support.jobs import a_request, marked
from tests.support.models import EchoModel
from tests.support.results import results_of

TIMEOUT_S = 10.0


class FaultyStore(MemoryStore):
    """A store that takes no results while `is_away`, and that loses the next `lost_answers` of its answers."""

    is_away = False
    takes_no_reports = False
    refused_reports = 0
    lost_answers = 0

    async def put(self, results: Sequence[Result]) -> int:
        if self.is_away:
            raise StoreUnavailable("away")
        return self._answered(await super().put(results))

    async def report(self, worker_id: str, report: WorkerReport) -> None:
        if self.takes_no_reports:
            self.refused_reports += 1
            raise StoreUnavailable("away")
        await super().report(worker_id, report)

    async def count_attempt(self, inference_id: str, token: str) -> int:
        return self._answered(await super().count_attempt(inference_id, token))

    def _answered(self, answer: int) -> int:
        if self.lost_answers:
            self.lost_answers -= 1
            raise StoreUnavailable("the answer is lost")
        return answer


class OpenConsumer(MemoryConsumer):
    """A consumer that shows the inbox that it fills.

    Attributes:
        inbox: the worker's.
    """

    inbox: Inbox

    async def run(self, inbox: Inbox) -> None:
        self.inbox = inbox
        await super().run(inbox)


@dataclass
class Bench:
    """A worker with all its parts."""

    broker: MemoryBroker
    consumer: OpenConsumer
    store: FaultyStore
    model: EchoModel
    registry: CollectorRegistry
    worker: Worker
    stop: asyncio.Event
    working: asyncio.Task[None]

    async def publish(self, *marks: int) -> list[str]:
        return [await self.publish_one(number, mark) for number, mark in enumerate(marks)]

    async def publish_one(self, number: int, mark: int) -> str:
        job = a_request(number, marked(mark))
        await self.broker.publisher().publish(job)
        return job.inference_id

    async def results(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        return await results_of(self.store, ids)

    def count(self, name: str) -> float:
        return self.registry.get_sample_value(name, {"model": self.model.spec.name}) or 0.0

    async def until_empty(self) -> None:
        """Return when no queue but `dead` holds anything and nothing is unsettled."""
        self.stop.set()
        await asyncio.wait_for(self.working, TIMEOUT_S)
        assert (len(self.broker.jobs), len(self.broker.retry)) == (0, 0)


def suspect(job: Job) -> Message:
    """Return the job's message as it is after a worker died with it."""
    return Message(to_properties(job, SPEC), job.body, delivery_count=1, is_redelivered=True)
