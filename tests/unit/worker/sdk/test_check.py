"""`check` finds what is wrong with a model, and says it in sentences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from pydantic import BaseModel

from inference_bridge.kinds import Bytes, File, Json, Picture, Probabilities, Tensor, Text
from inference_bridge.spec import ModelSpec
from inference_worker.model import Input
from inference_worker.sdk.check import check_model, find_problems
from mnist_model.predict import DigitClassifier

#: Their sum is 10.
SHARES = np.array([1, 2, 3, 4], np.float32)


class Point(BaseModel):
    x: float


class Shares:
    """Answers a tensor with the share of each element; each test spoils it in one way."""

    spec: ClassVar[ModelSpec] = ModelSpec(
        "shares", 1, takes=Tensor("float32", (4,)), answers=Probabilities(4), example=SHARES.tobytes()
    )

    @classmethod
    def load(cls, *_: object) -> "Shares":
        return cls()

    def predict_batch(self, batch: Any) -> Any:
        return batch / batch.sum(axis=1, keepdims=True)


def spoiled(answer: Any) -> Any:
    """Return the model with another `predict_batch`."""
    return type("Spoiled", (Shares,), {"predict_batch": lambda _, batch: answer(batch)})()


def taking(takes: Any, example: bytes, decode: Any = None) -> Any:
    """Return a model of another input; its answers do not depend on it."""
    members: dict[str, Any] = {
        "spec": ModelSpec("shares", 1, takes=takes, answers=Probabilities(2), example=example),
        "predict_batch": lambda _, batch: np.full((len(batch), 2), 0.5),
    }
    return type("Taking", (Shares,), members if decode is None else {**members, "decode": decode})()


def test_a_sound_model_has_no_problems() -> None:
    assert find_problems(Shares()) == []


def test_the_model_that_comes_with_the_project_has_no_problems() -> None:
    assert find_problems(DigitClassifier.load(None, torch.device("cpu"))) == []


def raise_for_batches(batch: Any) -> Any:
    if len(batch) > 1:
        raise RuntimeError("shapes differ")
    return np.full((1, 4), 0.25)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda batch: {"answers": batch}, "dict"),
        (lambda batch: np.full((1, 4), 0.25), "1 answers to a batch of 5"),
        (raise_for_batches, "RuntimeError: shapes differ (test_check.py, line "),
        (lambda batch: batch * np.nan, "not finite"),
        (lambda batch: np.full((len(batch), 3), 0.2), "expected 4 numbers"),
        (lambda batch: batch, "with the sum 10. Each must be in 0..1 and their sum 1: apply softmax."),
        (lambda batch: np.repeat(Shares().predict_batch(batch[:1]), len(batch), axis=0), "another answer than alone"),
        (lambda batch: Shares().predict_batch(batch)[::-1], "answers in another order"),
    ],
)
def test_a_wrong_answer_is_named(answer: Any, complaint: str) -> None:
    [problem] = find_problems(spoiled(answer))

    assert complaint in problem


def test_a_bad_input_that_changes_its_neighbours_is_named() -> None:
    def answer(batch: Any) -> Any:
        rows = Shares().predict_batch(batch)
        return rows if np.isfinite(batch).all() else np.full_like(rows, 0.5)

    [problem] = find_problems(spoiled(answer))

    assert problem.startswith("A bad input changes its neighbours' answers: probabilities[0] is 0.5 instead of 0.1")


@pytest.mark.parametrize(
    ("takes", "example", "complaint"),
    [
        (Tensor("float32", (2,)), b"abc", "it has 3 bytes, but float32 (2,) has 8"),
        (Text(max_chars=2), b"abc", "it has 3 characters, but max_chars is 2"),
        (Text(), b"\xff", "it is not valid UTF-8 at byte 0"),
        (Json(Point), b'{"y": 1}', "it does not fit the document: x: Field required"),
        (Json(Point), b"{", "it does not fit the document: Invalid JSON"),
        (File(("audio/wav",)), b"RIFF", "its first bytes are not those of audio/wav"),
        (File(("audio/wav",), max_bytes=4), b"RIFF1234WAVE", "it has 12 bytes, but max_bytes is 4"),
    ],
)
def test_an_example_of_another_kind_is_named(takes: Any, example: bytes, complaint: str) -> None:
    [problem] = find_problems(taking(takes, example))

    assert problem.startswith("The example of the spec is not a valid")
    assert complaint in problem


@pytest.mark.parametrize(
    ("takes", "example"),
    [
        (Text(), "déjà vu".encode()),
        (Json(Point), b'{"x": 1}'),
        (File(("audio/wav",)), b"RIFF1234WAVE"),
        (Picture(4, 3), b"any file"),
    ],
)
def test_every_kind_of_input_is_tried(takes: Any, example: bytes) -> None:
    assert find_problems(taking(takes, example)) == []


def test_the_example_of_a_tensor_may_be_an_npy_file(tmp_path: Path) -> None:
    file = tmp_path / "example.npy"
    np.save(file, np.array([1, 3], ">f4"))

    assert find_problems(taking(Tensor("float32", (2,)), file.read_bytes())) == []


def test_a_decode_that_does_not_say_what_is_wrong_with_a_file_is_named() -> None:
    def decode(_: object, given: Input) -> int:
        return {b"RIFF": 1}[given.value[:4]]

    [problem] = find_problems(taking(File(("audio/wav",)), b"RIFF1234WAVE", decode))

    assert problem.startswith("A bad input fails with KeyError")
    assert "raise InvalidInput" in problem


def test_a_batch_that_a_bad_input_fails_is_named() -> None:
    def answer(batch: Any) -> Any:
        if not np.isfinite(batch).all():
            raise ValueError("not a number")
        return Shares().predict_batch(batch)

    [problem] = find_problems(spoiled(answer))

    assert problem.startswith("A bad input fails its batch, which then runs again in halves: ValueError: not a number")


@pytest.mark.parametrize(
    ("answers", "given"),
    [(Json(Point), [{"x": 0.5}]), (Bytes("image/png"), [b"png"])],
)
def test_every_kind_of_answer_is_tried(answers: Any, given: Sequence[Any]) -> None:
    spec = ModelSpec("shares", 1, takes=Text(), answers=answers, example=b"a")
    model = type("Answering", (Shares,), {"spec": spec, "predict_batch": lambda _, batch: list(given) * len(batch)})

    assert find_problems(model()) == []


def test_the_report_ends_with_the_times_of_each_batch_size(capsys: pytest.CaptureFixture[str]) -> None:
    status = check_model("mnist_model.predict", None, "cpu", max_batch_size=4)

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert [line.split()[0] for line in lines[lines.index("batch size   ms a batch   inputs/s") + 1 :][:3]] == list(
        "124"
    )
    assert lines[-1] == "The model does what its spec says."


def test_a_problem_makes_the_status_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shares, "predict_batch", lambda _, batch: batch)

    status = check_model(f"{__name__}:Shares", None, "cpu", max_batch_size=4)

    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert lines[-2] == "WRONG  The example has an answer of the kind in the spec."
    assert lines[-1].endswith("apply softmax.")
