"""Waiting until something holds: as short as can be, and never for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

#: For what happens in this process.
TIMEOUT_S = 20.0
POLL_S = 0.005
#: For what other processes do, which may have to start first.
PROCESS_TIMEOUT_S = 60.0
PROCESS_POLL_S = 0.05

Found = TypeVar("Found")


async def until(condition: Callable[[], object], timeout_s: float = TIMEOUT_S, every_s: float = POLL_S) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(every_s)


async def until_found(
    look: Callable[[], Awaitable[Found | None]], timeout_s: float = TIMEOUT_S, every_s: float = POLL_S
) -> Found:
    """Look until something true is found, and return it."""
    async with asyncio.timeout(timeout_s):
        while not (found := await look()):
            await asyncio.sleep(every_s)
    return found


async def until_in_thread(condition: Callable[[], object], timeout_s: float = PROCESS_TIMEOUT_S) -> None:
    """Let the loop turn until a condition holds that blocks, such as a question to a process over HTTP."""
    await until_found(lambda: asyncio.to_thread(condition), timeout_s, PROCESS_POLL_S)


def wait_for(what: str, look: Callable[[], Found], timeout_s: float, every_s: float = 0.5) -> Found:
    """Block until something true is found, and return it; raise with `what` when it is not in time."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout_s} s there was still not: {what}")
        time.sleep(every_s)
    return found
