"""Checks the API key of each call, and passes its client to the routes."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from inference_api.clients.key_file import Client, Keys
from inference_api.errors import Unauthorized
from inference_api.http.problems import problem
from inference_api.watched_file import WatchedFile

#: The platform's probes have no key.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/serving"})
#: The client of every call when no key file is set.
ANYONE = Client.model_construct(name="", sha256=[])
#: The scope's key for the client of a call.
CLIENT = "inference.client"
#: The scope's key for whether any client may use high priority.
HAS_HIGH = "inference.has_high"


class RequireKey:
    """ASGI middleware that refuses calls without a known key; plain ASGI reads no byte of a refused body.

    Args:
        app: the application.
        keys: the known keys.
        open_paths: further paths that need no key: files for a browser, which sends none until its user types it.
    """

    def __init__(self, app: ASGIApp, keys: WatchedFile[Keys], open_paths: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._keys = keys
        self._open_paths = OPEN_PATHS | open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the client into the scope and call the application, or answer 401."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        # A browser sends no key with OPTIONS, and no route answers it.
        if scope["type"] != "http" or path in self._open_paths or scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
            return
        key = _read_bearer_key(Headers(scope=scope))
        keys = self._keys.current()
        client = None if key is None else keys.holder(key)
        if client is None:
            found = "no Authorization header with a Bearer key" if key is None else "an unknown key"
            detail = f"the call has {found}; send 'Authorization: Bearer KEY' with a key that the operator gave you"
            # The connection stays open: closing it while a body arrives could reset it before the client reads this.
            refusal = problem(401, Unauthorized.code, detail, {"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
            return
        scope[CLIENT] = client
        scope[HAS_HIGH] = keys.has_high
        await self._app(scope, receive, send)


def client_of(request: Request) -> Client:
    """Return the client of a call."""
    client: Client = request.scope.get(CLIENT, ANYONE)
    return client


def _read_bearer_key(headers: Headers) -> bytes | None:
    values = headers.getlist("authorization")
    scheme, _, key = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    return key.strip().encode() if scheme.lower() == "bearer" and key.strip() else None
