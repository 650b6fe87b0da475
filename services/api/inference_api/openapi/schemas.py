"""JSON Schemas of the API's answers, for its OpenAPI description."""

from typing import Any

from inference_bridge.kinds import Bytes, Json, Probabilities
from inference_bridge.spec import ModelSpec

BINARY = {"type": "string", "format": "binary"}
TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_SHARE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 0}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 1}
_MS: dict[str, Any] = {**_NUMBER, "description": "milliseconds since 1970"}
_URLS: dict[str, Any] = {"type": "object", "additionalProperties": TEXT}


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with exactly these properties."""
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def form_of(file: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a form whose field `file` has this schema."""
    return {"schema": {"type": "object", "required": ["file"], "properties": {"file": file}}}


def _with(schema: dict[str, Any], **properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that may have these properties too."""
    return {**schema, "properties": {**schema["properties"], **properties}}


def _one_word(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _state(status: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return object_of(inference_id=TEXT, status=_one_word(status), **properties)


# A job that never ran has no other times.
_TIMELINE = _with(object_of(accepted_ms=_MS, received_ms=_MS), started_ms=_MS, finished_ms=_MS, batch_size=COUNT)
_QUEUE = _with(
    {**object_of(), "description": "of the calls for a model by its name; each part is absent where it is unknown"},
    position={**_NUMBER, "description": "jobs before it that no worker has yet"},
    eta_s={"type": "number", "minimum": 0, "description": "seconds until those are done, as fast as just now"},
    workers={**_NUMBER, "description": "0: it waits for a worker"},
)
_MODEL = object_of(
    name=TEXT,
    version=COUNT,
    takes=_one_word("picture", "tensor", "text", "json", "file"),
    answers=_one_word("probabilities", "json", "bytes"),
    waiting=_or_null(_NUMBER),
    workers=_or_null(_NUMBER),
    urls=_URLS,
)

#: By their names in the description.
SCHEMAS: dict[str, dict[str, Any]] = {
    "Pending": _with(_state("pending"), queue=_QUEUE),
    "Failed": _with(_state("failed", error=object_of(code=TEXT, message=TEXT)), timeline=_TIMELINE),
    "Canceled": _state("canceled"),
    "Expired": _state("expired"),
    "Unknown": _state("unknown"),
    "Problem": object_of(
        type={"type": "string", "pattern": "^urn:problem:[a-z0-9-]+$"},
        title=TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        code={"type": "string", "pattern": "^[a-z0-9_]+$"},
        detail=TEXT,
    ),
    "Models": object_of(models={"type": "array", "items": _MODEL}),
    "Spec": {
        "type": "object",
        "required": ["name", "version", "takes", "answers", "params", "digest", "urls"],
        "properties": {"name": TEXT, "version": COUNT, "digest": TEXT, "urls": _URLS},
    },
    "Webhook": object_of(
        inference_id=TEXT,
        webhook=TEXT,
        status=_one_word("waiting", "delivered", "dead"),
        attempts=_NUMBER,
        last_status=_or_null(_NUMBER),
        last_error=_or_null(TEXT),
        next_try=_or_null({"type": "string", "format": "date-time"}),
    ),
    "Readiness": object_of(broker=_one_word("ready", "unavailable"), store=_one_word("ready", "unavailable")),
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
    match answers:
        case Probabilities():
            shares = {"type": "array", "items": _SHARE, "minItems": answers.count, "maxItems": answers.count}
            fields = {"predicted_class": {**_NUMBER, "maximum": answers.count - 1}, "probabilities": shares}
        case Json():
            fields = {"output": one_of(f"{spec.name}_output")}
        case Bytes():
            media_type = _one_word(answers.content_type)
            fields = {"output": object_of(href=TEXT, bytes=_NUMBER, content_type=media_type)}
    return _with(_state("succeeded", **fields, model=_one_word(spec.message_type)), timeline=_TIMELINE)
