"""The spans of an HTTP call; without a tracer, blocks run as if nothing stood here."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference_api.http.count_responses import MODEL

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

#: Asked every few seconds by the platform, for whom a trace says nothing.
PROBES = frozenset({"/healthz", "/readyz", "/serving"})
_UNTRACED: AbstractContextManager[None] = nullcontext()


def part_of(tracer: "Tracer | None", name: str) -> "AbstractContextManager[str | None]":
    """Return a context that spans its block as a part of the call, and yields the `traceparent` of this part."""
    return _UNTRACED if tracer is None else tracer.part(name)


class TraceCalls:
    """ASGI middleware that spans each call but the probes, as a child of the client's span if it sent one."""

    def __init__(self, app: ASGIApp, tracer: "Tracer") -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; the route and the model are known at the end."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        with self._tracer.call(scope["method"], Headers(scope=scope).get("traceparent")) as span:

            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, note)
            route = getattr(scope.get("route"), "path", "")
            span.update_name(f"{scope['method']} {route}".rstrip())
            span.set_attributes({"http.request.method": scope["method"], "http.route": route})
            span.set_attribute("inference.model", scope.get(MODEL, ""))
