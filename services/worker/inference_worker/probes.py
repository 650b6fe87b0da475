"""The worker's probes over HTTP; the event loop of the worker answers them."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, make_asgi_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from inference_bridge.operations_server import OperationsServer, operations_server


def probe_server(
    host: str, port: int, *, is_ready: Callable[[], bool], registry: CollectorRegistry
) -> OperationsServer:
    """Return a server of `/healthz` (the event loop runs), `/readyz` (jobs are accepted) and `/metrics`."""

    async def healthz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ready") if is_ready() else PlainTextResponse("not ready", status_code=503)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Mount("/metrics", make_asgi_app(registry))]
    return operations_server(Starlette(routes=routes), host=host, port=port)
