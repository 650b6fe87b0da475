"""Replays jobs: publishes them again, one at a time, with the same id and a new deadline."""

import asyncio
import time
from dataclasses import replace
from typing import Any, Self

from pika import BasicProperties

from inference_bridge.jobs import Job
from inference_bridge.rabbitmq.confirms import Confirms, Publish
from inference_bridge.rabbitmq.connection import Channel, first_of
from inference_bridge.rabbitmq.job_sender import JobSender
from inference_bridge.rabbitmq.parameters import CONNECT_TIMEOUT_S
from inference_bridge.rabbitmq.topology import Topology
from inference_bridge.spec import ModelSpec


class Replayer:
    """Publishes jobs on its own channel, one at a time, and waits for each confirm."""

    def __init__(self, channel: Channel, spec: ModelSpec, topology: Topology) -> None:
        self._channel = channel
        self._sender = JobSender(channel, spec, topology)
        self._confirms = Confirms()

    async def start(self) -> Self:
        """Ask the broker for confirms."""
        self._channel.raw.add_on_return_callback(self._on_return)
        await self._channel.call(self._channel.raw.confirm_delivery, lambda frame: self._confirms.settle(frame.method))
        return self

    async def publish(self, job: Job) -> None:
        """Return once the broker has confirmed the job.

        Raises:
            Unavailable: the broker refused the job, or has no queue for it.
            TimeoutError: no confirm within `CONNECT_TIMEOUT_S`.
            pika.exceptions.AMQPError: the connection was lost.
        """
        loop = asyncio.get_running_loop()
        publish = Publish(job, loop.create_future())
        self._confirms.add(publish, loop.time())
        self._sender.send(job)
        await first_of(publish.confirmed, self._channel.lost, timeout_s=CONNECT_TIMEOUT_S)

    def _on_return(self, _channel: Any, _method: Any, properties: BasicProperties, _body: bytes) -> None:
        self._confirms.note_return(str(properties.message_id))


def renew_deadline(job: Job, *, job_ttl_s: int) -> Job:
    """Return the job with the same id and a new deadline."""
    now_ms = time.time_ns() // 1_000_000
    return replace(job, deadline_ms=now_ms + job_ttl_s * 1000)
