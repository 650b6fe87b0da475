"""The end of a process, which nothing that hangs in it may hold up.

A normal exit waits for threads: for a forward pass or a decoding that hangs, for a look-up of a name without an answer.
"""

import asyncio
import logging
import math
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

Answer = TypeVar("Answer")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_event(*, within_s: float) -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets; the process then lives for `within_s` at most.

    That end is the kernel's, by SIGALRM: not even a loop that turns no more can hold it up, as long as Python itself
    runs when the signal comes. It is a last resort; the work must be over before.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal(*_: object) -> None:
        # Not by the loop's own handlers: a loop that is held up would call them too late.
        if not stop.is_set():
            signal.alarm(math.ceil(within_s))
            loop.call_soon_threadsafe(stop.set)

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)
    return stop


def run(main: Coroutine[Any, Any, Answer], *, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Answer:
    """Run `main` on a loop that is never closed, as that would wait for its threads; return what it returns."""
    try:
        return asyncio.Runner(loop_factory=loop_factory).run(main)
    except SystemExit as error:  # how uvicorn ends when it cannot listen
        leave(error.code if isinstance(error.code, int) else 1)


def leave(exit_status: int) -> NoReturn:
    """Write out the logs and end the process at once; its threads end with it, whatever they do."""
    logging.shutdown()
    os._exit(exit_status)
