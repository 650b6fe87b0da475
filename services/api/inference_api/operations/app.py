"""The operations port, which clients do not reach: metrics and the wanted number of workers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response

from inference_api.http.problems import add_problem_handlers, problem
from inference_api.metrics import WaitingJobs
from inference_api.operations.scaling import Aim, Scaling
from inference_bridge.reports import DEFAULT_POOL


def create_operations_app(
    *, scalings: Mapping[str, Scaling], waiting_jobs: WaitingJobs, registry: CollectorRegistry
) -> FastAPI:
    """Return the application of `/metrics` and `/scaling/{queue_prefix}`; `scalings` has that prefix as its key."""
    app = FastAPI(title="mnist-inference, operations", docs_url=None, redoc_url=None, openapi_url=None)
    add_problem_handlers(app)
    app.add_exception_handler(RequestValidationError, _on_invalid)

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    async def metrics() -> Response:
        await waiting_jobs.refresh()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.api_route("/scaling/{queue_prefix}", methods=["GET", "HEAD"])
    async def demand(
        queue_prefix: str,
        target_wait_s: Annotated[float, Query(ge=0.1, le=86_400)],
        pool: Annotated[str, Query(max_length=64)] = DEFAULT_POOL,
        recent_s: Annotated[float, Query(ge=0, le=86_400)] = 10.0,
        throughput: Annotated[float | None, Query(gt=0)] = None,
        solo_throughput: Annotated[float | None, Query(gt=0)] = None,
    ) -> dict[str, Any]:
        if queue_prefix not in scalings:
            raise HTTPException(404)
        return asdict(
            await scalings[queue_prefix].demand(Aim(pool, target_wait_s, recent_s, throughput, solo_throughput))
        )

    return app


async def _on_invalid(_: Request, error: Exception) -> Response:
    found: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    return problem(
        400, "invalid_request", "; ".join(f"{wrong['loc'][-1]}: {wrong['msg']}; correct the URL" for wrong in found)
    )
