"""Turns uploaded bytes into the model's input without ever holding up the event loop for long."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from inference_pictures.decode import open_picture
from mnist_bridge.errors import QueueFull
from mnist_model.prepare import SMALL_BYTES, prepare, prepare_at_once, prepare_opened


class Decoder:
    """Prepares pictures that look like MNIST already at once, all others in a few threads.

    Args:
        max_pixels: most pixels a picture may have.
        thread_count: threads for the others.
        max_decodes: pictures in work or waiting for a thread, above which more are refused.
        on_prepared: told the seconds of work that each prepared picture took, without its wait for a thread.
    """

    def __init__(
        self, *, max_pixels: int, thread_count: int, max_decodes: int, on_prepared: Callable[[float], object]
    ) -> None:
        self._max_pixels = max_pixels
        self._max_decodes = max_decodes
        self._on_prepared = on_prepared
        self._threads = ThreadPoolExecutor(thread_count, thread_name_prefix="decode")
        self._decodes = 0

    async def prepare(self, picture: bytes) -> bytes:
        """Return the model's input: row-major uint8, 0 = background, 255 = ink.

        Raises:
            InvalidInput: the picture cannot be classified.
            QueueFull: too many pictures at once.
        """
        started_s = time.perf_counter()
        decode = partial(prepare, picture, max_pixels=self._max_pixels)
        # The header of a large file may take long too.
        if len(picture) <= SMALL_BYTES:
            image = open_picture(picture)
            ready = prepare_at_once(image, len(picture), max_pixels=self._max_pixels)
            if ready is not None:
                self._on_prepared(time.perf_counter() - started_s)
                return ready
            decode = partial(prepare_opened, image, max_pixels=self._max_pixels)
        if self._decodes >= self._max_decodes:
            raise QueueFull(f"{self._max_decodes} pictures are being prepared already; try again later")
        looked_s = time.perf_counter() - started_s
        self._decodes += 1
        try:
            body, decode_s = await asyncio.get_running_loop().run_in_executor(self._threads, _timed, decode)
        finally:
            self._decodes -= 1
        self._on_prepared(looked_s + decode_s)
        return body

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _timed(decode: Callable[[], bytes]) -> tuple[bytes, float]:
    started_s = time.perf_counter()
    return decode(), time.perf_counter() - started_s
