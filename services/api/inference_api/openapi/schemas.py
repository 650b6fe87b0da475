"""JSON Schemas of the API's answers, for its OpenAPI description."""

from typing import Any

_ID: dict[str, Any] = {"type": "string", "minLength": 1}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_SHARE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _status(name: str) -> dict[str, Any]:
    return {"type": "string", "enum": [name]}


#: By their names in the description.
SCHEMAS: dict[str, dict[str, Any]] = {
    "Pending": _object(inference_id=_ID, status=_status("pending")),
    "Succeeded": _object(
        inference_id=_ID,
        status=_status("succeeded"),
        predicted_class={"type": "integer", "minimum": 0},
        probabilities={"type": "array", "items": _SHARE, "minItems": 1},
        model=_TEXT,
    ),
    "Failed": _object(inference_id=_ID, status=_status("failed"), error=_object(code=_TEXT, message=_TEXT)),
    "Problem": _object(
        type={"type": "string", "pattern": "^urn:problem:[a-z0-9-]+$"},
        title=_TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        code={"type": "string", "pattern": "^[a-z0-9_]+$"},
        detail=_TEXT,
    ),
    "Readiness": _object(
        broker={"type": "string", "enum": ["ready", "unavailable"]},
        store={"type": "string", "enum": ["ready", "unavailable"]},
    ),
}


def one_of(*names: str) -> dict[str, Any]:
    """Return a schema that matches exactly one of these `SCHEMAS`."""
    refs = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return refs[0] if len(refs) == 1 else {"oneOf": refs}
