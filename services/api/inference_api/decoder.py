"""Prepares uploads for the model without blocking the event loop for long."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from inference_api.model import Prepare
from inference_bridge.errors import QueueFull


class Decoder:
    """Prepares an upload inline if the model says that this is fast, otherwise in a thread pool.

    Args:
        prepare: the model's function.
        max_pixels: most pixels a picture may have.
        thread_count: threads in the pool.
        max_decodes: most pictures in the pool, waiting ones included; more are refused.
        on_prepared: called with the seconds of work for each picture, without its wait for a thread.
    """

    def __init__(
        self,
        prepare: Prepare,
        *,
        max_pixels: int,
        thread_count: int,
        max_decodes: int,
        on_prepared: Callable[[float], object],
    ) -> None:
        self._prepare = prepare
        self._max_pixels = max_pixels
        self._max_decodes = max_decodes
        self._on_prepared = on_prepared
        self._threads = ThreadPoolExecutor(thread_count, thread_name_prefix="decode")
        self._decodes = 0

    async def prepare(self, picture: bytes) -> bytes:
        """Return the picture as the body of a job.

        Raises:
            InvalidInput: the picture is invalid.
            QueueFull: too many pictures are in work.
        """
        started_s = time.perf_counter()
        prepared = self._prepare(picture, max_pixels=self._max_pixels)
        begun_s = time.perf_counter() - started_s
        if isinstance(prepared, bytes):
            self._on_prepared(begun_s)
            return prepared
        if self._decodes >= self._max_decodes:
            raise QueueFull(f"{self._max_decodes} pictures are being prepared already; try again later")
        self._decodes += 1
        try:
            body, decode_s = await asyncio.get_running_loop().run_in_executor(self._threads, _time_call, prepared)
        finally:
            self._decodes -= 1
        self._on_prepared(begun_s + decode_s)
        return body

    def close(self) -> None:
        """End the threads; waiting pictures are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _time_call(decode: Callable[[], bytes]) -> tuple[bytes, float]:
    started_s = time.perf_counter()
    return decode(), time.perf_counter() - started_s
