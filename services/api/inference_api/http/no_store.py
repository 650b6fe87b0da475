"""Keeps caches from answering with a state that has changed since."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The scope's key for a response that never changes: a terminal result, or an output.
FINAL = "inference.final"


class NoStore:
    """ASGI middleware that adds `Cache-Control: no-store` to every response that is not final, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; routes write `FINAL` into the scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start" and FINAL not in scope:
                message["headers"] = [*message.get("headers", ()), (b"cache-control", b"no-store")]
            await send(message)

        await self._app(scope, receive, mark)
