"""Where uploads are prepared: small ones at once, whatever may take long in a thread."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from inference_api import preparation
from inference_api.inputs.input import Input
from inference_api.preparation import Preparation
from inference_bridge.errors import InferenceError, InvalidInput, QueueFull
from tests.support.clock import Clock
from tests.unit.api.conftest import TIMEOUT_S, a_picture


def ignore(_: float) -> None:
    """Take a time that nobody asks for."""


def raise_invalid_input() -> bytes:
    raise InvalidInput("a wrong picture")


def an_input(prepare: Callable[[bytes], bytes | Callable[[], bytes]]) -> Input:
    return Input("picture", max_bytes=1_000, media_types=("image/*",), prepare=prepare)


@pytest.mark.parametrize("is_at_once", [True, False], ids=["a-body", "a-function"])
async def test_only_what_a_model_does_not_answer_at_once_is_prepared_in_a_thread(is_at_once: bool) -> None:
    threads: list[threading.Thread] = []

    def work() -> bytes:
        threads.append(threading.current_thread())
        return b"body"

    given = an_input(lambda _: work() if is_at_once else work)
    preparing = Preparation(thread_count=1, max_preparations=1)

    assert await preparing.prepare(given, a_picture(), on_prepared=ignore) == b"body"
    preparing.close()

    assert [thread is threading.main_thread() for thread in threads] == [is_at_once]


async def test_the_time_of_a_picture_is_that_of_its_work_without_its_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, is_free, times = Clock(), threading.Event(), list[float]()
    begun = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    def work() -> bytes:
        loop.call_soon_threadsafe(begun.release)
        is_free.wait(TIMEOUT_S)
        clock.now_s += 1
        return b"body"

    monkeypatch.setattr(preparation.time, "perf_counter", clock)
    preparing, given = Preparation(thread_count=1, max_preparations=2), an_input(lambda _: work)
    tasks = [asyncio.create_task(preparing.prepare(given, b"a picture", on_prepared=times.append)) for _ in range(2)]
    await asyncio.wait_for(begun.acquire(), TIMEOUT_S)
    clock.now_s += 60

    is_free.set()
    await asyncio.wait_for(asyncio.gather(*tasks), TIMEOUT_S)
    preparing.close()

    assert times == [61, 1]  # the first had the thread all the time


@pytest.mark.parametrize(
    ("max_preparations", "error"),
    [pytest.param(1, InvalidInput, id="a-wrong-picture"), pytest.param(0, QueueFull, id="too-many")],
)
async def test_a_picture_that_is_refused_has_no_time(max_preparations: int, error: type[InferenceError]) -> None:
    times = list[float]()

    preparing = Preparation(thread_count=1, max_preparations=max_preparations)

    with pytest.raises(error):
        await preparing.prepare(an_input(lambda _: raise_invalid_input), b"a picture", on_prepared=times.append)
    preparing.close()

    assert times == []
