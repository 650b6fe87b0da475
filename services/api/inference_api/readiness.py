"""Whether RabbitMQ and Redis answer this process, and whether it should get calls."""

import asyncio
import time
from collections.abc import Callable, Sequence

from inference_api.served_model import Backend
from inference_bridge.contract import Store
from inference_bridge.errors import StoreUnavailable

STORE_TIMEOUT_S = 1.0
#: Seconds that a new process waits for both servers; then one is enough. A rollout with a wrong URL stops here first.
FIRST_SUCCESS_S = 300.0


class Readiness:
    """The servers of a process, as seen since its start.

    Args:
        backends: of the served models.
        clock: monotonic seconds.
    """

    def __init__(self, backends: Sequence[Backend], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._backends = backends
        self._clock = clock
        self._started_s = clock()
        self._had_both = False

    async def look(self) -> dict[str, bool]:
        """Tell for `broker` and `store` whether it answers for every model."""
        answers = await asyncio.gather(*(_answers(backend.store) for backend in self._backends))
        parts = {"broker": all(backend.publisher.is_ready for backend in self._backends), "store": all(answers)}
        self._had_both = self._had_both or all(parts.values())
        return parts

    def can_serve(self, parts: dict[str, bool]) -> bool:
        """Tell whether a process with these servers should get calls: a GET needs Redis, a POST needs RabbitMQ."""
        is_new = not self._had_both and self._clock() - self._started_s < FIRST_SUCCESS_S
        return all(parts.values()) if is_new else any(parts.values())


async def _answers(store: Store) -> bool:
    try:
        async with asyncio.timeout(STORE_TIMEOUT_S):
            await store.ping()
    except (StoreUnavailable, TimeoutError):
        return False
    return True
