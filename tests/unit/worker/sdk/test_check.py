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
from inference_worker.sdk.commands import run_command
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


def test_a_bad_input_that_changes_the_order_is_named() -> None:
    def answer(batch: Any) -> Any:
        rows = Shares().predict_batch(batch)
        return rows if np.isfinite(batch).all() else rows[::-1]

    [problem] = find_problems(spoiled(answer))

    assert problem.startswith("A bad input changes its neighbours' answers: an answer, then the error")


@pytest.mark.parametrize(
    ("takes", "example", "complaint"),
    [
        (Tensor("float32", (2,)), b"abc", "it has 3 bytes, but float32 (2,) has 8"),
        (Text(max_chars=2), b"abc", "its length is 3, but the spec allows 2"),
        (Text(), b"\xff", "the text is not valid UTF-8 at byte 0"),
        (Json(Point), b'{"y": 1}', "the document did not fit: x: Field required"),
        (Json(Point), b"{", "the document did not fit: Invalid JSON"),
        (File(("audio/wav",)), b"RIFF", "its first bytes are not those of audio/wav"),
        (Picture(4, 3), b"\0", "it is missing"),
        (Picture(4, 3), b"garbage", "the file is not a picture in one of the formats PNG"),
        (File(("audio/wav",), max_bytes=4), b"RIFF1234WAVE", "its length is 12, but the spec allows 4"),
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
        (Picture(4, 3), b"P5 1 1 255\n\xff"),
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

    assert problem.startswith("A bad input fails: `decode` raised KeyError")
    assert "raise InvalidInput" in problem


def test_a_batch_that_a_bad_input_fails_is_named() -> None:
    def answer(batch: Any) -> Any:
        if not np.isfinite(batch).all():
            raise ValueError("not a number")
        return Shares().predict_batch(batch)

    [problem] = find_problems(spoiled(answer))

    assert problem.startswith(
        "A bad input fails its batch, which then runs again in halves: `predict_batch` raised ValueError"
    )


@pytest.mark.parametrize(
    ("answers", "given"),
    [(Json(Point), [{"x": 0.5}]), (Bytes("image/png"), [b"\x89PNG\r\n\x1a\n"])],
)
def test_every_kind_of_answer_is_tried(answers: Any, given: Sequence[Any]) -> None:
    spec = ModelSpec("shares", 1, takes=Text(), answers=answers, example=b"a")
    model = type("Answering", (Shares,), {"spec": spec, "predict_batch": lambda _, batch: list(given) * len(batch)})

    assert find_problems(model()) == []


EXAMPLES: dict[str, tuple[Any, bytes]] = {
    "text": (Text(max_chars=100), b"a text"),
    "json": (Json(Point), b'{"x": 8}'),
    "file": (File(("application/octet-stream",)), b"any file"),
}


def mean_of(given: Any) -> float:
    """Return a number that differs between two inputs of any kind."""
    if isinstance(given, Point):
        return given.x / 10
    data = given if isinstance(given, bytes) else given.encode()
    return float(np.average(np.frombuffer(data, np.uint8), weights=np.arange(len(data)) + 1.0)) / 1_000


def answering(kind: str, answer: Any, answers: Any = Json(Point)) -> Any:  # noqa: B008
    """Return a model of another input; `answer` makes the answers of a batch from the items."""
    takes, example = EXAMPLES[kind]
    spec = ModelSpec("shares", 1, takes=takes, answers=answers, example=example)
    return type("Answering", (Shares,), {"spec": spec, "predict_batch": lambda _, items: answer(items)})()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_wrong_order_of_the_answers_is_named_for_every_kind_of_input(kind: str) -> None:
    def answer(items: Any) -> Any:
        return [Point(x=mean_of(item)) for item in items]

    assert find_problems(answering(kind, answer)) == []
    [problem] = find_problems(answering(kind, lambda items: answer(items)[::-1]))

    assert "another answer than alone" in problem


def test_padding_that_counts_is_named() -> None:
    def answer(texts: Any) -> Any:
        longest = max(len(text) for text in texts)
        return [Point(x=sum(text.encode()) / longest) for text in texts]

    [problem] = find_problems(answering("text", answer))

    assert "padding that counts" in problem


def test_a_limit_that_rounding_crosses_is_named() -> None:
    def answer(texts: Any) -> Any:
        mean = 0.5 + 1e-9 * len(texts)  # the order of a sum depends on the batch
        return [Point(x=mean > 0.5 + 2e-9)] * len(texts)

    [problem] = find_problems(answering("text", answer))

    assert "round before you compare" in problem


def test_files_in_a_wrong_order_are_named() -> None:
    [problem] = find_problems(
        answering("text", lambda texts: [text.encode() for text in texts][::-1], Bytes("text/plain"))
    )

    assert "it is that of another input" in problem


@pytest.mark.parametrize(("output", "begin"), [(b"", "0 bytes"), (b"hello", "begin with b'hello'")])
def test_an_answer_that_is_not_a_file_of_its_type_is_named(output: bytes, begin: str) -> None:
    [problem] = find_problems(answering("text", lambda texts: [output] * len(texts), Bytes("image/png")))

    assert begin in problem
    assert "not a valid file of the type image/png" in problem


def test_an_order_that_cannot_be_seen_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shares, "predict_batch", lambda _, batch: np.full((len(batch), 4), 0.25))

    check_model(f"{__name__}:Shares", None, "cpu", max_batch_size=1)

    assert "not checked: the order of the answers" in capsys.readouterr().out


def test_a_picture_that_is_not_decoded_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = taking(Picture(4, 3, prepare="no_such_package:begin"), b"garbage")
    monkeypatch.setattr(Shares, "spec", picture.spec)
    monkeypatch.setattr(Shares, "predict_batch", type(picture).predict_batch)

    check_model(f"{__name__}:Shares", None, "cpu", max_batch_size=1)

    assert "not checked: the picture of the example" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"group": lambda _, item: [1]}, "`group` raised TypeError: unhashable type: 'list'. Correct"),
        ({"decode": lambda: 1}, "`decode` raised TypeError: "),
    ],
)
def test_a_wrong_method_is_named_without_a_line_of_ours(members: dict[str, Any], complaint: str) -> None:
    [problem] = find_problems(type("Wrong", (Shares,), members)())

    assert complaint in problem
    assert ".py" not in problem


def test_the_report_ends_with_the_times_of_each_batch_size(capsys: pytest.CaptureFixture[str]) -> None:
    status = check_model("mnist_model.predict", None, "cpu", max_batch_size=4)

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert [line.split()[0] for line in lines[lines.index("batch size   ms a batch   inputs/s") + 1 :][:3]] == list(
        "124"
    )
    assert lines[-1] == "The model does what its spec says."


def test_a_device_that_fails_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(Shares, "predict_batch", fail)

    status = run_command(["check", f"{__name__}:Shares"])

    assert (status, capsys.readouterr().err) == (
        1,
        "the device failed: CUDA error: device-side assert triggered; restart the worker\n",
    )


def test_a_problem_makes_the_status_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shares, "predict_batch", lambda _, batch: batch)

    status = check_model(f"{__name__}:Shares", None, "cpu", max_batch_size=4)

    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert lines[-2] == "WRONG  The example has an answer of the kind in the spec."
    assert lines[-1].endswith("apply softmax.")
