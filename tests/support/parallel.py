"""Calls side by side, of which only some are under way at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Argument = TypeVar("Argument")
Answer = TypeVar("Answer")


async def in_parallel(
    call: Callable[[Argument], Awaitable[Answer]], arguments: Iterable[Argument], *, max_concurrent: int
) -> list[Answer]:
    """Return the answers in the order of the arguments."""
    slots = asyncio.Semaphore(max_concurrent)

    async def one(argument: Argument) -> Answer:
        async with slots:
            return await call(argument)

    return list(await asyncio.gather(*(one(argument) for argument in arguments)))
