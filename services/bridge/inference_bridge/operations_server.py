"""The HTTP server for the operator's side of a process: metrics, and the worker's probes."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

#: Time that a running call has left when the process ends.
SHUTDOWN_TIMEOUT_S = 1


class OperationsServer(uvicorn.Server):
    """A uvicorn server without signal handlers: the process has its own.

    Attributes:
        listening: set once the server listens.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @property
    def url(self) -> str:
        """The URL of the server, once it listens."""
        return url_of(self)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handler."""
        yield


def operations_server(app: ASGIApp, *, host: str, port: int) -> OperationsServer:
    """Return the server of an application; port 0 takes any free one."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
    return OperationsServer(config)


def url_of(server: uvicorn.Server) -> str:
    """Return the URL of a server that listens."""
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
