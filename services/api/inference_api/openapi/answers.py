"""The OpenAPI description of answers: the states of a job, and problems, each with an example as the API writes it."""

from typing import Any

from pydantic_core import from_json

from inference_api.http.problems import MEDIA_TYPE, problem, status_of
from inference_api.openapi.schemas import one_of
from inference_bridge.errors import InferenceError
from inference_bridge.kinds import Probabilities
from inference_bridge.results import canceled, classified, failed, pending_body
from inference_bridge.spec import ModelSpec

#: The API's address and the id in examples.
SERVER = "http://127.0.0.1:8000"
ID = "AZq3m1xkJ2f0Qm9VQk3c8n1d"
PENDING = pending_body(ID)
WAITING = pending_body(ID, {"position": 12, "eta_s": 0.3, "workers": 1})
FAILED = failed(ID, "worker_crashed", "a worker died each of the 3 times it ran this input alone").body
CANCELED = canceled(ID).body
#: Most classes of a model with an example of its result.
MAX_SHOWN_CLASSES = 10


def answer(
    description: str, schema: dict[str, Any], media_type: str = "application/json", **examples: Any
) -> dict[str, Any]:
    """Return the description of an answer with a body."""
    return {"description": description, "content": {media_type: {"schema": schema, **examples}}}


def states(description: str, *bodies: bytes, model: ModelSpec | None = None) -> dict[str, Any]:
    """Return the description of an answer with one of these states of a job, or with a result of a model."""
    examples = {state["status"]: {"value": state} for state in map(from_json, bodies)}
    names = [*map(str.title, examples), *([f"Succeeded_{model.name}"] if model else [])]
    if model and isinstance(model.answers, Probabilities) and model.answers.count <= MAX_SHOWN_CLASSES:
        shares = [1 / model.answers.count] * model.answers.count
        examples["succeeded"] = {"value": from_json(classified(ID, shares, model).body)}
    return answer(description, one_of(*names), examples=examples)


def refusals(*errors: InferenceError) -> dict[str, Any]:
    """Return the descriptions of the answers to errors, by their status."""
    examples = [from_json(bytes(problem(status_of(error), error.code, str(error)).body)) for error in errors]
    return {
        str(example["status"]): answer(example["title"], one_of("Problem"), MEDIA_TYPE, example=example)
        for example in examples
    }


def refusals_in(operation: dict[str, Any], *left_out: str) -> dict[str, Any]:
    """Return the answers of an operation that tell of no job, but for these statuses."""
    without = ("200", "202", "410", *left_out)
    return {status: one for status, one in operation["responses"].items() if status not in without}
