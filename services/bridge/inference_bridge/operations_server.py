"""The HTTP server for the platform's questions, beside the work of a process: probes and metrics."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

#: What a call that is under way gets when the process ends.
SHUTDOWN_TIMEOUT_S = 1


class OperationsServer(uvicorn.Server):
    """A uvicorn server that leaves the signals to the process.

    Attributes:
        listening: set once it does.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
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
    """Return where a server listens."""
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return f"http://{host}:{port}"
