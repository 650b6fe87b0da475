"""The job and its AMQP message: the prepared input as the body, everything else as properties.

Turns a job into properties and body for the broker, and back. Nothing is ever unpickled.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pika import BasicProperties

from inference_bridge.errors import InvalidMessage
from inference_bridge.hooks import is_endpoint_name
from inference_bridge.ids import is_well_formed
from inference_bridge.spec import ModelSpec
from inference_bridge.traceparent import normalize_traceparent

#: Most bytes of the header `params`.
MAX_PARAMS_BYTES = 4_096
_PERSISTENT: Literal[2] = 2


@dataclass(frozen=True, slots=True)
class Job:
    """A job: one accepted input, prepared for the model.

    Attributes:
        inference_id: 24 characters, see `inference_bridge.ids`.
        body: the prepared input, at most `takes.max_body_bytes` of the spec.
        submitted_s: when the API accepted it, seconds since 1970 (the unit of AMQP timestamps).
        deadline_ms: milliseconds since 1970; after this moment the job does not run.
        content_type: media type of the body, one of `takes.content_types`; the first one if it is empty.
        params: the parameters as a JSON object; empty for none.
        spec_digest: digest of the spec with which the input was prepared; empty if unknown.
        traceparent: the W3C Trace Context header of the HTTP request; an invalid header is not sent.
        has_timeline: whether its result says when what happened to it.
        webhook: name of the endpoint that is told the result; empty for none.
    """

    inference_id: str
    body: bytes
    submitted_s: int
    deadline_ms: int
    content_type: str = ""
    params: str = ""
    spec_digest: str = ""
    traceparent: str | None = None
    has_timeline: bool = False
    webhook: str = ""


def to_properties(job: Job, spec: ModelSpec) -> BasicProperties:
    """Return the AMQP properties of a job's message."""
    headers: dict[str, Any] = {"deadline": job.deadline_ms, "spec": spec.digest}
    if job.params:
        headers["params"] = job.params
    if job.webhook:
        headers["webhook"] = job.webhook
    traceparent = normalize_traceparent(job.traceparent)
    if traceparent is not None:
        headers["traceparent"] = traceparent
    if job.has_timeline:
        headers["timeline"] = True
    return BasicProperties(
        message_id=job.inference_id,
        type=spec.message_type,
        content_type=job.content_type or spec.takes.content_types[0],
        delivery_mode=_PERSISTENT,
        timestamp=job.submitted_s,
        headers=headers,
    )


def from_message(properties: BasicProperties, body: bytes, spec: ModelSpec) -> Job:
    """Return the job in a message.

    Raises:
        InvalidMessage: the id, type, content type, body length, parameters or deadline is missing or wrong.
    """
    headers = properties.headers or {}
    inference_id, deadline, params = message_id(properties), deadline_ms(properties), headers.get("params", "")
    if inference_id is None:
        raise _invalid(f"message_id {properties.message_id!r} is not a valid inference id")
    if properties.type != spec.message_type:
        raise _invalid(f"type is {properties.type!r}, expected {spec.message_type!r}")
    if properties.content_type not in spec.takes.content_types:
        expected = " or ".join(repr(content_type) for content_type in spec.takes.content_types)
        raise _invalid(f"content_type is {properties.content_type!r}, expected {expected}")
    most = spec.takes.max_body_bytes
    if not (most if spec.takes.has_fixed_length else 1) <= len(body) <= most:
        expected = str(most) if spec.takes.has_fixed_length else f"1 to {most}"
        raise _invalid(f"body has {len(body)} bytes, expected {expected}")
    if not isinstance(params, str) or len(params.encode()) > MAX_PARAMS_BYTES:
        raise _invalid(f"header params is {repr(params)[:64]}, expected a text of at most {MAX_PARAMS_BYTES} bytes")
    if deadline is None:
        raise _invalid(f"header deadline is {repr(headers.get('deadline'))[:64]}, expected milliseconds since 1970")
    return Job(
        inference_id=inference_id,
        body=body,
        submitted_s=int(properties.timestamp or 0),
        deadline_ms=deadline,
        content_type=properties.content_type,
        params=params,
        spec_digest=str(headers.get("spec", "")),
        traceparent=normalize_traceparent(headers.get("traceparent")),
        has_timeline=headers.get("timeline") is True,
        webhook=webhook_of(properties),
    )


def message_id(properties: BasicProperties) -> str | None:
    """Return the message's inference id, or None if it has no well-formed id."""
    value = properties.message_id
    return value if isinstance(value, str) and is_well_formed(value) else None


def webhook_of(properties: BasicProperties) -> str:
    """Return the name of the endpoint that is told the result; empty if the message has no valid name."""
    value = (properties.headers or {}).get("webhook")
    return str(value) if is_endpoint_name(value) else ""


def deadline_ms(properties: BasicProperties) -> int | None:
    """Return the message's deadline in milliseconds since 1970, or None if it has no valid deadline."""
    value = (properties.headers or {}).get("deadline")
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _invalid(problem: str) -> InvalidMessage:
    return InvalidMessage(f"{problem}; only the API of the same version may publish here")
