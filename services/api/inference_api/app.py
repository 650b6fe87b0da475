"""Builds the FastAPI application from its parts; brokers and stores are arguments."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from inference_api.background import Background
from inference_api.batches.routes import batch_routes
from inference_api.call import Shared
from inference_api.cancel import cancel_routes
from inference_api.catalogue import catalogue_routes
from inference_api.clients.allowances import Allowances
from inference_api.clients.key_file import watch_keys
from inference_api.clients.require_key import RequireKey
from inference_api.events import event_routes
from inference_api.finding import finder
from inference_api.health import health_routes
from inference_api.hooks.calls import webhook_routes
from inference_api.hooks.endpoints import Endpoints
from inference_api.http.buffers import Buffers
from inference_api.http.count_responses import CountResponses
from inference_api.http.direct_calls import DirectCalls
from inference_api.http.problems import add_problem_handlers
from inference_api.metrics import ApiMetrics
from inference_api.openapi.description import describe_calls
from inference_api.page.routes import page_routes
from inference_api.preparation import Preparation
from inference_api.preview import preview_routes
from inference_api.routes import inference_routes
from inference_api.served_model import Backend, ServedModel
from inference_api.settings import ApiSettings
from inference_api.submissions import CLASSIFY
from inference_api.tracing import TraceCalls

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

DESCRIPTION = (
    "Send an input, get an id, fetch the answer. A job is accepted only once the broker holds it; "
    "GPU workers exist only while there is work."
)
#: The headers that a page of an allowed origin may send and read.
CORS: dict[str, Any] = {
    "allow_methods": ["GET", "HEAD", "POST"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "Prefer", "traceparent"],
    "expose_headers": ["Content-Disposition", "Location", "Preference-Applied", "Retry-After"],
}


def create_app(
    settings: ApiSettings,
    models: Sequence[ServedModel],
    *,
    default: ServedModel | None,
    draining: Sequence[Backend],
    metrics: ApiMetrics,
    background: Background,
    tracer: "Tracer | None" = None,
) -> FastAPI:
    """Return the application.

    While it runs, tasks of `background` keep the connections to the broker and listen to the stores.

    Args:
        settings: of the process.
        models: the models with routes.
        default: the model behind `/classify`, if there is one.
        draining: lower versions, whose queues still get empty.
        metrics: of all models.
        background: runs the tasks.
        tracer: makes spans, if there is one.

    Raises:
        ConfigurationError: the key file or the webhooks file is missing or wrong.
    """
    buffers = Buffers(max_bytes=settings.max_buffered_bytes)
    metrics.watch_buffers(lambda: buffers.byte_count)
    preparation = Preparation(thread_count=settings.prepare_threads, max_preparations=settings.max_preparations)
    allowances, endpoints = Allowances(job_ttl_s=settings.job_ttl_s), Endpoints(settings.webhooks_file)
    shared = Shared(settings, buffers, preparation, allowances, endpoints, tracer)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for model in models:
            _start(model, shared.allowances, background)
        for backend in draining:
            background.start(f"depth reader of {backend.spec.message_type}", backend.depth_reader.run())
        yield
        await asyncio.gather(*(model.backend.publisher.flush(settings.publish_timeout_s) for model in models))
        await background.stop()
        preparation.close()
        for backend in [*(model.backend for model in models), *draining]:
            await backend.store.close()

    app = FastAPI(
        title="mnist-inference",
        version=version("mnist-inference-api"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages take their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect names host and scheme, which are others in front of a proxy
        # FastAPI would look for exporters at each call, and none is installed.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    # An attribute, since FastAPI wants the server to know the prefix; a server takes each path as stripped.
    app.root_path = settings.path_prefix
    routes = inference_routes(shared, models, default)
    pages = page_routes(is_shown=settings.page, prefix=settings.path_prefix)
    hot_paths = [CLASSIFY, *(model.path for model in models)]
    app.add_middleware(DirectCalls, routes=routes, paths=hot_paths)
    if settings.api_keys_file is not None:
        open_paths = frozenset(route.path for route in pages) if settings.page else frozenset()
        app.add_middleware(RequireKey, keys=watch_keys(settings.api_keys_file), open_paths=open_paths)
    if settings.cors_origins:
        # Outside the keys: a browser sends none with a preflight.
        app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins.split(","), **CORS)
    # The middleware added last is the outermost, so that refusals are counted too.
    app.add_middleware(CountResponses, metrics=metrics)
    if tracer is not None:
        app.add_middleware(TraceCalls, tracer=tracer)
    add_problem_handlers(app)
    of_jobs = [*cancel_routes(models, default), *event_routes(models, default), *batch_routes(shared, models)]
    of_models = [*catalogue_routes(models), *preview_routes(shared, models), *health_routes(models, background)]
    hooks = webhook_routes(finder(models), endpoints, allowances)
    app.router.routes.extend([*routes, *of_jobs, *hooks, *of_models, *pages])
    describe_calls(app, models, default)
    return app


def _start(model: ServedModel, allowances: Allowances, background: Background) -> None:
    backend, name = model.backend, model.spec.name

    async def on_notification(inference_ids: Sequence[str]) -> None:
        backend.throughput.add(len(inference_ids))
        model.queue_view.count(len(inference_ids))
        await allowances.on_notification(inference_ids, backend.store)

    backend.publisher.on_look = lambda ready, workers: model.queue_view.look(time.time(), ready, workers)
    background.start(f"publisher of {name}", backend.publisher.run())
    background.start(f"depth reader of {name}", backend.depth_reader.run())
    background.start(f"waiters of {name}", model.waiters.run(on_notification))
    background.start(f"results of {name}", model.waiters.hand_over())
