"""Threads for a model's code, each call with a deadline."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from inference_bridge.errors import DeviceLost

Given = TypeVar("Given")
Answer = TypeVar("Answer")


class Threads:
    """Runs calls in a number of threads, in the order of their arrival.

    Args:
        count: number of threads.
        name: of the calls, for the error.
        timeout_s: seconds after which a call counts as hung and the process must restart.
    """

    def __init__(self, count: int, *, name: str, timeout_s: float) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._free = asyncio.Semaphore(count)
        self._name = name
        self._timeout_s = timeout_s

    async def run(self, call: Callable[[Given], Answer], given: Given) -> Answer:
        """Return the answer of a call; its time counts from the moment in which a thread is free for it.

        Raises:
            DeviceLost: the call hangs.
        """
        async with self._free:
            running = asyncio.get_running_loop().run_in_executor(self._threads, _call, call, given)
            done, _ = await asyncio.wait([running], timeout=self._timeout_s)
        if not done:
            raise DeviceLost(f"{self._name} took more than {self._timeout_s} s; restart the worker")
        return running.result()

    async def map(self, call: Callable[[Given], Answer], many: Iterable[Given]) -> list[Answer]:
        """Return the answer of each call, in order."""
        return await asyncio.gather(*(self.run(call, given) for given in many))

    def close(self) -> None:
        """End the threads after their current calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _call(call: Callable[[Given], Answer], given: Given) -> Answer:
    try:
        return call(given)
    except StopIteration as error:  # a future that ends with it would never be done
        raise RuntimeError("the model raised StopIteration") from error
