"""JSON Schemas of the API's answers, for its OpenAPI description."""

from typing import Any

from inference_bridge.kinds import Bytes, Json, Probabilities
from inference_bridge.spec import ModelSpec

_ID: dict[str, Any] = {"type": "string", "minLength": 1}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_SHARE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with exactly these properties."""
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _status(name: str) -> dict[str, Any]:
    return {"type": "string", "enum": [name]}


_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 0}
_MS: dict[str, Any] = {"type": "integer", "minimum": 0, "description": "milliseconds since 1970"}
_BATCH_SIZE: dict[str, Any] = {"type": "integer", "minimum": 1}
_TIMELINE = {
    **object_of(accepted_ms=_MS, received_ms=_MS, started_ms=_MS, finished_ms=_MS, batch_size=_BATCH_SIZE),
    # A job that never ran has no other times.
    "required": ["accepted_ms", "received_ms"],
}


def _timed(result: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a result with the timeline that a submission may ask for."""
    return {**result, "properties": {**result["properties"], "timeline": _TIMELINE}}


_URLS: dict[str, Any] = {"type": "object", "additionalProperties": _TEXT}
_MODEL = object_of(
    name=_TEXT,
    version={"type": "integer", "minimum": 1},
    takes={"type": "string", "enum": ["picture", "tensor", "text", "json", "file"]},
    answers={"type": "string", "enum": ["probabilities", "json", "bytes"]},
    waiting={"anyOf": [_NUMBER, {"type": "null"}]},
    workers={"anyOf": [_NUMBER, {"type": "null"}]},
    urls=_URLS,
)
_PENDING = object_of(inference_id=_ID, status=_status("pending"))
_QUEUE: dict[str, Any] = {
    "description": "of the calls for a model by its name; each part is absent where it is unknown",
    "type": "object",
    "properties": {
        "position": {**_NUMBER, "description": "jobs before it that no worker has yet"},
        "eta_s": {"type": "number", "minimum": 0, "description": "seconds until those are done, as fast as just now"},
        "workers": {**_NUMBER, "description": "0: it waits for a worker"},
    },
    "additionalProperties": False,
}

#: By their names in the description.
SCHEMAS: dict[str, dict[str, Any]] = {
    "Pending": {**_PENDING, "properties": {**_PENDING["properties"], "queue": _QUEUE}},
    "Succeeded": _timed(
        object_of(
            inference_id=_ID,
            status=_status("succeeded"),
            predicted_class={"type": "integer", "minimum": 0},
            probabilities={"type": "array", "items": _SHARE, "minItems": 1},
            model=_TEXT,
        )
    ),
    "Failed": _timed(object_of(inference_id=_ID, status=_status("failed"), error=object_of(code=_TEXT, message=_TEXT))),
    "Canceled": object_of(inference_id=_ID, status=_status("canceled")),
    "Expired": object_of(inference_id=_ID, status=_status("expired")),
    "Unknown": object_of(inference_id=_ID, status=_status("unknown")),
    "Problem": object_of(
        type={"type": "string", "pattern": "^urn:problem:[a-z0-9-]+$"},
        title=_TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        code={"type": "string", "pattern": "^[a-z0-9_]+$"},
        detail=_TEXT,
    ),
    "Models": object_of(models={"type": "array", "items": _MODEL}),
    "Spec": {
        "type": "object",
        "required": ["name", "version", "takes", "answers", "params", "digest", "urls"],
        "properties": {"name": _TEXT, "version": {"type": "integer", "minimum": 1}, "digest": _TEXT, "urls": _URLS},
    },
    "Webhook": object_of(
        inference_id=_ID,
        webhook=_TEXT,
        status={"type": "string", "enum": ["waiting", "delivered", "dead"]},
        attempts=_NUMBER,
        last_status={"anyOf": [_NUMBER, {"type": "null"}]},
        last_error={"anyOf": [_TEXT, {"type": "null"}]},
        next_try={"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    ),
    "Readiness": object_of(
        broker={"type": "string", "enum": ["ready", "unavailable"]},
        store={"type": "string", "enum": ["ready", "unavailable"]},
    ),
}


def one_of(*names: str) -> dict[str, Any]:
    """Return a schema that matches exactly one of these `SCHEMAS`; several are states, which `status` tells apart."""
    refs = {name: f"#/components/schemas/{name}" for name in names}
    if len(refs) == 1:
        return {"$ref": refs[names[0]]}
    mapping = {name.partition("_")[0].lower(): ref for name, ref in refs.items()}
    return {
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "status", "mapping": mapping},
    }


def succeeded(spec: ModelSpec) -> dict[str, Any]:
    """Return the schema of a result of a model; the schema of a JSON answer is the component `NAME_output`."""
    answers = spec.answers
    model = {"type": "string", "enum": [spec.message_type]}
    match answers:
        case Probabilities():
            fields = {
                "predicted_class": {"type": "integer", "minimum": 0, "maximum": answers.count - 1},
                "probabilities": {
                    "type": "array",
                    "items": _SHARE,
                    "minItems": answers.count,
                    "maxItems": answers.count,
                },
            }
        case Json():
            fields = {"output": one_of(f"{spec.name}_output")}
        case Bytes():
            media_type = {"type": "string", "enum": [answers.content_type]}
            fields = {"output": object_of(href=_TEXT, bytes=_NUMBER, content_type=media_type)}
    return _timed(object_of(inference_id=_ID, status=_status("succeeded"), **fields, model=model))
