"""The OpenAPI description of the calls for each served model, built from its spec."""

from typing import Any

from pydantic_core import from_json

from inference_api.errors import (
    InvalidRequest,
    NotAllowed,
    NotFinished,
    NoWebhook,
    RateLimited,
    RequestTimeout,
    Unauthorized,
)
from inference_api.http.uploads import too_large
from inference_api.openapi import parameters
from inference_api.openapi.answers import (
    CANCELED,
    FAILED,
    ID,
    PENDING,
    SERVER,
    WAITING,
    answer,
    refusals,
    refusals_in,
    states,
)
from inference_api.openapi.batches import batch_components, batch_paths
from inference_api.openapi.lift import lift
from inference_api.openapi.schemas import BINARY, form_of, one_of, succeeded
from inference_api.served_model import ServedModel
from inference_api.submissions import CLASSIFY
from inference_bridge.errors import BrokerUnavailable, InferenceError, StoreUnavailable, UnknownId, UnsupportedInput
from inference_bridge.kinds import Bytes, File, Json, Picture, Text
from inference_pictures.decode import SIGNATURES
from inference_pictures.errors import UnsupportedImage

_UNAUTHORIZED = Unauthorized("the call has an unknown key; send 'Authorization: Bearer KEY'")
_INVALID = InvalidRequest("wait is 'soon', expected seconds, 0 or more")
_NOT_ALLOWED = NotAllowed("only clients with high_priority = true may use priority=high; leave it out")
_SLOW = RequestTimeout("the body did not arrive within 30 s; send it faster")
_TOO_MANY = RateLimited("client alice submits more than 50 times per second, its limit; slow down", retry_after_s=1)
_BROKER = BrokerUnavailable("RabbitMQ is away or takes no jobs at the moment; try again later")
_STORE = StoreUnavailable("Redis did not answer; try again later")
_UNKNOWN_ID = UnknownId("inference_id 'x' was not issued by this service")
_NOT_FINISHED = NotFinished(f"job {ID} has no result yet; wait for its result")
_NO_WEBHOOK = NoWebhook(f"job {ID} has no webhook; submit with ?webhook=NAME to get one")
_UNSUPPORTED = {Picture: UnsupportedImage, File: UnsupportedInput}

#: The call that lists the models.
LIST: dict[str, Any] = {
    "summary": "List the models",
    "operationId": "list_models",
    "tags": ["models"],
    "responses": {"200": answer("The models", one_of("Models")), **refusals(_UNAUTHORIZED)},
}


def paths_of(model: ServedModel) -> dict[str, Any]:
    """Return the path items of a model's calls."""
    spec, path, result = model.spec, model.path, f"{model.path}/result/{{inference_id}}"
    described = {"200": answer("The spec", one_of("Spec"))}
    example = {"200": answer("The example", _raw_body(model)["schema"], model.example_type)}
    submit, read, cancel = _submit(model, path), _result(model, path), _cancel(model, path)
    items = {
        path: {
            "post": submit,
            "get": _operation(model, "describe", "Describe the model: its input, parameters and answer", described),
        },
        f"{path}/example": {"get": _operation(model, "example", "Fetch an example of the input", example)},
        result: {"get": read},
        f"{result}/events": {"get": _events(model, path)},
        f"{result}/cancel": {"post": cancel},
        f"{result}/webhook": {
            "get": _webhook(model, "webhook", "See the webhook of a job", "200"),
            "post": _webhook(model, "repeat_webhook", "Send the webhook of a job again", "202", _TOO_MANY),
        },
        **batch_paths(spec, path, submit, read, cancel),
    }
    if isinstance(spec.takes, Picture):
        items[f"{path}/preview"] = {"post": _preview(model)}
    if isinstance(spec.answers, Bytes):
        items[f"{result}/output"] = {"get": _output(model, spec.answers)}
    return items


def default_paths(model: ServedModel) -> dict[str, Any]:
    """Return the path items of `/classify` and `/result/…` for the default model."""
    result = "/result/{inference_id}"
    return {
        CLASSIFY: {"post": _as_default("classify", _submit(model, CLASSIFY))},
        result: {"get": _as_default("result", _result(model, CLASSIFY))},
        f"{result}/cancel": {"post": _as_default("cancel", _cancel(model, CLASSIFY))},
        f"{result}/events": {"get": _as_default("events", _events(model, CLASSIFY))},
    }


def _as_default(call: str, operation: dict[str, Any]) -> dict[str, Any]:
    return {**operation, "operationId": call, "tags": ["inference"]}


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
        "responses": {**responses, **refusals(_UNAUTHORIZED)},
        **more,
    }


