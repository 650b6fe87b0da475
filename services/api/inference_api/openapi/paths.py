"""The OpenAPI description of `/classify` and `/result` for a model that classifies pictures."""

from typing import Any

from inference_api.openapi.schemas import one_of

ID = "AZq3m1xkJ2f0Qm9VQk3c8n1d"
_SUCCEEDED = {
    "inference_id": ID,
    "status": "succeeded",
    "predicted_class": 3,
    "probabilities": [0.000001, 0.000012, 0.00021, 0.998, 0.0, 0.0017, 0.0, 0.000003, 0.00007, 0.000004],
    "model": "name.v1",
}
PENDING = {"inference_id": ID, "status": "pending"}
FAILED = {
    "inference_id": ID,
    "status": "failed",
    "error": {"code": "worker_crashed", "message": "a worker died each of the 3 times it ran this input alone"},
}
CANCELED = {"inference_id": ID, "status": "canceled"}


def problem(status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    """Return the description of an answer that is a problem, with an example."""
    example = {"type": f"urn:problem:{code.replace('_', '-')}", "title": title, "status": status, "code": code}
    return {
        "description": title,
        "content": {
            "application/problem+json": {"schema": one_of("Problem"), "example": {**example, "detail": detail}}
        },
    }


def states(description: str, **examples: dict[str, Any]) -> dict[str, Any]:
    """Return the description of an answer with the state of a job, with an example of each state."""
    named = {name: {"value": value} for name, value in examples.items()}
    schema = one_of(*(name.title() for name in examples))
    return {"description": description, "content": {"application/json": {"schema": schema, "examples": named}}}


UNAVAILABLE = problem(
    503, "broker_unavailable", "Service Unavailable", "RabbitMQ is away or takes no jobs at the moment; try again later"
)
_EXPIRED = problem(410, "expired_id", "Gone", f"the result of {ID} no longer exists; submit the picture again")
UNAUTHORIZED = problem(
    401, "unauthorized", "Unauthorized", "the call has an unknown key; send 'Authorization: Bearer KEY'"
)
NOT_ALLOWED = problem(
    403, "not_allowed", "Forbidden", "only clients with high_priority = true may use priority=high; leave it out"
)
OVER_ALLOWANCE = problem(
    429, "rate_limited", "Too Many Requests", "client alice submits more than 50 times per second, its limit; slow down"
)
PREFER = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "example": "wait=5",
    "description": "`wait=5`: hold the answer until the result is there, 5 seconds at most (RFC 7240)",
}


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


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
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "the same key and picture are one job with one id; the key with another picture is a 422",
}
TRACEPARENT = {
    "name": "traceparent",
    "in": "header",
    "schema": {"type": "string"},
    "description": "W3C Trace Context; a valid header is sent with the job to the worker, any other is ignored",
}
_INFERENCE_ID = {
    "name": "inference_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "from the answer of `POST /classify`",
}
BINARY = {"type": "string", "format": "binary"}

_CLASSIFY: dict[str, Any] = {
    "summary": "Submit a picture",
    "description": (
        "Takes one picture (PNG, JPEG, WebP, GIF, BMP, TIFF, PGM), as the form field `file` "
        "or as the raw body. Answers an id as soon as RabbitMQ has confirmed the job.\n\n"
        "```\ncurl --form file=@three.jpeg http://127.0.0.1:8000/classify\n"
        "curl --data-binary @three.jpeg --header 'Prefer: wait=5' http://127.0.0.1:8000/classify\n```"
    ),
    "operationId": "classify",
    "tags": ["inference"],
    "parameters": [PREFER, WAIT, TTL, PRIORITY, WEBHOOK, _IDEMPOTENCY_KEY, TRACEPARENT],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {"file": BINARY}}},
            "image/*": {"schema": BINARY},
            "application/octet-stream": {"schema": BINARY},
        },
    },
    "responses": {
        "200": states(
            "The result arrived within the preferred wait", succeeded=_SUCCEEDED, failed=FAILED, canceled=CANCELED
        ),
        "202": states("Accepted; fetch the result at `Location`", pending=PENDING),
        "400": problem(400, "invalid_request", "Bad Request", "the form has 0 fields named 'file', expected 1"),
        "401": UNAUTHORIZED,
        "403": NOT_ALLOWED,
        "408": problem(
            408, "request_timeout", "Request Timeout", "the body did not arrive within 30 s; send it faster"
        ),
        "410": _EXPIRED,
        "413": problem(
            413, "image_too_large", "Request Entity Too Large", "the picture has more than 16777216 bytes, the limit"
        ),
        "415": problem(
            415, "unsupported_image", "Unsupported Media Type", "the bytes are in no picture format we take"
        ),
        "422": problem(
            422, "unreadable_image", "Unprocessable Entity", "the picture is truncated; send it again whole"
        ),
        "429": OVER_ALLOWANCE,
        "503": UNAVAILABLE,
    },
}

_RESULT: dict[str, Any] = {
    "summary": "Fetch a result",
    "description": (
        "Answers the result, or `pending`. With `?wait=5` the answer is held until the result is there, 5 seconds at "
        "most.\n\n```\ncurl http://127.0.0.1:8000/result/INFERENCE_ID?wait=5\n```"
    ),
    "operationId": "result",
    "tags": ["inference"],
    "parameters": [_INFERENCE_ID, PREFER, WAIT],
    "responses": {
        "200": states("The state of the job", pending=PENDING, succeeded=_SUCCEEDED, failed=FAILED, canceled=CANCELED),
        "400": problem(400, "invalid_request", "Bad Request", "wait is 'soon', expected seconds, 0 or more"),
        "401": UNAUTHORIZED,
        "404": problem(404, "unknown_id", "Not Found", "inference_id 'x' was not issued by this service"),
        "410": _EXPIRED,
        "503": problem(503, "store_unavailable", "Service Unavailable", "Redis did not answer; try again later"),
    },
}

#: OpenAPI path items of the calls outside FastAPI.
PATHS = {"/classify": {"post": _CLASSIFY}, "/result/{inference_id}": {"get": _RESULT}}
