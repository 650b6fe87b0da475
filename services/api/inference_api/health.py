"""Liveness and readiness."""

import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from inference_api.background import Background
from inference_api.readiness import Readiness
from inference_api.served_model import ServedModel


def health_routes(models: Sequence[ServedModel], background: Background) -> list[Route]:
    """Return `/healthz`, `/readyz` and `/serving`; the process is ready if it is for every model."""
    readiness = Readiness([model.backend for model in models])

    # Metrics name a call after its function.
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("failed", 503) if background.has_failed else PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        parts = await readiness.look()
        return _state(parts, all(parts.values()))

    async def serving(_: Request) -> Response:
        parts = await readiness.look()
        return _state(parts, readiness.can_serve(parts) and not background.has_failed)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/serving", serving)]


def _state(parts: dict[str, bool], is_well: bool) -> Response:
    state = {name: "ready" if answers else "unavailable" for name, answers in parts.items()}
    return Response(json.dumps(state), 200 if is_well else 503, media_type="application/json")
