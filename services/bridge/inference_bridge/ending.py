"""How a process ends: at once, even if a thread hangs, with an exit status.

Python's normal exit waits for threads: for a forward pass, a decoder or a DNS look-up that hangs.
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

    After that time SIGALRM ends it, even if the event loop is blocked by then. This is a last resort: the work must
    end earlier by itself.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal(*_: object) -> None:
        # Not a handler of the loop: a blocked loop would call it too late.
        if not stop.is_set():
            signal.alarm(math.ceil(within_s))
            loop.call_soon_threadsafe(stop.set)

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)
    return stop


def run(main: Coroutine[Any, Any, Answer], *, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Answer:
    """Return the result of `main`; the loop stays open, because closing it would wait for its threads."""
    try:
        return asyncio.Runner(loop_factory=loop_factory).run(main)
    except SystemExit as error:  # uvicorn exits this way when it cannot listen
        exit_now(error.code if isinstance(error.code, int) else EXIT_FAILED)


def run_to_exit_status(
    work: Callable[[], int], log: logging.Logger, name: str, *, on_failure: int = EXIT_FAILED
) -> int:
    """Return the result of the work; on an error, log it and return its exit status.

    Args:
        work: the work of the process.
        log: receives the error.
        name: of the work, for the log.
        on_failure: status for every other error.
    """
    try:
        return work()
    except ConfigurationError as error:
        log.critical("configuration error", extra={"reason": str(error)})
        return EXIT_CONFIGURATION
    except DeviceLost as error:
        log.critical("device lost", extra={"reason": str(error)})
        return EXIT_SOFTWARE
    # The boundary of the process: Python itself would print the traceback only after waiting for its threads.
    except Exception:
        log.exception(f"{name} failed")
        return on_failure


def exit_now(exit_status: int) -> NoReturn:
    """Flush the logs and end the process at once, together with its threads."""
    logging.shutdown()
    os._exit(exit_status)
