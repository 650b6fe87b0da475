"""Sends jobs on a channel: pika marshals the frames once, and each job puts its own values into their places.

The frames of two jobs differ in five values. To marshal everything again for each job would take 15 µs instead of 2.
`tests/unit/bridge/test_job_sender.py` compares the bytes with pika's.
"""

import struct
from collections.abc import Iterator
from functools import cache
from typing import cast

from pika import frame, spec
from pika.spec import Basic

from inference_bridge.ids import ID_LENGTH
from inference_bridge.jobs import Job, to_properties
from inference_bridge.rabbitmq.connection import Channel
from inference_bridge.rabbitmq.corked import CorkedConnection
from inference_bridge.rabbitmq.topology import Topology
from inference_bridge.spec import ModelSpec
from inference_bridge.traceparent import normalize_traceparent

_LONG = struct.Struct(">Q")
_BODY_PREFIX = struct.Struct(">BHI")  # type, channel, length
_FRAME_END = bytes([spec.FRAME_END])
#: Values of a sample that occur nowhere else in its frames: each marks the place of a job's own value.
_BODY_BYTES, _DEADLINE_MS, _SUBMITTED_S = (int.from_bytes(bytes([mark]) * 8) for mark in (1, 2, 3))
_ID = "\4" * ID_LENGTH
_TRACEPARENT = f"00-{'5' * 32}-{'6' * 16}-77"


class JobSender:
    """Sends jobs to one queue on an open channel.

    Args:
        channel: for every job.
        spec: the model.
        topology: of the model.
    """

    def __init__(self, channel: Channel, spec: ModelSpec, topology: Topology) -> None:
        self._raw = channel.raw
        self._connection = cast("CorkedConnection", channel.raw.connection)
        self._spec = spec
        self._topology = topology
        self._template = cache(self._make_template)

    @property
    def is_open(self) -> bool:
        """Whether the channel is open."""
        return self._raw.is_open

    def send(self, job: Job) -> None:
        """Send a job to its queue; the broker returns it if there is no queue.

        Raises:
            pika.exceptions.ChannelWrongStateError: the channel is closed.
        """
        if self._is_ordinary(job) and self.is_open:
            self._connection.write([self._marshal_head(job), *self._split(job.body)])
            return
        properties = to_properties(job, self._spec)
        exchange, routing_key = self._topology.exchange, self._topology.routing_key
        self._raw.basic_publish(exchange, routing_key, job.body, properties, mandatory=True)

    def _is_ordinary(self, job: Job) -> bool:
        is_plain = not (job.params or job.has_timeline or job.webhook) and job.priority is None
        return is_plain and len(job.inference_id) == ID_LENGTH

    def _split(self, body: bytes) -> Iterator[bytes]:
        """Yield a body as frames, in pieces: none if it is empty, several if it is longer than a frame may be."""
        most = self._connection.params.frame_max - spec.FRAME_HEADER_SIZE - spec.FRAME_END_SIZE
        for start in range(0, len(body), most):
            payload = body[start : start + most]
            yield _BODY_PREFIX.pack(spec.FRAME_BODY, self._raw.channel_number, len(payload))
            yield payload
            yield _FRAME_END

    def _marshal_head(self, job: Job) -> bytes:
        """Return the frames of the method and of the properties."""
        traceparent = normalize_traceparent(job.traceparent)
        values = [_LONG.pack(len(job.body)), _LONG.pack(job.deadline_ms), job.inference_id.encode()]
        if traceparent is not None:
            values.insert(2, traceparent.encode())
        template = self._template(job.content_type, traceparent is not None)
        return template % (*values, _LONG.pack(job.submitted_s))

    def _make_template(self, content_type: str, has_traceparent: bool) -> bytes:
        traceparent = _TRACEPARENT if has_traceparent else None
        sample = Job(_ID, b"", _SUBMITTED_S, _DEADLINE_MS, content_type, traceparent=traceparent)
        method = Basic.Publish(exchange=self._topology.exchange, routing_key=self._topology.routing_key, mandatory=True)
        number = self._raw.channel_number
        header = frame.Header(number, _BODY_BYTES, to_properties(sample, self._spec))
        template = (frame.Method(number, method).marshal() + header.marshal()).replace(b"%", b"%%")
        texts = [text.encode() for text in (_ID, traceparent) if text is not None]
        for value in [*texts, *(_LONG.pack(number) for number in (_BODY_BYTES, _DEADLINE_MS, _SUBMITTED_S))]:
            template = template.replace(value, b"%b")
        return template
