"""The worker's own probes over HTTP, answered by the loop that does the work."""

import contextlib
from collections.abc import Callable, Iterator

import uvicorn
from prometheus_client import CollectorRegistry, make_asgi_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

#: What a probe that is under way gets when the worker ends.
SHUTDOWN_TIMEOUT_S = 1


class ProbeServer(uvicorn.Server):
    """A uvicorn server that leaves the signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handler."""
        yield


def probe_server(host: str, port: int, *, is_ready: Callable[[], bool], registry: CollectorRegistry) -> ProbeServer:
    """Return a server of `/healthz` (the loop turns), `/readyz` (jobs are taken) and `/metrics`."""

    async def healthz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ready") if is_ready() else PlainTextResponse("not ready", status_code=503)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Mount("/metrics", make_asgi_app(registry))]
    config = uvicorn.Config(
        Starlette(routes=routes),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
    return ProbeServer(config)
