"""The OpenAPI description of the calls for each served model, built from its spec."""

from typing import Any

from pydantic_core import from_json

from inference_api.openapi.batches import batch_components, batch_paths
from inference_api.openapi.lift import lift
from inference_api.openapi.paths import (
    BINARY,
    CANCELED,
    FAILED,
    ID,
    NOT_ALLOWED,
    OVER_ALLOWANCE,
    PATHS,
    PENDING,
    PREFER,
    PRIORITY,
    TIMELINE,
    TRACEPARENT,
    TTL,
    UNAUTHORIZED,
    UNAVAILABLE,
    WAIT,
    WEBHOOK,
    problem,
)
from inference_api.openapi.schemas import one_of, succeeded
from inference_api.served_model import ServedModel
from inference_bridge.kinds import Bytes, File, Json, Picture, Probabilities, Text

#: The parameters of a submission that every model has.
OPTIONS = (TTL, PRIORITY, TIMELINE, WEBHOOK)
_WAITING = {**PENDING, "queue": {"position": 12, "eta_s": 0.3, "workers": 1}}
_SERVER = "http://127.0.0.1:8000"
_INVALID = problem(400, "invalid_request", "Bad Request", "wait is 'soon', expected seconds, 0 or more")
_UNKNOWN_ID = problem(404, "unknown_id", "Not Found", "inference_id 'x' was not issued by this service")
_SLOW = problem(408, "request_timeout", "Request Timeout", "the body did not arrive within 30 s; send it faster")
_NOT_FINISHED = problem(409, "not_finished", "Conflict", f"job {ID} has no result yet; wait for its result")
_NO_WEBHOOK = problem(404, "no_webhook", "Not Found", f"job {ID} has no webhook; submit with ?webhook=NAME to get one")
_STORE = problem(503, "store_unavailable", "Service Unavailable", "Redis did not answer; try again later")
_FORM = {"schema": {"type": "object", "required": ["file"], "properties": {"file": BINARY}}}


