"""The OpenAPI description of the parameters of calls."""

from functools import partial
from typing import Any

from inference_api.openapi.lift import lift
from inference_bridge.spec import ModelSpec


def parameter(place: str, name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Return the description of a parameter in the `query`, in a `header` or in the `path`."""
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, **required, "schema": schema, "description": description}


_query, _header = partial(parameter, "query"), partial(parameter, "header")

PREFER = {
    **_header(
        "Prefer", "`wait=5`: hold the answer until the result is there, 5 seconds at most (RFC 7240)", type="string"
    ),
    "example": "wait=5",
}
WAIT = _query("wait", "seconds to wait for the result, instead of the `Prefer` header", type="number", minimum=0)
WEBHOOK = _query(
    "webhook", "name of an endpoint of the operator, which is told the result (Standard Webhooks)", type="string"
)
TTL = _query(
    "ttl",
    "seconds after which the job no longer runs, at most `INFERENCE_JOB_TTL_S`; the default is that",
    type="number",
    minimum=1,
)
PRIORITY = _query(
    "priority",
    "before or after ordinary jobs, from RabbitMQ 4.0 on; `high` needs the right in the key file",
    type="string",
    enum=["low", "high"],
)
TIMELINE = _query(
    "timeline", "`true`: the result says when the job was accepted, received, started and finished", type="boolean"
)
TRACEPARENT = _header(
    "traceparent",
    "W3C Trace Context; a valid header is sent with the job to the worker, any other is ignored",
    type="string",
)


def idempotency_key(noun: str) -> dict[str, Any]:
    """Return the description of the header; `noun` names the model's input."""
    description = f"the same key, {noun} and parameters are one job; otherwise the key is a 422"
    return _header("Idempotency-Key", description, type="string", minLength=1, maxLength=255)


def issued_id(name: str, path: str) -> dict[str, Any]:
    """Return the description of an id that a `POST` to the path has issued."""
    return parameter("path", name, f"from the answer of `POST {path}`", type="string")


def parameters_of(spec: ModelSpec) -> list[dict[str, Any]]:
    """Return a query parameter for each property of the model's parameters."""
    name = f"{spec.name}_params"
    schema = lift(spec.params_schema, name)[name]
    return [
        {"name": key, "in": "query", "required": key in schema.get("required", ()), "schema": one}
        for key, one in schema.get("properties", {}).items()
    ]
