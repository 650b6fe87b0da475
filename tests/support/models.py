"""Models for tests, loaded as the real one is (`INFERENCE_MODEL=tests.support.models:EchoModel`).

The first pixel says what happens: its value modulo 10 is the predicted class, unless it is one of the faults below.
For a model of texts the first word says it.
"""

import logging
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from inference_bridge.errors import InvalidInput
from inference_bridge.kinds import Bytes, Json, Tensor, Text
from inference_bridge.spec import ModelSpec
from inference_worker.model import Input
from mnist_model.spec import SPEC

logger = logging.getLogger(__name__)

ANSWERS_TOO_FEW, ANSWERS_A_DICT, ANSWERS_AN_ERROR = 246, 247, 248
RAISES, KILLS, HANGS, RUNS_OUT_OF_MEMORY, LOSES_THE_DEVICE, ANSWERS_NAN = 250, 251, 252, 253, 254, 255


class EchoModel:
    """Predicts the class that the first pixel names; keeps the sizes of the batches it was given."""

    spec: ClassVar[ModelSpec] = SPEC

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        return cls()

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batch_sizes.append(len(batch))
        return np.eye(10, dtype=np.float32)[batch[:, 0, 0] % 10]  # (B, 10)


class SlowModel(EchoModel):
    """Takes 20 ms for each input, so that a batch can be caught in the middle."""

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        time.sleep(0.02 * len(batch))
        return super().predict_batch(batch)


class GatedModel(EchoModel):
    """Answers its first batch at once, and the later ones when the file that `GATE` names is there.

    It logs that it waits: from then on the worker is in the middle of a batch for as long as the test likes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._gate = Path(os.environ["GATE"])
        self._is_first = True

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        if batch.any() and not self._is_first:
            self._wait()
        self._is_first = self._is_first and not batch.any()
        return super().predict_batch(batch)

    def _wait(self) -> None:
        logger.info("waiting at the gate")
        while not self._gate.exists():
            time.sleep(0.01)


class HangingModel(EchoModel):
    """Never comes back from any input but the empty one, with which a model is warmed up."""

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        if batch.any():
            logger.info("model hangs")
            time.sleep(3_600)
        return super().predict_batch(batch)


class NeverWarmModel(EchoModel):
    """Never comes back from any input."""

    def predict_batch(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        time.sleep(3_600)
        return super().predict_batch(batch)


class FaultyModel(EchoModel):
    """Does what the first pixel of any input in the batch says.

    Attributes:
        released: ends a hang, which lasts for ever otherwise; for tests whose process goes on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def predict_batch(self, batch: NDArray[np.uint8]) -> Any:
        marks = set(batch[:, 0, 0].tolist())
        if RAISES in marks:
            raise ValueError("this input is poison")
        if KILLS in marks:
            os.kill(os.getpid(), signal.SIGKILL)
        if HANGS in marks:
            self.released.wait()
        if RUNS_OUT_OF_MEMORY in marks and len(batch) > 2:
            raise torch.cuda.OutOfMemoryError("out of memory")
        if LOSES_THE_DEVICE in marks:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return _with_faults(super().predict_batch(batch), batch[:, 0, 0])


def _with_faults(answers: NDArray[np.float32], marks: NDArray[np.uint8]) -> Any:
    answers[marks == ANSWERS_NAN] = np.nan
    if ANSWERS_A_DICT in marks:
        return dict(enumerate(answers))
    if ANSWERS_TOO_FEW in marks:
        return answers[1:]
    if ANSWERS_AN_ERROR in marks:
        error = ValueError("this input is poison")
        return [error if mark == ANSWERS_AN_ERROR else row for mark, row in zip(marks, answers, strict=True)]
    return answers


class Options(BaseModel):
    """The parameters of `WordsModel`."""

    factor: float = Field(default=1.0, ge=0, le=100)


class Score(BaseModel):
    """The answer of `WordsModel`."""

    score: float
    text: str


class Words(NamedTuple):
    """The item of `WordsModel`: letters, as many as the text has, and the factor of the job."""

    letters: NDArray[np.int64]
    text: str
    factor: float


