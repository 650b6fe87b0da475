"""Shows what a model sees of a picture: the prepared picture, as a PNG file, without a job."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inference_api.call import Shared
from inference_api.clients.require_key import client_of
from inference_api.http.count_responses import MODEL
from inference_api.http.uploads import read_upload
from inference_api.served_model import ServedModel
from inference_bridge.kinds import Picture
from inference_pictures.encode import to_png


def preview_routes(shared: Shared, models: Sequence[ServedModel]) -> list[Route]:
    """Return the route of a preview for each model that takes pictures."""
    return [_route(shared, model, model.spec.takes) for model in models if isinstance(model.spec.takes, Picture)]


def _route(shared: Shared, model: ServedModel, takes: Picture) -> Route:
    def prepare(upload: bytes) -> Callable[[], bytes]:
        return partial(_draw, model.input.prepare(upload), takes)

    given = replace(model.input, prepare=prepare)

    async def preview(request: Request) -> Response:
        request.scope[MODEL] = model.spec.name
        # It counts towards a client's rate, since it costs the API what a job does; but no job is in flight.
        with (
            shared.allowances.reserve(client_of(request), model.backend.store, job_count=0),
            shared.buffers.body(given.noun) as share,
        ):
            upload = await read_upload(request.headers, request.stream(), given, share=share)
            file = await shared.preparation.prepare(given, upload, on_prepared=lambda _: None)
        return Response(file, headers={"X-Content-Type-Options": "nosniff"}, media_type="image/png")

    return Route(f"{model.path}/preview", preview, methods=["POST"])


def _draw(prepared: bytes | Callable[[], bytes], takes: Picture) -> bytes:
    pixels = prepared if isinstance(prepared, bytes) else prepared()
    return to_png(pixels, width=takes.width, height=takes.height, mode=takes.mode)
