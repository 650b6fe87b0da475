"""The routes of the pages: every file comes from this package or a pip package, none from elsewhere."""

import mimetypes
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from inference_api.http.no_store import FINAL

#: A browser takes scripts, styles and data from this address only.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Swagger UI writes styles and icons into its page.
_DOCS_POLICY = _POLICY.replace("style-src", "style-src 'unsafe-inline'").replace("img-src", "img-src data:")
#: Files that change only with a new version of their package, so that a browser may keep them for an hour.
_SWAGGER = ("swagger-ui-bundle.js", "swagger-ui.css")
_KEPT = {"Cache-Control": "max-age=3600"}


def page_routes(*, is_shown: bool, prefix: str) -> list[Route]:
    """Return the routes of the pages.

    Args:
        is_shown: whether `/` is the page on which people try the models; otherwise it leads to the documentation.
        prefix: of all paths, as clients see them behind a proxy.
    """
    own, swagger = files("inference_api.page"), files("fastapi_swagger.resources")
    docs = [
        _route("/docs", own / "docs.html", {"Content-Security-Policy": _DOCS_POLICY}),
        _route("/docs/docs.js", own / "docs.js"),
        _route("/docs/icon.svg", own / "icon.svg"),
        *(_route(f"/docs/{name}", swagger / name, _KEPT) for name in _SWAGGER),
    ]
    if not is_shown:
        return [_redirect("/", f"{prefix}/docs"), *docs]
    page = (one for one in own.iterdir() if one.name.endswith((".css", ".js", ".svg")))
    # `/page` is for an Ingress that leads `/` elsewhere.
    return [
        *(_route(path, own / "page.html", {"Content-Security-Policy": _POLICY}) for path in ("/", "/page")),
        *(_route(f"/page/{one.name}", one) for one in page),
        *docs,
    ]


def _route(path: str, file: Traversable, headers: dict[str, str] | None = None) -> Route:
    content, media_type = file.read_bytes(), mimetypes.guess_type(file.name)[0]
    headers = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", **(headers or {})}

    async def page(request: Request) -> Response:
        if "Cache-Control" in headers:
            request.scope[FINAL] = True
        return Response(content, headers=headers, media_type=media_type)

    return Route(path, page, methods=["GET"])


def _redirect(path: str, target: str) -> Route:
    async def page(request: Request) -> Response:
        return RedirectResponse(target, status_code=307)

    return Route(path, page, methods=["GET"])
