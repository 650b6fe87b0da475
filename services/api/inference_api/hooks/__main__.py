"""`python -m inference_api.hooks` delivers webhooks until SIGTERM; it needs Redis and the endpoints, no RabbitMQ."""

import argparse
import asyncio
import logging

import uvloop
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from inference_api.hooks.endpoints import Endpoints
from inference_api.hooks.metrics import HookMetrics
from inference_api.hooks.post import DEADLINE_S
from inference_api.hooks.sender import Sender
from inference_api.settings import ApiSettings
from inference_bridge.ending import exit_now, run, run_to_exit_status, stop_event
from inference_bridge.errors import ConfigurationError
from inference_bridge.logs import configure_logging, set_log_level
from inference_bridge.operations_server import operations_server
from inference_bridge.settings import load_settings
from inference_bridge.spec_files import load_specs
from inference_bridge.wiring import build_registry, build_store

logger = logging.getLogger("inference_api.hooks")

#: Seconds of a stop after the last try: to note its outcome.
STOP_MARGIN_S = 10


def operations_app(endpoints: Endpoints, metrics: HookMetrics, registry: CollectorRegistry) -> Starlette:
    """Return the application of `/healthz` (the event loop runs) and `/metrics`."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def read_metrics(_: Request) -> Response:
        await metrics.refresh(endpoints.current())
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/metrics", read_metrics)])


async def serve(settings: ApiSettings) -> None:
    """Deliver until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the models or the endpoints are missing or wrong.
    """
    if settings.webhooks_file is None:
        raise ConfigurationError("INFERENCE_WEBHOOKS_FILE is not set; name the TOML file of the endpoints")
    stop = stop_event(within_s=DEADLINE_S + STOP_MARGIN_S)
    endpoints, registry = Endpoints(settings.webhooks_file), build_registry()
    stores = {spec.name: build_store(settings, spec) for spec in load_specs(settings.models or "")}
    hooks = {name: store.hooks for name, store in stores.items()}
    metrics = HookMetrics(registry, hooks)
    app = operations_app(endpoints, metrics, registry)
    server = operations_server(app, host=settings.host, port=settings.operations_port)
    serving = asyncio.create_task(server.serve())
    serving.add_done_callback(lambda _: stop.set())  # a sender without probes must be replaced
    await Sender(endpoints, hooks, metrics).run(stop)
    server.should_exit = True
    await serving
    await asyncio.gather(*(store.close() for store in stores.values()))


def main() -> None:
    """Deliver; exit status: 0 stopped, 1 failed, 78 wrong configuration."""
    description = "Deliver webhooks until SIGTERM. Settings: environment variables, `INFERENCE_…`."
    argparse.ArgumentParser(prog="python -m inference_api.hooks", description=description).parse_args()
    configure_logging(service="hooks")
    exit_now(run_to_exit_status(_work, logger, "sender"))


def _work() -> int:
    settings = load_settings(ApiSettings)
    set_log_level(settings.log_level)
    run(serve(settings), loop_factory=uvloop.new_event_loop)
    return 0


if __name__ == "__main__":
    main()
