"""Redirects `/` to the documentation."""

from fastapi import FastAPI
from starlette.responses import RedirectResponse


def add_home(app: FastAPI) -> None:
    """Answer `/` with a redirect to the documentation."""

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse(f"{app.root_path}/docs", status_code=307)
