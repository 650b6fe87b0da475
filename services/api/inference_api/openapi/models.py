"""The OpenAPI description of the calls for each served model, built from its spec."""

from typing import Any

from pydantic_core import from_json

from inference_api.openapi.lift import lift
from inference_api.openapi.paths import (
    BINARY,
    FAILED,
    ID,
    OVER_ALLOWANCE,
    PENDING,
    PREFER,
    TRACEPARENT,
    UNAUTHORIZED,
    UNAVAILABLE,
    WAIT,
    problem,
)
from inference_api.openapi.schemas import one_of, succeeded
from inference_api.served_model import ServedModel
from inference_bridge.kinds import Bytes, File, Json, Picture, Text

_SERVER = "http://127.0.0.1:8000"
_INVALID = problem(400, "invalid_request", "Bad Request", "wait is 'soon', expected seconds, 0 or more")
_UNKNOWN_ID = problem(404, "unknown_id", "Not Found", "inference_id 'x' was not issued by this service")
_STORE = problem(503, "store_unavailable", "Service Unavailable", "Redis did not answer; try again later")

#: The call that lists the models.
LIST: dict[str, Any] = {
    "summary": "List the models",
    "operationId": "list_models",
    "tags": ["models"],
    "responses": {
        "200": {"description": "The models", "content": {"application/json": {"schema": one_of("Models")}}},
        "401": UNAUTHORIZED,
    },
}


def paths_of(model: ServedModel) -> dict[str, Any]:
    """Return the path items of a model's calls."""
    result = f"{model.url}/result/{{inference_id}}"
    output = {f"{result}/output": {"get": _output(model)}} if isinstance(model.spec.answers, Bytes) else {}
    return {
        model.url: {"post": _submit(model), "get": _describe(model)},
        f"{model.url}/example": {"get": _example(model)},
        result: {"get": _result(model)},
        **output,
    }


def components_of(model: ServedModel) -> dict[str, Any]:
    """Return the schemas of a model's input, parameters and answer, by their names in the description."""
    spec = model.spec
    name = spec.name
    return {
        f"Succeeded_{name}": succeeded(spec),
        **(lift(spec.takes.schema, f"{name}_input") if isinstance(spec.takes, Json) else {}),
        **(lift(spec.answers.schema, f"{name}_output") if isinstance(spec.answers, Json) else {}),
        **(lift(spec.params_schema, f"{name}_params") if spec.params is not None else {}),
    }


def _submit(model: ServedModel) -> dict[str, Any]:
    given = model.input
    idempotency = {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": f"the same key, {given.noun} and parameters are one job; otherwise the key is a 422",
    }
    too_large = f"the {given.noun} has more than {given.max_bytes} bytes, the limit; send a smaller one"
    return {
        "summary": f"Submit a {given.noun}",
        "description": _submit_description(model),
        "operationId": _operation_id("submit", model),
        "tags": [model.spec.name],
        "parameters": [*_params(model), PREFER, WAIT, idempotency, TRACEPARENT],
        "requestBody": {"required": True, "content": _request_content(model)},
        "responses": {
            "200": _states("The result arrived within the preferred wait", _finished(model), failed=FAILED),
            "202": _states("Accepted; fetch the result at `Location`", ["Pending"], pending=PENDING),
            "400": _INVALID,
            "401": UNAUTHORIZED,
            "408": problem(
                408, "request_timeout", "Request Timeout", "the body did not arrive within 30 s; send it faster"
            ),
            "410": _expired(model),
            "413": problem(413, given.too_large.code, "Request Entity Too Large", too_large),
            **_unsupported(model),
            "422": problem(
                422, given.empty.code, "Unprocessable Entity", f"the {given.noun} has 0 bytes, expected 1 or more"
            ),
            "429": OVER_ALLOWANCE,
            "503": UNAVAILABLE,
        },
    }


def _submit_description(model: ServedModel) -> str:
    example = f"{model.spec.name}.example"
    return (
        f"Takes a {model.input.noun}, as the form field `file` or as the raw body. Answers an id as soon as RabbitMQ "
        "has confirmed the job. With the model's example:\n\n"
        f"```\ncurl --output {example} {_SERVER}{model.url}/example\n"
        f"curl --data-binary @{example} '{_SERVER}{model.url}?wait=5'\n```"
    )


