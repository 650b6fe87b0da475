"""Where pictures are prepared: small ones at once, whatever may take long in a thread."""

import threading
from typing import Any

import pytest

from mnist_api import decoder, images
from mnist_api.decoder import Decoder
from mnist_api.images import SMALL_BYTES
from tests.unit.api.conftest import a_picture


@pytest.mark.parametrize(("extra_bytes", "is_at_once"), [(0, True), (SMALL_BYTES, False)], ids=["small", "large"])
async def test_not_even_the_header_of_a_large_file_holds_up_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, extra_bytes: int, is_at_once: bool
) -> None:
    threads: list[threading.Thread] = []
    opened = images.opened

    def noted(picture: bytes) -> Any:
        threads.append(threading.current_thread())
        return opened(picture)

    monkeypatch.setattr(images, "opened", noted)
    monkeypatch.setattr(decoder, "opened", noted)
    preparing = Decoder(max_pixels=1_000_000, thread_count=1, max_decodes=1)

    assert len(await preparing.prepare(a_picture() + bytes(extra_bytes))) == 784
    preparing.close()

    assert [thread is threading.main_thread() for thread in threads] == [is_at_once]
