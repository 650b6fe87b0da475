"""A batch that the GPU's memory does not hold is halved until it fits, and no later batch is larger."""

import asyncio
from collections.abc import Sequence
from typing import Any

import torch

from inference_worker.engine import Engine
from inference_worker.items import Item
from tests.gpu.models import ITEM_COUNT, Hungry

BATCH_SIZE = 64


def test_a_batch_that_is_too_large_is_halved_and_answered(gpu: torch.device) -> None:
    engine = Engine(
        Hungry.load(None, gpu),
        max_batch_size=BATCH_SIZE,
        forward_timeout_s=60,
        decode_threads=1,
        max_result_bytes=1_000,
    )

    async def predict() -> Sequence[Any]:
        return (await engine.predict([Item(bytes([number % 8])) for number in range(BATCH_SIZE)])).answers

    try:
        answers = asyncio.run(predict())
    finally:
        engine.close()

    assert [int(answer.argmax()) for answer in answers] == [number % 8 for number in range(BATCH_SIZE)]
    assert engine.max_batch_size == BATCH_SIZE // 4 <= ITEM_COUNT
