"""Builds the FastAPI application from its parts; broker and store are arguments."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from inference_api.background import Background
from inference_api.claims import Claims
from inference_api.clients.allowances import Allowances
from inference_api.clients.key_file import KeyFile
from inference_api.clients.require_key import RequireKey
from inference_api.decoder import Decoder
from inference_api.health import health_routes
from inference_api.http.buffers import Buffers
from inference_api.http.count_responses import CountResponses
from inference_api.http.problems import add_problem_handlers
from inference_api.metrics import ApiMetrics
from inference_api.model import Prepare
from inference_api.openapi.home import add_home
from inference_api.openapi.paths import add_inference_paths
from inference_api.routes import Dependencies, inference_routes
from inference_api.settings import ApiSettings
from inference_api.submissions import Submissions
from inference_api.waiters import Waiters
from inference_bridge.contract import DepthReader, Publisher, Store
from inference_bridge.ids import TicketSigner
from inference_bridge.rabbitmq.throughput import Throughput

DESCRIPTION = (
    "Send a picture, get an id, fetch the answer. A job is accepted only once the broker holds it; "
    "GPU workers exist only while there is work."
)


def create_app(
    settings: ApiSettings,
    *,
    prepare: Prepare,
    publisher: Publisher,
    depth_reader: DepthReader,
    store: Store,
    signer: TicketSigner,
    waiters: Waiters,
    throughput: Throughput,
    registry: CollectorRegistry,
    background: Background,
) -> FastAPI:
    """Return the application.

    While it runs, tasks of `background` keep the connection to the broker and listen to the store.

    Raises:
        ConfigurationError: the key file is missing or wrong.
    """
    metrics = ApiMetrics(registry)
    metrics.watch_waiters(lambda: len(waiters))
    buffers = Buffers(max_bytes=settings.max_buffered_bytes)
    metrics.watch_buffers(lambda: buffers.byte_count)
    decoder = Decoder(
        prepare,
        max_pixels=settings.max_pixels,
        thread_count=settings.decode_threads,
        max_decodes=settings.max_decodes,
        on_prepared=metrics.decode_seconds.observe,
    )
    submissions = Submissions(publisher, store, signer, job_ttl_s=settings.job_ttl_s)
    claims = Claims(store, submissions, ttl_s=settings.result_ttl_s)
    allowances = Allowances(store, job_ttl_s=settings.job_ttl_s)

    async def on_notification(inference_ids: Sequence[str]) -> None:
        throughput.add(len(inference_ids))
        await allowances.on_notification(inference_ids)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        background.start("publisher", publisher.run())
        background.start("depth reader", depth_reader.run())
        background.start("waiters", waiters.run(on_notification))
        yield
        await publisher.flush(settings.publish_timeout_s)
        await background.stop()
        decoder.close()
        await store.close()

    app = FastAPI(
        title="mnist-inference", version=version("mnist-inference-api"), description=DESCRIPTION, lifespan=lifespan
    )
    if settings.api_keys_file is not None:
        app.add_middleware(RequireKey, keys=KeyFile(settings.api_keys_file))
    # The middleware added last is the outermost, so that refusals are counted too.
    app.add_middleware(CountResponses, metrics=metrics)
    add_problem_handlers(app)
    dependencies = Dependencies(
        settings, publisher, submissions, claims, buffers, decoder, waiters, metrics, allowances
    )
    app.router.routes.extend(inference_routes(dependencies))
    add_inference_paths(app)
    add_home(app)
    app.include_router(health_routes(publisher, store, background))
    return app
