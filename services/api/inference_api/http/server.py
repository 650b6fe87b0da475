"""The HTTP server: uvicorn with a shutdown that answers every waiting call."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from inference_api.background import Background
from inference_api.http.no_store import NoStore
from inference_api.http.protocol import BoundedProtocol
from inference_api.settings import ApiSettings
from inference_api.waiters import Waiters
from inference_bridge.ending import EXIT_SOFTWARE, STOP_SIGNALS
from inference_bridge.errors import ConfigurationError
from inference_bridge.operations_server import operations_server, url_of

logger = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 30


class Server(uvicorn.Server):
    """Ends waiting calls with an answer at shutdown; stops when a background task has failed.

    Args:
        app: the application for clients.
        operations_app: the application of the operations port.
        settings: of the process.
        waiters: the calls that wait for a result, for each model.
        background: the tasks of the process.
        on_listening: called with the URL of the server.

    Attributes:
        operations: the operations server, which runs beside this one.
        waiters: the calls that wait for a result, for each model.
    """

    def __init__(
        self,
        app: FastAPI,
        operations_app: FastAPI,
        settings: ApiSettings,
        *,
        waiters: Sequence[Waiters],
        background: Background,
        on_listening: Callable[[str], None],
    ) -> None:
        config = uvicorn.Config(
            NoStore(app),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # no answer depends on them
            timeout_keep_alive=settings.keep_alive_s,  # type: ignore[arg-type]  # any number of seconds will do
            timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        )
        super().__init__(config)
        self.operations = operations_server(NoStore(operations_app), host=settings.host, port=settings.operations_port)
        self._operating: asyncio.Task[None] | None = None
        self.waiters = waiters
        self._background = background
        self._on_listening = on_listening

    @property
    def exit_status(self) -> int:
        """The exit status of the process: 0 after a signal, 70 after a failure."""
        return EXIT_SOFTWARE if self._background.has_failed else 0

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT without raising the signal again."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then call `on_listening`.

        Raises:
            ConfigurationError: nothing can listen on one of the two ports.
        """
        await _name_setting(super().startup(sockets), "INFERENCE_PORT")
        if self.started:
            serving = _name_setting(self.operations.serve(), "INFERENCE_OPERATIONS_PORT")
            self._operating = asyncio.create_task(serving)
            listening = asyncio.create_task(self.operations.listening.wait())
            await asyncio.wait([self._operating, listening], return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                await self._operating
            self._on_listening(url_of(self))

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to stop; called ten times a second."""
        return await super().on_tick(counter) or self._background.has_failed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no new connection, answer the waiting calls, close."""
        for waiters in self.waiters:
            waiters.close()
        await super().shutdown(sockets)
        if self._operating is not None:
            self.operations.should_exit = True
            await self._operating


async def _name_setting(start: Awaitable[None], setting: str) -> None:
    """Await the start of a server; name the setting of its port if it cannot listen there."""
    try:
        await start
    except SystemExit as error:  # uvicorn exits this way
        if not isinstance(error.__context__, OSError):
            raise
        raise ConfigurationError(
            f"{setting}: nothing can listen there ({error.__context__}); set a free port"
        ) from error


def log_address(url: str) -> None:
    """Log the URL of the server."""
    logger.info("listening", extra={"url": url})
