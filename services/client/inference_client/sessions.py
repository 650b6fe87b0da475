"""The options of an HTTP session, the same with and without asyncio."""

from typing import Any

import httpx


def session_options(url: str, key: str | None) -> dict[str, Any]:
    """Return the arguments of `httpx.Client` and `httpx.AsyncClient`.

    Args:
        url: of the service.
        key: the API key, or None.

    Raises:
        ValueError: the URL does not begin with `http://` or `https://`.
    """
    if httpx.URL(url).scheme not in ("http", "https"):
        raise ValueError(f"the URL is {url!r}, expected http://… or https://…")
    return {
        "base_url": url,
        "headers": {} if key is None else {"Authorization": f"Bearer {key}"},
        # `map` bounds the jobs in flight; a call that waits for a connection would count as a lost one.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=100),
    }
