"""Threads for a model's code, each call with a deadline."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
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
        timeout_s: seconds after which a call counts as hung and the process must restart; it is noticed after at most
            twice the time.
    """

    def __init__(self, count: int, *, name: str, timeout_s: float) -> None:
        self._count = count
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._free = asyncio.Semaphore(count)
        self._name = name
        self._timeout_s = timeout_s

    async def run(self, call: Callable[[Given], Answer], given: Given) -> Answer:
        """Return the answer of a call; its time counts from the moment in which a thread is free for it.

        Raises:
            DeviceLost: the call hangs.
        """
        answers: dict[int, Answer] = {}
        await self._work(call, deque([(0, given)]), answers)
        return answers[0]

    async def map(self, call: Callable[[Given], Answer], many: Iterable[Given]) -> list[Answer]:
        """Return the answer of each call, in order; raise as `run`.

        A thread that has ended one call begins the next: to wake a thread for each takes longer than a short call.
        """
        waiting = deque(enumerate(many))
        answers: dict[int, Answer] = {}
        await asyncio.gather(*(self._work(call, waiting, answers) for _ in range(min(self._count, len(waiting)))))
        return [answers[number] for number in range(len(answers))]

    async def _work(
        self, call: Callable[[Given], Answer], waiting: deque[tuple[int, Given]], answers: dict[int, Answer]
    ) -> None:
        """Run the calls that wait in one thread, one after the other, until none is left."""
        ended: list[int] = []

        def work() -> None:
            while waiting:
                try:
                    number, given = waiting.popleft()
                except IndexError:  # another thread has just taken the last one
                    return
                answers[number] = _call(call, given)
                ended.append(number)

        try:
            async with self._free:
                working = asyncio.get_running_loop().run_in_executor(self._threads, work)
                await self._watch(working, ended)
            await working
        finally:
            waiting.clear()  # after an error or a cancellation, nobody wants the rest

    async def _watch(self, working: asyncio.Future[None], ended: Sequence[int]) -> None:
        """Return once the work is done; raise DeviceLost if none of its calls has ended for the whole time limit."""
        before = -1
        while not working.done():
            if len(ended) == before:
                raise DeviceLost(f"{self._name} took more than {self._timeout_s} s; restart the worker")
            before = len(ended)
            await asyncio.wait([working], timeout=self._timeout_s)

    def close(self) -> None:
        """End the threads after their current calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _call(call: Callable[[Given], Answer], given: Given) -> Answer:
    try:
        return call(given)
    except StopIteration as error:  # a future that ends with it would never be done
        raise RuntimeError("the model raised StopIteration") from error