class WordsModel:
    """Scores texts of one length together, with seeded weights.

    The first word of a text names a fault: see `decode`, `group` and `_answer`.

    Attributes:
        batch_sizes: of the batches that it was given.
        released: ends a hang.
    """

    spec: ClassVar[ModelSpec] = ModelSpec(
        "words", 1, takes=Text(max_chars=1_000), answers=Json(Score), params=Options, example=b"one two three"
    )

    def __init__(self) -> None:
        self._weights = torch.rand(256, generator=torch.Generator().manual_seed(14))
        self.batch_sizes: list[int] = []
        self.released = threading.Event()

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        return cls()

    def decode(self, given: Input) -> Words:
        fault = given.value.partition(" ")[0]
        if fault == "refuse":
            raise InvalidInput("this text is not for us")
        if fault == "raise-in-decode":
            raise ValueError("this text is poison")
        if fault == "stop-in-decode":
            raise StopIteration
        if fault == "sleep":
            time.sleep(0.02)
        if fault == "hang":
            self.released.wait()
        return Words(np.frombuffer(given.value.encode(), np.uint8).astype(np.int64), given.value, given.params.factor)

    def group(self, item: Words) -> Any:
        if item.text.startswith("raise-in-group"):
            raise KeyError("this text has no group")
        return [item.text] if item.text.startswith("unhashable") else len(item.text)

    def predict_batch(self, items: list[Words]) -> list[Any]:
        self.batch_sizes.append(len(items))
        if any(item.text.startswith("raise ") for item in items):
            raise ValueError("this text is poison")
        if any(item.text.startswith("stop ") for item in items):
            raise StopIteration
        if len(items) > 2 and any(item.text.startswith("memory ") for item in items):
            raise torch.cuda.OutOfMemoryError("out of memory")
        letters = torch.from_numpy(np.stack([item.letters for item in items]))  # (B, L)
        scores = self._weights[letters].mean(dim=1)  # (B)
        return [self._answer(item, float(score)) for item, score in zip(items, scores, strict=True)]

    def _answer(self, item: Words, score: float) -> Any:
        faults = {
            "error": ValueError("this text is poison"),
            "error-for-client": InvalidInput("this text is not for us"),
            "wrong-type": {"score": "high", "text": item.text},
            "none": None,
            "nan": Score(score=float("nan"), text=item.text),
            "changed": Score.model_construct(score="high", text=item.text),  # type: ignore[arg-type]
            "huge": Score(score=score, text="x" * 10_000),
            "dict": {"score": score * item.factor, "text": item.text},
        }
        return faults.get(item.text.partition(" ")[0], Score(score=score * item.factor, text=item.text))


class ScalesModel:
    """Multiplies four numbers by seeded weights; answers them as bytes. The first number is a fault if it is below 0.

    -1 answers a text, and -2 answers more than a test allows.
    """

    spec: ClassVar[ModelSpec] = ModelSpec(
        "scales",
        2,
        takes=Tensor("float32", (4,)),
        answers=Bytes("application/octet-stream"),
        example=np.arange(4, dtype="<f4").tobytes(),
    )

    def __init__(self) -> None:
        self.weights = torch.rand(4, generator=torch.Generator().manual_seed(14)).numpy()

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        return cls()

    def predict_batch(self, batch: NDArray[np.float32]) -> list[Any]:
        faults = {-1.0: "text", -2.0: bytes(10_000)}
        return [faults.get(float(row[0]), (row * self.weights).tobytes()) for row in batch]


class FirstPair(WordsModel):
    """Version 1 of a model."""

    spec = replace(WordsModel.spec, name="pair")


class SecondPair(WordsModel):
    """Version 2 of the same model."""

    spec = replace(WordsModel.spec, name="pair", version=2)


class DriftedModel(WordsModel):
    """A model whose spec differs from the spec that a test gives to the API."""

    spec = replace(WordsModel.spec, name="drift", takes=Text(max_chars=2_000))
