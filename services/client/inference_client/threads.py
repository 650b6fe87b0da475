"""Runs functions in threads that do not keep their process alive."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Given = TypeVar("Given")
Returned = TypeVar("Returned")


def start(function: Callable[[Given], Returned], argument: Given) -> Future[Returned]:
    """Run a function of one argument; the future has its value or its error.

    The threads of a ThreadPoolExecutor are joined at the end of the process, which would wait for the slowest call.
    """
    future: Future[Returned] = Future()

    def work() -> None:
        try:
            future.set_result(function(argument))
        except Exception as error:  # the reader of the future raises it
            future.set_exception(error)

    Thread(target=work, daemon=True).start()
    return future
