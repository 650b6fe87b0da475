"""Shows what a model sees of a picture: the prepared picture, as a PNG file, without a job."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inference_api.clients.require_key import client_of
from inference_api.errors import NoPreview
from inference_api.http.uploads import read_upload
from inference_api.inputs.input import Input
from inference_api.routes import Shared, finder
from inference_api.served_model import ServedModel
from inference_bridge.kinds import Picture
from inference_pictures.encode import to_png


def preview_route(shared: Shared, models: Sequence[ServedModel]) -> Route:
    """Return `POST /models/{name}/preview`; a preview counts towards a client's rate, since it costs the same work."""
    find = finder(models)
    inputs = {
        model.spec.name: _input_of_preview(model.input, model.spec.takes)
        for model in models
        if isinstance(model.spec.takes, Picture)
    }

    async def preview(request: Request) -> Response:
        model = find(request)
        given = inputs.get(model.spec.name)
        if given is None:
            raise NoPreview(f"{model.spec.name} takes a {model.input.noun}; only a picture has a preview")
        with (
            shared.allowances.reserve(client_of(request), model.backend.store),
            shared.buffers.body(given.noun) as share,
        ):
            upload = await read_upload(request.headers, request.stream(), given, share=share)
            file = await shared.preparation.prepare(given, upload, on_prepared=_ignore)
        return Response(file, headers={"X-Content-Type-Options": "nosniff"}, media_type="image/png")

    return Route("/models/{name}/preview", preview, methods=["POST"])


def _input_of_preview(given: Input, takes: Picture) -> Input:
    def prepare(upload: bytes) -> Callable[[], bytes]:
        return partial(_draw, given.prepare(upload), takes)

    return replace(given, prepare=prepare)


def _draw(prepared: bytes | Callable[[], bytes], takes: Picture) -> bytes:
    pixels = prepared if isinstance(prepared, bytes) else prepared()
    return to_png(pixels, width=takes.width, height=takes.height, mode=takes.mode)


def _ignore(_: float) -> None:
    """Leave the time of a preview out of the metric, which is for jobs."""
