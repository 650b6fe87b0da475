"""The options of an HTTP session, the same with and without asyncio."""

from typing import Any

import httpx

from inference_client.headers import check_printable


def session_options(url: str, key: str | None) -> dict[str, Any]:
    """Return the arguments of `httpx.Client` and `httpx.AsyncClient`.

    Args:
        url: of the service.
        key: the API key, or None.

    Raises:
        ValueError: the URL is not `http://` or `https://` and a host, or the key is not printable ASCII.
    """
    return {
        "base_url": _check_url(url),
        "headers": {} if key is None else {"Authorization": f"Bearer {check_printable('the API key', key)}"},
        # `map` bounds the jobs in flight; a call that waits for a connection would count as a lost one.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=100),
    }


def _check_url(url: str) -> httpx.URL:
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"the URL is {url!r} ({error}), expected http://… or https://…") from None
    if read.scheme not in ("http", "https") or not read.host:
        raise ValueError(f"the URL is {url!r}, expected http://… or https://…")
    return read