def _content(description: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


#: The call that lists the models.
LIST: dict[str, Any] = {
    "summary": "List the models",
    "operationId": "list_models",
    "tags": ["models"],
    "responses": {"200": _content("The models", "application/json", one_of("Models")), "401": UNAUTHORIZED},
}


def paths_of(model: ServedModel) -> dict[str, Any]:
    """Return the path items of a model's calls."""
    spec, result = model.spec, f"{model.path}/result/{{inference_id}}"
    described = {"200": _content("The spec", "application/json", one_of("Spec"))}
    example = {"200": _content("The example", model.example_type, _raw_body(model)["schema"])}
    submit, read, cancel = _submit(model), _result(model), _cancel(model)
    items = {
        model.path: {
            "post": submit,
            "get": _operation(model, "describe", "Describe the model: its input, parameters and answer", described),
        },
        f"{model.path}/example": {"get": _operation(model, "example", "Fetch an example of the input", example)},
        result: {"get": read},
        f"{result}/events": {"get": _events(model)},
        f"{result}/cancel": {"post": cancel},
        f"{result}/webhook": {
            "get": _webhook(model, "webhook", "See the webhook of a job", "200"),
            "post": _webhook(model, "repeat_webhook", "Send the webhook of a job again", "202"),
        },
        **batch_paths(spec, model.path, submit, read, cancel),
    }
    if isinstance(spec.takes, Picture):
        items[f"{model.path}/preview"] = {"post": _preview(model)}
    if isinstance(spec.answers, Bytes):
        items[f"{result}/output"] = {"get": _output(model, spec.answers)}
    return items


def default_paths(model: ServedModel) -> dict[str, Any]:
    """Return the path items of `/classify` and `/result/…` for the default model."""
    cancel = {"/result/{inference_id}/cancel": {"post": {**_cancel(model), "operationId": "cancel"}}}
    if isinstance(model.spec.takes, Picture) and isinstance(model.spec.answers, Probabilities):
        calls = PATHS
    else:
        calls = {
            "/classify": {"post": {**_submit(model), "operationId": "classify"}},
            "/result/{inference_id}": {"get": {**_result(model), "operationId": "result"}},
        }
    events = {"/result/{inference_id}/events": {"get": {**_events(model), "operationId": "events"}}}
    return {**calls, **cancel, **events}


def components_of(model: ServedModel) -> dict[str, Any]:
    """Return the schemas of a model's input, parameters and answer, by their names in the description."""
    spec, name = model.spec, model.spec.name
    return {
        f"Succeeded_{name}": succeeded(spec),
        **batch_components(spec),
        **(lift(spec.takes.schema, f"{name}_input") if isinstance(spec.takes, Json) else {}),
        **(lift(spec.answers.schema, f"{name}_output") if isinstance(spec.answers, Json) else {}),
        **(lift(spec.params_schema, f"{name}_params") if spec.params is not None else {}),
    }


def _operation(model: ServedModel, call: str, summary: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": f"{call}_{model.spec.name.replace('-', '_')}",
        "tags": [model.spec.name],
        "responses": {**responses, "401": UNAUTHORIZED},
        **more,
    }


def _submit(model: ServedModel) -> dict[str, Any]:
    given, example = model.input, f"{model.spec.name}.example"
    too_large = f"the {given.noun} has more than {given.max_bytes} bytes, the limit; send a smaller one"
    empty = f"the {given.noun} has 0 bytes, expected 1 or more"
    responses = {
        "200": _states("The result arrived within the preferred wait", model, failed=FAILED, canceled=CANCELED),
        "202": _states("Accepted; fetch the result at `Location`", None, pending=_WAITING),
        "400": _INVALID,
        "403": NOT_ALLOWED,
        "408": _SLOW,
        "410": _expired(model),
        "413": problem(413, given.too_large.code, "Request Entity Too Large", too_large),
        **_unsupported(model),
        "422": problem(422, given.empty.code, "Unprocessable Entity", empty),
        "429": OVER_ALLOWANCE,
        "503": UNAVAILABLE,
    }
    description = (
        f"Takes a {given.noun}, as the form field `file` or as the raw body. Answers an id as soon as RabbitMQ has "
        f"confirmed the job. With the model's example:\n\n```\ncurl --output {example} {_SERVER}{model.path}/example\n"
        f"curl --data-binary @{example} '{_SERVER}{model.path}?wait=5'\n```"
    )
    # The form comes first, because some generators of clients take the first content and send nothing else.
    content = {"multipart/form-data": _FORM, **dict.fromkeys(given.media_types, _raw_body(model))}
    return _operation(
        model,
        "submit",
        f"Submit a {given.noun}",
        responses,
        description=description,
        parameters=[
            *_params(model),
            PREFER,
            WAIT,
            TTL,
            PRIORITY,
            TIMELINE,
            WEBHOOK,
            _idempotency_key(model),
            TRACEPARENT,
        ],
        requestBody={"required": True, "content": content},
    )


def _params(model: ServedModel) -> list[dict[str, Any]]:
    """Return a query parameter for each property of the model's parameters."""
    name = f"{model.spec.name}_params"
    schema = lift(model.spec.params_schema, name)[name]
    return [
        {"name": parameter, "in": "query", "required": parameter in schema.get("required", ()), "schema": one}
        for parameter, one in schema.get("properties", {}).items()
    ]


def _idempotency_key(model: ServedModel) -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": f"the same key, {model.input.noun} and parameters are one job; otherwise the key is a 422",
    }


def _raw_body(model: ServedModel) -> dict[str, Any]:
    takes, example = model.spec.takes, model.spec.example
    if isinstance(takes, Text):
        schema = {"type": "string", "minLength": 1, "maxLength": takes.max_chars}
        return {"schema": schema, "example": example.decode(errors="replace")}
    if isinstance(takes, Json):
        return {"schema": one_of(f"{model.spec.name}_input"), "example": _document(example)}
    return {"schema": BINARY}


def _document(example: bytes) -> Any:
    try:
        return from_json(example)
    except ValueError:
        return example.decode(errors="replace")


