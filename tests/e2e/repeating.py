"""Repeats a call while a test runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def keep_repeating(step: Callable[[], None], every_s: float) -> Iterator[None]:
    """Call a function in a thread, with a pause of `every_s` after each call, while the block runs."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(every_s):
            step()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