def _params(model: ServedModel) -> list[dict[str, Any]]:
    """Return a query parameter for each property of the model's parameters."""
    if model.spec.params is None:
        return []
    schema = lift(model.spec.params_schema, f"{model.spec.name}_params")[f"{model.spec.name}_params"]
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": one}
        for name, one in schema.get("properties", {}).items()
    ]


def _request_content(model: ServedModel) -> dict[str, Any]:
    takes, example = model.spec.takes, model.spec.example
    form = {"schema": {"type": "object", "required": ["file"], "properties": {"file": BINARY}}}
    raw: dict[str, Any] = {"schema": BINARY}
    if isinstance(takes, Text):
        raw = {
            "schema": {"type": "string", "minLength": 1, "maxLength": takes.max_chars},
            "example": example.decode(errors="replace"),
        }
    if isinstance(takes, Json):
        raw = {"schema": one_of(f"{model.spec.name}_input"), "example": _document(example)}
    return {**dict.fromkeys(model.input.media_types, raw), "multipart/form-data": form}


def _result(model: ServedModel) -> dict[str, Any]:
    return {
        "summary": "Fetch a result",
        "description": "Answers the result, or `pending`. With `?wait=5` the answer is held until the result is there.",
        "operationId": _operation_id("result", model),
        "tags": [model.spec.name],
        "parameters": [_inference_id(model), PREFER, WAIT],
        "responses": {
            "200": _states("The state of the job", ["Pending", *_finished(model)], pending=PENDING, failed=FAILED),
            "400": _INVALID,
            "401": UNAUTHORIZED,
            "404": _UNKNOWN_ID,
            "410": _expired(model),
            "503": _STORE,
        },
    }


def _output(model: ServedModel) -> dict[str, Any]:
    answers = model.spec.answers
    media_type = answers.content_type if isinstance(answers, Bytes) else ""
    unfinished = f"job {ID} has no result yet; wait at {model.url}/result/{ID}?wait=5"
    return {
        "summary": "Fetch the file that the model made",
        "operationId": _operation_id("output", model),
        "tags": [model.spec.name],
        "parameters": [_inference_id(model)],
        "responses": {
            "200": {"description": "The file", "content": {media_type: {"schema": BINARY}}},
            "401": UNAUTHORIZED,
            "404": _UNKNOWN_ID,
            "409": problem(409, "not_finished", "Conflict", unfinished),
            "410": _expired(model),
            "503": _STORE,
        },
    }


def _describe(model: ServedModel) -> dict[str, Any]:
    spec = {"description": "The spec", "content": {"application/json": {"schema": one_of("Spec")}}}
    return {
        "summary": "Describe the model: its input, parameters and answer",
        "operationId": _operation_id("describe", model),
        "tags": [model.spec.name],
        "responses": {"200": spec, "401": UNAUTHORIZED},
    }


def _example(model: ServedModel) -> dict[str, Any]:
    return {
        "summary": "Fetch an example of the input",
        "operationId": _operation_id("example", model),
        "tags": [model.spec.name],
        "responses": {
            "200": {"description": "The example", "content": {model.example_type: {"schema": BINARY}}},
            "401": UNAUTHORIZED,
        },
    }


def _finished(model: ServedModel) -> list[str]:
    return [f"Succeeded_{model.spec.name}", "Failed"]


def _states(description: str, schemas: list[str], **examples: dict[str, Any]) -> dict[str, Any]:
    named = {name: {"value": value} for name, value in examples.items()}
    content = {"schema": one_of(*schemas), "examples": named}
    return {"description": description, "content": {"application/json": content}}


def _unsupported(model: ServedModel) -> dict[str, Any]:
    match model.spec.takes:
        case Picture():
            code, detail = "unsupported_image", "the bytes are in no picture format we take"
        case File():
            code, detail = "unsupported_input", "the first bytes of the file are not those of a type that we take"
        case _:
            return {}
    return {"415": problem(415, code, "Unsupported Media Type", detail)}


def _expired(model: ServedModel) -> dict[str, Any]:
    detail = f"the result of {ID} no longer exists; submit the {model.input.noun} again"
    return problem(410, "expired_id", "Gone", detail)


def _inference_id(model: ServedModel) -> dict[str, Any]:
    return {
        "name": "inference_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": f"from the answer of `POST {model.url}`",
    }


def _operation_id(call: str, model: ServedModel) -> str:
    return f"{call}_{model.spec.name.replace('-', '_')}"


def _document(example: bytes) -> Any:
    try:
        return from_json(example)
    except ValueError:
        return example.decode(errors="replace")
