"""Counts the responses of every call."""

from functools import cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference_api.metrics import ApiMetrics

#: The scope's key for the name of the model that a call is for.
MODEL = "inference.model"


class CountResponses:
    """ASGI middleware that counts responses; plain ASGI, so that a request notices when its client leaves."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._count_of = cache(metrics.responses.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and count its response by status; routes write the model's name into the scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                call = getattr(scope.get("endpoint"), "__name__", "none")
                self._count_of(scope.get(MODEL, ""), call, message["status"]).inc()
            await send(message)

        await self._app(scope, receive, count)
