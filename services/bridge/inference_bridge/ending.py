"""The end of a process, which nothing that hangs in it may hold up, and its exit status.

A normal exit waits for threads: for a forward pass or a decoding that hangs, for a look-up of a name without an answer.
"""

import asyncio
import logging
import math
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from inference_bridge.errors import ConfigurationError, DeviceLost

Answer = TypeVar("Answer")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

EXIT_FAILED = 1
# The names and numbers of sysexits.h.
EXIT_UNAVAILABLE = 69
EXIT_SOFTWARE = 70
EXIT_CONFIGURATION = 78


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


def exit_status_of(work: Callable[[], int], log: logging.Logger, name: str, *, on_failure: int = EXIT_FAILED) -> int:
    """Return what the work returns, or the exit status for its error, which is logged.

    Args:
        work: what the process does.
        log: gets the error.
        name: what the log calls the work.
        on_failure: the status for an error that no other status stands for.
    """
    try:
        return work()
    except ConfigurationError as error:
        log.critical("configuration error", extra={"reason": str(error)})
        return EXIT_CONFIGURATION
    except DeviceLost as error:
        log.critical("device lost", extra={"reason": str(error)})
        return EXIT_SOFTWARE
    # The boundary of the process: a traceback of Python's own would come after the wait for its threads.
    except Exception:
        log.exception(f"{name} failed")
        return on_failure


def leave(exit_status: int) -> NoReturn:
    """Write out the logs and end the process at once; its threads end with it, whatever they do."""
    logging.shutdown()
    os._exit(exit_status)
