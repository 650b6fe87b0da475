"""The job and its AMQP message: tensor bytes as the body, everything else as properties.

Turns a job into properties and body for the broker, and back. Nothing is ever unpickled.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pika import BasicProperties

from inference_bridge.errors import InvalidMessage
from inference_bridge.ids import is_well_formed
from inference_bridge.spec import ModelSpec
from inference_bridge.traceparent import normalize_traceparent

CONTENT_TYPE = "application/octet-stream"
_PERSISTENT: Literal[2] = 2


@dataclass(frozen=True, slots=True)
class Job:
    """A job: one accepted input, prepared for the model.

    Attributes:
        inference_id: 24 characters, see `inference_bridge.ids`.
        body: the prepared tensor, row-major uint8, `ModelSpec.body_bytes` long.
        submitted_s: when the API accepted it, seconds since 1970 (the unit of AMQP timestamps).
        deadline_ms: milliseconds since 1970; after this moment the job does not run.
        traceparent: the W3C Trace Context header of the HTTP request; an invalid header is not sent.
    """

    inference_id: str
    body: bytes
    submitted_s: int
    deadline_ms: int
    traceparent: str | None = None


def to_properties(job: Job, spec: ModelSpec) -> BasicProperties:
    """Return the AMQP properties of a job's message."""
    headers: dict[str, Any] = {"deadline": job.deadline_ms}
    traceparent = normalize_traceparent(job.traceparent)
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return BasicProperties(
        message_id=job.inference_id,
        type=spec.message_type,
        content_type=CONTENT_TYPE,
        delivery_mode=_PERSISTENT,
        timestamp=job.submitted_s,
        headers=headers,
    )


def from_message(properties: BasicProperties, body: bytes, spec: ModelSpec) -> Job:
    """Return the job in a message.

    Raises:
        InvalidMessage: the id, type, content type, body length or deadline is missing or wrong.
    """
    headers = properties.headers or {}
    inference_id, deadline = message_id(properties), deadline_ms(properties)
    if inference_id is None:
        raise _invalid(f"message_id {properties.message_id!r} is not a valid inference id")
    if properties.type != spec.message_type:
        raise _invalid(f"type is {properties.type!r}, expected {spec.message_type!r}")
    if properties.content_type != CONTENT_TYPE:
        raise _invalid(f"content_type is {properties.content_type!r}, expected {CONTENT_TYPE!r}")
    if len(body) != spec.body_bytes:
        raise _invalid(f"body has {len(body)} bytes, expected {spec.body_bytes}")
    if deadline is None:
        raise _invalid(f"header deadline is {repr(headers.get('deadline'))[:64]}, expected milliseconds since 1970")
    return Job(
        inference_id=inference_id,
        body=body,
        submitted_s=int(properties.timestamp or 0),
        deadline_ms=deadline,
        traceparent=normalize_traceparent(headers.get("traceparent")),
    )


def message_id(properties: BasicProperties) -> str | None:
    """Return the message's inference id, or None if it has no well-formed id."""
    value = properties.message_id
    return value if isinstance(value, str) and is_well_formed(value) else None


def deadline_ms(properties: BasicProperties) -> int | None:
    """Return the message's deadline in milliseconds since 1970, or None if it has no valid deadline."""
    value = (properties.headers or {}).get("deadline")
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _invalid(problem: str) -> InvalidMessage:
    return InvalidMessage(f"{problem}; only the API of the same version may publish here")
