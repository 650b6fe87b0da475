"""The OpenAPI description of batches and of the call that reads many results, from those of single jobs."""

from typing import Any

from inference_api.batches.uploads import ARRAY, LINES, MAX_ITEMS
from inference_api.openapi.answers import SERVER, answer, refusals_in
from inference_api.openapi.parameters import PREFER, WAIT, issued_id, parameter
from inference_api.openapi.schemas import BINARY, COUNT, TEXT, form_of, object_of, one_of
from inference_bridge.kinds import Json, Text
from inference_bridge.results import Status
from inference_bridge.spec import ModelSpec

_COUNTS = {"type": "object", "properties": {status.value: COUNT for status in Status}, "additionalProperties": False}
_MANY = {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS}
_IDS = {**parameter("query", "ids", f"1 to {MAX_ITEMS} ids, separated by commas", **TEXT), "required": True}


def batch_components(spec: ModelSpec) -> dict[str, Any]:
    """Return the schemas of a model's answers with many states, by their names in the description."""
    states = ("Pending", "Failed", "Canceled", "Expired", f"Succeeded_{spec.name}")
    return {
        f"Batch_{spec.name}": object_of(batch_id=TEXT, counts=_COUNTS, jobs={**_MANY, "items": one_of(*states)}),
        f"Results_{spec.name}": object_of(results={**_MANY, "items": one_of(*states, "Unknown")}),
    }


def batch_paths(
    spec: ModelSpec, path: str, submit: dict[str, Any], result: dict[str, Any], cancel: dict[str, Any]
) -> dict[str, Any]:
    """Return the path items of batches of the model at a path.

    Args:
        spec: the model.
        path: of its calls.
        submit: the operation that submits a job.
        result: the operation that reads its result.
        cancel: the operation that cancels it.
    """
    name, states, batch = spec.name.replace("-", "_"), one_of(f"Batch_{spec.name}"), f"{path}/batch"
    batch_id, waits = issued_id("batch_id", batch), [PREFER, WAIT]
    given = {"requestBody": {"required": True, "content": _content(spec)}, "description": _describe(path)}
    accepted, found = {"202": answer("Accepted", states)}, {"200": answer("The states of the jobs", states)}
    results = {"200": answer("The state of each id", one_of(f"Results_{spec.name}"))}

    def like(one: dict[str, Any], call: str, summary: str, found: Any, *left_out: str, **more: Any) -> dict[str, Any]:
        responses = {**found, **refusals_in(one, *left_out)}
        return {**one, "operationId": f"{call}_{name}", "summary": summary, "responses": responses, **more}

    return {
        batch: {
            "post": like(submit, "submit_batch", f"Submit up to {MAX_ITEMS} {spec.takes.noun}s", accepted, **given)
        },
        f"{batch}/{{batch_id}}": {
            "get": like(
                *(result, "batch", "Fetch the results of a batch", found),
                description="With `?wait=5` the answer is held until every job is done, 5 seconds at most.",
                parameters=[batch_id, *waits],
            )
        },
        f"{batch}/{{batch_id}}/cancel": {
            "post": like(cancel, "cancel_batch", "Cancel the jobs of a batch", found, parameters=[batch_id])
        },
        f"{path}/results": {
            "get": like(
                *(result, "results", "Fetch many results", results, "404"),
                description="The state of each id, in order; `unknown` for an id that is not the client's.",
                parameters=[_IDS, *waits],
            )
        },
    }


def _content(spec: ModelSpec) -> dict[str, Any]:
    form = form_of({**_MANY, "items": BINARY})
    if not isinstance(spec.takes, Json | Text):
        return {"multipart/form-data": form}
    # No schema: an item that breaks the rules of the model fails alone, and the call is accepted.
    item = {"description": f"the schema {spec.name}_input" if isinstance(spec.takes, Json) else "a string"}
    lines = {"schema": {"type": "string", "description": "a line of JSON for each item"}}
    array = {"schema": {**_MANY, "items": item}}
    return {"multipart/form-data": form, ARRAY.decode(): array, LINES[0].decode(): lines}


def _describe(path: str) -> str:
    return (
        "Each item becomes a job of its own, in order; an item that cannot be read is `failed` from the start. "
        f"Parameters hold for every item.\n\n```\ncurl --form file=@one --form file=@two "
        f"{SERVER}{path}/batch\n```"
    )
