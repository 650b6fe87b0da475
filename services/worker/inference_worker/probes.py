"""The worker's probes over HTTP; the event loop of the worker answers them."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from inference_bridge.operations_server import OperationsServer, operations_server


def probe_server(
    host: str, port: int, *, is_ready: Callable[[], bool], registry: CollectorRegistry
) -> OperationsServer:
    """Return a server of `/healthz` (the event loop runs), `/readyz` (jobs are accepted) and `/metrics`."""

    async def healthz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ready") if is_ready() else PlainTextResponse("not ready", status_code=503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    pages = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics, "/metrics/": metrics}
    routes = [Route(path, page) for path, page in pages.items()]
    return operations_server(Starlette(routes=routes), host=host, port=port)
