"""Where pictures are prepared: small ones at once, whatever may take long in a thread."""

import asyncio
import threading
from typing import Any

import pytest

import mnist_model.prepare as preparation
from inference_pictures.errors import UnreadableImage
from mnist_api import decoder
from mnist_api.decoder import Decoder
from mnist_bridge.errors import InferenceError, QueueFull
from mnist_model.prepare import SMALL_BYTES
from tests.clock import Clock
from tests.unit.api.conftest import TIMEOUT_S, a_picture


def ignore(_: float) -> None:
    """Take a time that nobody asks for."""


@pytest.mark.parametrize(("extra_bytes", "is_at_once"), [(0, True), (SMALL_BYTES, False)], ids=["small", "large"])
async def test_not_even_the_header_of_a_large_file_holds_up_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, extra_bytes: int, is_at_once: bool
) -> None:
    threads: list[threading.Thread] = []
    opened = preparation.open_picture

    def noted(picture: bytes) -> Any:
        threads.append(threading.current_thread())
        return opened(picture)

    monkeypatch.setattr(preparation, "open_picture", noted)
    monkeypatch.setattr(decoder, "open_picture", noted)
    preparing = Decoder(max_pixels=1_000_000, thread_count=1, max_decodes=1, on_prepared=ignore)

    assert len(await preparing.prepare(a_picture() + bytes(extra_bytes))) == 784
    preparing.close()

    assert [thread is threading.main_thread() for thread in threads] == [is_at_once]


async def test_the_time_of_a_picture_is_that_of_its_work_without_its_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, is_free, times = Clock(), threading.Event(), list[float]()
    begun = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    def work(picture: bytes, **_: int) -> bytes:
        loop.call_soon_threadsafe(begun.release)
        is_free.wait(TIMEOUT_S)
        clock.now_s += 1
        return picture

    monkeypatch.setattr(decoder, "prepare", work)
    monkeypatch.setattr(decoder.time, "perf_counter", clock)
    preparing = Decoder(max_pixels=1_000, thread_count=1, max_decodes=2, on_prepared=times.append)
    tasks = [asyncio.create_task(preparing.prepare(bytes(SMALL_BYTES + 1))) for _ in range(2)]
    await asyncio.wait_for(begun.acquire(), TIMEOUT_S)
    clock.now_s += 60

    is_free.set()
    await asyncio.wait_for(asyncio.gather(*tasks), TIMEOUT_S)
    preparing.close()

    assert times == [61, 1]  # the first had the thread all the time


@pytest.mark.parametrize(
    ("max_decodes", "error"),
    [pytest.param(1, UnreadableImage, id="a-wrong-picture"), pytest.param(0, QueueFull, id="too-many")],
)
async def test_a_picture_that_is_refused_has_no_time(max_decodes: int, error: type[InferenceError]) -> None:
    times = list[float]()
    preparing = Decoder(max_pixels=1_000, thread_count=1, max_decodes=max_decodes, on_prepared=times.append)

    with pytest.raises(error):
        await preparing.prepare(a_picture()[:60] + bytes(SMALL_BYTES))
    preparing.close()

    assert times == []
