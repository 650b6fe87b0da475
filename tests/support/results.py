"""The results of jobs, as a store has them, and as a client fetches them."""

import json
from collections.abc import Sequence
from typing import Any

import httpx

from inference_bridge.contract import Store
from tests.support.waiting import TIMEOUT_S, until_found, wait_for


async def results_of(store: Store, ids: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[dict[str, Any]]:
    """Return the results in the order of the ids, once all are there."""

    async def find() -> list[bytes]:
        bodies = [body for body in await store.get(ids) if body is not None]
        return bodies if len(bodies) == len(ids) else []

    return [json.loads(body) for body in await until_found(find, timeout_s)]


def fetch_result(url: str, timeout_s: float) -> dict[str, Any]:
    """Return the terminal result at a URL, such as the `Location` of an accepted job."""

    def fetch() -> dict[str, Any]:
        body: dict[str, Any] = httpx.get(url, params={"wait": 20}, timeout=40).json()
        return {} if body.get("status") == "pending" else body

    return wait_for(f"a result at {url}", fetch, timeout_s)
