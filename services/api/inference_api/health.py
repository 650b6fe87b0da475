"""Liveness and readiness."""

import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from inference_api.background import Background
from inference_api.openapi.schemas import one_of
from inference_api.readiness import Readiness
from inference_api.served_model import ServedModel

_FAILED: dict[str, Any] = {
    "description": "A background task has failed; the process is about to end",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}
_READINESS: dict[str, Any] = {"content": {"application/json": {"schema": one_of("Readiness")}}}


def health_routes(models: Sequence[ServedModel], background: Background) -> APIRouter:
    """Return `/healthz`, `/readyz` and `/serving`; the process is ready if it is for every model."""
    router = APIRouter(tags=["operation"])
    readiness = Readiness([model.backend for model in models])

    # FastAPI, unlike Starlette, adds no HEAD to a GET; uptime monitors ask with HEAD.
    @router.head("/healthz", include_in_schema=False)
    @router.get(
        "/healthz",
        operation_id="healthz",
        summary="Liveness: the process answers, and none of its background tasks has failed",
        response_class=PlainTextResponse,
        responses={503: _FAILED},
    )
    async def healthz() -> Response:
        return PlainTextResponse("failed", 503) if background.has_failed else PlainTextResponse("ok")

    @router.head("/readyz", include_in_schema=False)
    @router.get(
        "/readyz",
        operation_id="readyz",
        summary="Readiness: RabbitMQ takes jobs and Redis answers as a master",
        response_model=None,
        responses={200: _READINESS, 503: {"description": "Not ready", **_READINESS}},
    )
    async def readyz() -> Response:
        parts = await readiness.look()
        return _state(parts, all(parts.values()))

    @router.head("/serving", include_in_schema=False)
    @router.get(
        "/serving",
        operation_id="serving",
        summary="For load balancers: the process can answer some calls, with RabbitMQ or Redis alone too",
        response_model=None,
        responses={200: _READINESS, 503: {"description": "No call should come here", **_READINESS}},
    )
    async def serving() -> Response:
        parts = await readiness.look()
        return _state(parts, readiness.can_serve(parts) and not background.has_failed)

    return router


def _state(parts: dict[str, bool], is_well: bool) -> Response:
    state = {name: "ready" if answers else "unavailable" for name, answers in parts.items()}
    return Response(json.dumps(state), 200 if is_well else 503, media_type="application/json")
