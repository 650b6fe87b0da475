"""The results of jobs, as a store has them."""

import json
from collections.abc import Sequence
from typing import Any

from inference_bridge.contract import Store
from tests.support.waiting import TIMEOUT_S, until_found


async def results_of(store: Store, ids: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[dict[str, Any]]:
    """Return the results in the order of the ids, once all are there."""

    async def find() -> list[bytes]:
        bodies = [body for body in await store.get(ids) if body is not None]
        return bodies if len(bodies) == len(ids) else []

    return [json.loads(body) for body in await until_found(find, timeout_s)]
