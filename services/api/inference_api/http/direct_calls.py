"""Calls the routes that take jobs without FastAPI's way to them, which costs more than the answer of a small job."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from inference_api.http.problems import respond_error
from inference_bridge.errors import InferenceError


class DirectCalls:
    """ASGI middleware that answers a POST to some paths itself, as the application would answer it.

    It stands behind the keys and the counters. Every other call goes to the application, which has the same routes for
    its description and for other methods.

    Args:
        app: the application.
        routes: of the application.
        paths: of calls to answer, without the prefix of a proxy.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[Route], paths: Iterable[str]) -> None:
        self._app = app
        self._found = {path: found for path in paths for route in routes if (found := _match(route, path))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the call, or pass it on."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        found = self._found.get(scope["path"].removeprefix(scope["root_path"])) if is_post else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope.update(found)
        request = Request(scope, receive, send)
        endpoint: Callable[[Request], Awaitable[Response]] = found["endpoint"]
        try:
            response = await endpoint(request)
        except InferenceError as error:
            response = await respond_error(request, error)
        await response(scope, receive, send)


def _match(route: Route, path: str) -> dict[str, Any] | None:
    """Return what the route adds to the scope of a POST to the path, or None if it does not answer it."""
    match, found = route.matches({"type": "http", "method": "POST", "path": path, "root_path": ""})
    return {**found, "route": route} if match is Match.FULL else None
