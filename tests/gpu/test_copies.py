"""A model's batch lies in pinned memory, so that a copy to the GPU is asynchronous; its bytes arrive whole."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inference_bridge.kinds import Probabilities, Tensor
from inference_bridge.spec import ModelSpec
from inference_worker.engine import Engine
from inference_worker.items import Item
from tests.gpu.models import CLASS_COUNT

BODY_BYTES, BATCH_SIZE, BATCHES = 150_528, 64, 20
#: Products of large matrices, which keep a GPU busy for some milliseconds at least.
MATRIX_SIDE, PRODUCTS = 4_096, 20


class Copying:
    """Answers the class in the last byte of an input; copies to the GPU while that is busy with something else."""

    spec = ModelSpec("copying", 1, Tensor("uint8", (BODY_BYTES,)), Probabilities(CLASS_COUNT))

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._matrix = torch.zeros((MATRIX_SIDE, MATRIX_SIDE), device=device)  # (side, side)
        self._product = torch.empty_like(self._matrix)  # (side, side)
        self.pinned: list[bool] = []
        self.are_on_the_way: list[bool] = []

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        host = torch.from_numpy(batch)
        self.pinned.append(host.is_pinned())
        for _ in range(PRODUCTS):
            torch.matmul(self._matrix, self._matrix, out=self._product)  # (side, side)
        inputs = host.to(self._device, non_blocking=True)  # (B, bytes)
        copied = torch.cuda.Event()
        copied.record()
        self.are_on_the_way.append(not copied.query())
        table = torch.eye(CLASS_COUNT, device=self._device)  # (classes, classes)
        answers: NDArray[np.float32] = table[inputs[:, -1].long()].cpu().numpy()  # (B, classes)
        return answers


@pytest.fixture
def model(gpu: torch.device) -> Copying:
    """The model, after its first use of the GPU."""
    torch.zeros(1, device=gpu)
    return Copying(gpu)


def bodies(first: int) -> list[bytes]:
    return [bytes(BODY_BYTES - 1) + bytes([(first + number) % CLASS_COUNT]) for number in range(BATCH_SIZE)]


async def answers_to(engine: Engine, first: int) -> list[int]:
    prediction = await engine.predict([Item(body) for body in bodies(first)])
    return [int(answer.argmax()) for answer in prediction.answers]


async def test_copies_are_asynchronous_and_each_batch_gets_its_own_answers(model: Any) -> None:
    engine = Engine(model, max_batch_size=BATCH_SIZE, forward_timeout_s=60, decode_threads=1, max_result_bytes=1_000)
    try:
        for first in range(BATCHES):
            expected = [(first + number) % CLASS_COUNT for number in range(BATCH_SIZE)]
            assert await answers_to(engine, first) == expected
    finally:
        engine.close()

    assert all(model.pinned)
    assert all(model.are_on_the_way), "the CPU has waited for a copy"
