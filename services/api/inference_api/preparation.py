"""Prepares uploads for their model without blocking the event loop for long."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from inference_api.inputs.input import Input
from inference_bridge.errors import QueueFull


class Preparation:
    """Prepares an upload inline if its input says that this is fast, otherwise in a thread pool for all models.

    Args:
        thread_count: threads in the pool.
        max_preparations: most uploads in the pool, waiting ones included; more are refused.
    """

    def __init__(self, *, thread_count: int, max_preparations: int) -> None:
        self._max_preparations = max_preparations
        self._threads = ThreadPoolExecutor(thread_count, thread_name_prefix="prepare")
        self._count = 0

    async def prepare(self, given: Input, upload: bytes, *, on_prepared: Callable[[float], object]) -> bytes:
        """Return the upload as the body of a job.

        Args:
            given: the model's input.
            upload: from a client.
            on_prepared: called with the seconds of work, without the wait for a thread.

        Raises:
            InvalidInput: the upload is invalid.
            QueueFull: too many uploads are in work.
        """
        started_s = time.perf_counter()
        prepared = given.prepare(upload)
        begun_s = time.perf_counter() - started_s
        if isinstance(prepared, bytes):
            on_prepared(begun_s)
            return prepared
        if self._count >= self._max_preparations:
            raise QueueFull(f"{self._max_preparations} {given.noun}s are being prepared already; try again later")
        self._count += 1
        try:
            body, thread_s = await asyncio.get_running_loop().run_in_executor(self._threads, _time_call, prepared)
        finally:
            self._count -= 1
        on_prepared(begun_s + thread_s)
        return body

    def close(self) -> None:
        """End the threads; waiting uploads are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _time_call(prepare: Callable[[], bytes]) -> tuple[bytes, float]:
    started_s = time.perf_counter()
    return prepare(), time.perf_counter() - started_s