def _result(model: ServedModel) -> dict[str, Any]:
    responses = {
        "200": _states("The state of the job", model, pending=_WAITING, failed=FAILED, canceled=CANCELED),
        "400": _INVALID,
        "404": _UNKNOWN_ID,
        "410": _expired(model),
        "503": _STORE,
    }
    description = "Answers the result, or `pending`. With `?wait=5` the answer is held until the result is there."
    parameters = [_inference_id(model), PREFER, WAIT]
    return _operation(model, "result", "Fetch a result", responses, description=description, parameters=parameters)


def _cancel(model: ServedModel) -> dict[str, Any]:
    responses = {
        "200": _states("The final state of the job", model, canceled=CANCELED, failed=FAILED),
        "404": _UNKNOWN_ID,
        "410": _expired(model),
        "503": _STORE,
    }
    description = (
        "Answers `canceled`, or the result that came first. A canceled job never runs if no worker had it in a "
        "batch yet; a running one runs on, and its answer is thrown away. Canceling again answers the same."
    )
    parameters = [_inference_id(model)]
    return _operation(model, "cancel", "Cancel a job", responses, description=description, parameters=parameters)


def _events(model: ServedModel) -> dict[str, Any]:
    responses = {
        "200": _content("Events; the data of each is the state of the job", "text/event-stream", {"type": "string"}),
        "204": {"description": "`Last-Event-ID` names the final state, so nothing follows"},
        "404": _UNKNOWN_ID,
        "410": _expired(model),
        "503": _STORE,
    }
    description = "Server-sent events: the state now, each new one, and the result; then the stream ends."
    parameters = [_inference_id(model)]
    return _operation(model, "events", "Follow a job", responses, description=description, parameters=parameters)


def _preview(model: ServedModel) -> dict[str, Any]:
    submit = _submit(model)
    refusals = {status: one for status, one in submit["responses"].items() if status not in ("200", "202", "410")}
    responses = {"200": _content("What the model sees", "image/png", BINARY), **refusals}
    summary = "Prepare a picture as for a job, without a job"
    return _operation(model, "preview", summary, responses, requestBody=submit["requestBody"])


def _output(model: ServedModel, answers: Bytes) -> dict[str, Any]:
    responses = {
        "200": _content("The file", answers.content_type, BINARY),
        "404": _UNKNOWN_ID,
        "409": _NOT_FINISHED,
        "410": _expired(model),
        "503": _STORE,
    }
    summary = "Fetch the file that the model made"
    return _operation(model, "output", summary, responses, parameters=[_inference_id(model)])


def _webhook(model: ServedModel, call: str, summary: str, status: str) -> dict[str, Any]:
    responses = {
        status: _content("The webhook", "application/json", one_of("Webhook")),
        "404": _NO_WEBHOOK,
        "409": _NOT_FINISHED,
        "410": _expired(model),
        "503": _STORE,
        **({"429": OVER_ALLOWANCE} if status == "202" else {}),
    }
    return _operation(model, call, summary, responses, parameters=[_inference_id(model)])


def _states(description: str, model: ServedModel | None, **examples: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with one of the states in `examples`, or with a result of `model`."""
    names = [*(name.title() for name in examples), *([f"Succeeded_{model.spec.name}"] if model else [])]
    named = {name: {"value": value} for name, value in examples.items()}
    content = {"schema": one_of(*names), "examples": named}
    return {"description": description, "content": {"application/json": content}}


def _unsupported(model: ServedModel) -> dict[str, Any]:
    codes = {Picture: "unsupported_image", File: "unsupported_input"}
    code = codes.get(type(model.spec.takes))
    detail = "the first bytes are not those of a type that we take; send another file"
    return {"415": problem(415, code, "Unsupported Media Type", detail)} if code else {}


def _expired(model: ServedModel) -> dict[str, Any]:
    return problem(410, "expired_id", "Gone", str(model.submissions.expired_id(ID)))


def _inference_id(model: ServedModel) -> dict[str, Any]:
    where = f"from the answer of `POST {model.path}`"
    schema = {"type": "string"}
    return {"name": "inference_id", "in": "path", "required": True, "schema": schema, "description": where}