def _submit(model: ServedModel, path: str) -> dict[str, Any]:
    given, example, takes = model.input, f"{model.spec.name}.example", model.spec.takes
    waiting, timeline = (PENDING, []) if path == CLASSIFY else (WAITING, [parameters.TIMELINE])
    responses = {
        "200": states("The result arrived within the preferred wait", FAILED, CANCELED, model=model.spec),
        "202": states("Accepted; fetch the result at `Location`", waiting),
        **refusals(_INVALID, _NOT_ALLOWED, _SLOW, model.submissions.expired_id(ID), *_refused_uploads(model)),
        **refusals(_TOO_MANY, _BROKER),
    }
    formats = f" ({', '.join(name for _, name in SIGNATURES)})" if isinstance(takes, Picture) else ""
    description = (
        f"Takes a {given.noun}{formats}, as the form field `file` or as the raw body. Answers an id as soon as "
        f"RabbitMQ has confirmed the job. With the model's example:\n\n```\ncurl --output {example} "
        f"{SERVER}{model.path}/example\ncurl --data-binary @{example} '{SERVER}{path}?wait=5'\n```"
    )
    # The form comes first, because some generators of clients take the first content and send nothing else.
    content = {"multipart/form-data": form_of(BINARY), **dict.fromkeys(given.media_types, _raw_body(model))}
    return _operation(
        model,
        "submit",
        f"Submit a {given.noun}",
        responses,
        description=description,
        parameters=[
            *parameters.parameters_of(model.spec),
            parameters.PREFER,
            parameters.WAIT,
            parameters.TTL,
            parameters.PRIORITY,
            *timeline,
            parameters.WEBHOOK,
            parameters.idempotency_key(given.noun),
            parameters.TRACEPARENT,
        ],
        requestBody={"required": True, "content": content},
    )


def _refused_uploads(model: ServedModel) -> list[InferenceError]:
    given, unsupported = model.input, _UNSUPPORTED.get(type(model.spec.takes))
    unread = "the first bytes are not those of a type that we take; send another file"
    return [
        too_large(given),
        given.empty(f"the {given.noun} has 0 bytes, expected 1 or more"),
        *([unsupported(unread)] if unsupported else []),
    ]


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


def _of_job(
    model: ServedModel, path: str, call: str, summary: str, responses: dict[str, Any], *options: Any, **more: Any
) -> dict[str, Any]:
    """Return the operation of a call about a job whose id a `POST` to the path has issued; `options` follow the id."""
    common = refusals(_UNKNOWN_ID, model.submissions.expired_id(ID), _STORE)
    given = [parameters.issued_id("inference_id", path), *options]
    return _operation(model, call, summary, {**common, **responses}, parameters=given, **more)


def _result(model: ServedModel, path: str) -> dict[str, Any]:
    waiting = PENDING if path == CLASSIFY else WAITING
    found = {"200": states("The state of the job", waiting, FAILED, CANCELED, model=model.spec), **refusals(_INVALID)}
    description = (
        "Answers the result, or `pending`. With `?wait=5` the answer is held until the result is there, 5 seconds at "
        f"most.\n\n```\ncurl '{SERVER}{path.removesuffix(CLASSIFY)}/result/INFERENCE_ID?wait=5'\n```"
    )
    waits = parameters.PREFER, parameters.WAIT
    return _of_job(model, path, "result", "Fetch a result", found, *waits, description=description)


def _cancel(model: ServedModel, path: str) -> dict[str, Any]:
    found = {"200": states("The final state of the job", CANCELED, FAILED, model=model.spec)}
    description = (
        "Answers `canceled`, or the result that came first. A canceled job never runs if no worker had it in a "
        "batch yet; a running one runs on, and its answer is thrown away. Canceling again answers the same."
    )
    return _of_job(model, path, "cancel", "Cancel a job", found, description=description)


def _events(model: ServedModel, path: str) -> dict[str, Any]:
    text = "Events; the data of each is the state of the job"
    found = {
        "200": answer(text, {"type": "string"}, "text/event-stream"),
        "204": {"description": "`Last-Event-ID` names the final state, so nothing follows"},
    }
    description = "Server-sent events: the state now, each new one, and the result; then the stream ends."
    return _of_job(model, path, "events", "Follow a job", found, description=description)


def _preview(model: ServedModel) -> dict[str, Any]:
    submit = _submit(model, model.path)
    responses = {"200": answer("What the model sees", BINARY, "image/png"), **refusals_in(submit)}
    summary = "Prepare a picture as for a job, without a job"
    return _operation(model, "preview", summary, responses, requestBody=submit["requestBody"])


def _output(model: ServedModel, answers: Bytes) -> dict[str, Any]:
    found = {"200": answer("The file", BINARY, answers.content_type), **refusals(_NOT_FINISHED)}
    return _of_job(model, model.path, "output", "Fetch the file that the model made", found)


def _webhook(model: ServedModel, call: str, summary: str, status: str, *errors: InferenceError) -> dict[str, Any]:
    found = {status: answer("The webhook", one_of("Webhook")), **refusals(_NO_WEBHOOK, _NOT_FINISHED, *errors)}
    return _of_job(model, model.path, call, summary, found)
