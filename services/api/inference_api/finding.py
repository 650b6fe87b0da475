"""Finds the model of a call, and the job that it is about."""

from collections.abc import Callable, Sequence

from starlette.requests import Request

from inference_api.clients.require_key import client_of
from inference_api.errors import UnknownModel
from inference_api.http.count_responses import MODEL
from inference_api.served_model import ServedModel
from inference_api.submissions import Ticket


def finder(models: Sequence[ServedModel]) -> Callable[[Request], ServedModel]:
    """Return a function that finds the model in the path of a request; it raises UnknownModel for any other name."""
    by_name = {model.spec.name: model for model in models}

    def find(request: Request) -> ServedModel:
        name = request.path_params["name"]
        model = by_name.get(name)
        if model is None:
            raise UnknownModel(f"no model is called {name[:64]!r}; the models are {', '.join(by_name)}")
        request.scope[MODEL] = model.spec.name
        return model

    return find


def job_paths(call: str, default: ServedModel | None) -> list[str]:
    """Return the paths of a call about a job; the path without a model's name exists if there is a default model."""
    paths = [f"/models/{{name}}/result/{{inference_id}}/{call}", f"/result/{{inference_id}}/{call}"]
    return paths if default is not None else paths[:1]


def job_finder(
    models: Sequence[ServedModel], default: ServedModel | None
) -> Callable[[Request], tuple[ServedModel, Ticket]]:
    """Return a function that finds the model and the job of a request to one of the `job_paths`.

    It raises UnknownModel and UnknownId.
    """
    find = finder(models)

    def find_job(request: Request) -> tuple[ServedModel, Ticket]:
        if default is None or "name" in request.path_params:
            model = find(request)
            source = model.url
        else:
            request.scope[MODEL] = default.spec.name
            model, source = default, default.default_url
        inference_id, owner = request.path_params["inference_id"], client_of(request).name
        return model, model.submissions.recognise(inference_id, owner, source=source)

    return find_job
