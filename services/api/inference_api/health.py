"""Liveness and readiness."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from inference_api.background import Background
from inference_api.openapi.schemas import one_of
from inference_api.served_model import ServedModel
from inference_bridge.contract import Store
from inference_bridge.errors import StoreUnavailable

STORE_TIMEOUT_S = 1.0
_FAILED: dict[str, Any] = {
    "description": "A background task has failed; the process is about to end",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}
_READINESS: dict[str, Any] = {"content": {"application/json": {"schema": one_of("Readiness")}}}


def health_routes(models: Sequence[ServedModel], background: Background) -> APIRouter:
    """Return `/healthz` and `/readyz`; the process is ready if it is for every model."""
    router = APIRouter(tags=["operation"])

    # FastAPI, unlike Starlette, adds no HEAD to a GET; uptime monitors ask with HEAD.
    @router.head("/healthz", include_in_schema=False)
    @router.get(
        "/healthz",
        summary="Liveness: the process answers, and none of its background tasks has failed",
        response_class=PlainTextResponse,
        responses={503: _FAILED},
    )
    async def healthz() -> Response:
        return PlainTextResponse("failed", 503) if background.has_failed else PlainTextResponse("ok")

    @router.head("/readyz", include_in_schema=False)
    @router.get(
        "/readyz",
        summary="Readiness: RabbitMQ takes jobs and Redis answers as a master",
        response_model=None,
        responses={200: _READINESS, 503: {"description": "Not ready", **_READINESS}},
    )
    async def readyz() -> Response:
        backends = [model.backend for model in models]
        answers = await asyncio.gather(*(_answers(backend.store) for backend in backends))
        parts = {"broker": all(backend.publisher.is_ready for backend in backends), "store": all(answers)}
        state = {name: "ready" if is_ready else "unavailable" for name, is_ready in parts.items()}
        return Response(json.dumps(state), 200 if all(parts.values()) else 503, media_type="application/json")

    return router


async def _answers(store: Store) -> bool:
    try:
        async with asyncio.timeout(STORE_TIMEOUT_S):
            await store.ping()
    except (StoreUnavailable, TimeoutError):
        return False
    return True
