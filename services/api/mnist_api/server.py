"""The HTTP server: uvicorn, with a shutdown that leaves no waiting call without an answer."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from mnist_api.background import Background
from mnist_api.protocol import BoundedProtocol
from mnist_api.settings import ApiSettings
from mnist_api.waiters import Waiters
from mnist_bridge.ending import STOP_SIGNALS

logger = logging.getLogger(__name__)

EXIT_DEFECT = 70  # EX_SOFTWARE, sysexits.h
SHUTDOWN_TIMEOUT_S = 30
#: Longer than the idle time of usual load balancers, so that they close first; also what a silent connection gets.
KEEP_ALIVE_S = 75


class Server(uvicorn.Server):
    """Lets the waiting calls answer before it waits for them to end; stops when a background task has failed."""

    def __init__(
        self, config: uvicorn.Config, waiters: Waiters, background: Background, announce: Callable[[str], None]
    ) -> None:
        super().__init__(config)
        self._waiters = waiters
        self._background = background
        self._announce = announce

    @property
    def exit_status(self) -> int:
        """What the process is to end with: 0 after a stop that was asked for, 70 after a failure."""
        return EXIT_DEFECT if self._background.has_failed else 0

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, and end as usual: a stop that was asked for is no error."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._announce(f"http://{host}:{port}")

    async def on_tick(self, counter: int) -> bool:
        """Tell whether it is time to stop; asked ten times a second."""
        return await super().on_tick(counter) or self._background.has_failed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing new, let every call end, close."""
        self._waiters.close()
        await super().shutdown(sockets)


def log_address(url: str) -> None:
    """Log where the server listens."""
    logger.info("listening", extra={"url": url})


def http_server(
    app: FastAPI,
    settings: ApiSettings,
    *,
    waiters: Waiters,
    background: Background,
    announce: Callable[[str], None] = log_address,
) -> Server:
    """Return the server for an application; `run` or `serve` starts it, and it calls `announce` with its URL."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
    return Server(config, waiters, background, announce)
