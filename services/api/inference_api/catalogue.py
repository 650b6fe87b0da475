"""The routes that list the models and describe one."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inference_api.finding import finder
from inference_api.routes import JSON, Endpoint
from inference_api.served_model import ServedModel
from inference_bridge.errors import BrokerUnavailable
from inference_bridge.kinds import Bytes, Picture
from inference_bridge.spec import to_json


def catalogue_routes(models: Sequence[ServedModel]) -> list[Route]:
    """Return `GET /models`, `GET /models/{name}` and `GET /models/{name}/example`."""
    return [
        Route("/models", _list(models), methods=["GET"]),
        Route("/models/{name}", _describe(models), methods=["GET"]),
        Route("/models/{name}/example", _example(models), methods=["GET"]),
    ]


def urls_of(model: ServedModel) -> dict[str, str]:
    """Return the paths of a model's calls."""
    result = f"{model.url}/result/{{inference_id}}"
    output = {"output": f"{result}/output"} if isinstance(model.spec.answers, Bytes) else {}
    preview = {"preview": f"{model.url}/preview"} if isinstance(model.spec.takes, Picture) else {}
    one = {"submit": model.url, "spec": model.url, "example": f"{model.url}/example", **preview}
    more = {"result": result, "events": f"{result}/events", "cancel": f"{result}/cancel", **output}
    return {**one, **more, "batch": f"{model.url}/batch", "results": f"{model.url}/results"}


def spec_of(model: ServedModel) -> dict[str, Any]:
    """Return a model's spec for clients: without its example, which has a URL, and without names of code."""
    described = json.loads(to_json(model.spec))
    del described["example"]
    described["takes"].pop("prepare", None)
    return {**described, "urls": urls_of(model)}


# Metrics name a call after its function.
def _list(served: Sequence[ServedModel]) -> Endpoint:
    async def models(request: Request) -> Response:
        entries = await asyncio.gather(*(_entry(model) for model in served))
        return Response(json.dumps({"models": entries}), media_type=JSON)

    return models


def _describe(served: Sequence[ServedModel]) -> Endpoint:
    find = finder(served)
    bodies = {model.spec.name: json.dumps(spec_of(model)) for model in served}

    async def models(request: Request) -> Response:
        return Response(bodies[find(request).spec.name], media_type=JSON)

    return models


def _example(served: Sequence[ServedModel]) -> Endpoint:
    find = finder(served)

    async def models(request: Request) -> Response:
        model = find(request)
        headers = {"X-Content-Type-Options": "nosniff"}
        return Response(model.spec.example, headers=headers, media_type=model.example_type)

    return models


async def _entry(model: ServedModel) -> dict[str, Any]:
    spec = model.spec
    try:
        waiting = (await model.backend.depth_reader.read()).jobs
    except BrokerUnavailable:
        waiting = None
    return {
        "name": spec.name,
        "version": spec.version,
        "takes": spec.takes.kind,
        "answers": spec.answers.kind,
        "waiting": waiting,
        "workers": model.queue_view.workers,
        "urls": urls_of(model),
    }
