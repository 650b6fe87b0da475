"""From what a model answers to the result of a job."""

import json
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from inference_bridge.errors import BadAnswer, PredictionFailed, ResultTooLarge
from inference_bridge.kinds import Probabilities
from inference_bridge.results import Result
from inference_worker.answers import check_count, to_result
from inference_worker.failures import Failure
from mnist_model.spec import SPEC
from tests.support.models import ScalesModel, Score, WordsModel

ID = "0" * 24
THREE = replace(SPEC, answers=Probabilities(3))


def result_of(answer: Any, spec: Any = THREE, *, max_bytes: int = 4_096) -> Result | Failure:
    return to_result(ID, answer, spec, max_bytes=max_bytes)


@pytest.mark.parametrize(
    "answers",
    [
        [1, 2],
        (1, 2),
        deque([1, 2]),
        np.zeros((2, 3)),
        torch.zeros(2, 3),
    ],
)
def test_a_sequence_or_an_array_of_the_right_length_is_a_list_of_answers(answers: Any) -> None:
    assert len(check_count(answers, 2)) == 2


@pytest.mark.parametrize("answers", [{0: 1, 1: 2}, {1, 2}, "ab", b"ab", bytearray(b"ab"), None, 2, iter([1, 2])])
def test_what_is_not_a_sequence_of_answers_is_refused(answers: Any) -> None:
    with pytest.raises(BadAnswer, match=f"answered a {type(answers).__name__} to a batch of 2, not a sequence"):
        check_count(answers, 2)


def test_an_array_without_a_dimension_is_refused() -> None:
    with pytest.raises(BadAnswer, match="not a sequence"):
        check_count(np.float32(1), 1)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_length_is_refused_with_both_numbers(count: int) -> None:
    with pytest.raises(BadAnswer, match=f"gave {count} answers to a batch of 2"):
        check_count([1] * count, 2)


@pytest.mark.parametrize(
    "answer", [np.array([0.25, 0.75, 0], np.float32), [0.25, 0.75, 0], torch.tensor([0.25, 0.75, 0]), (0.25, 0.75, 0)]
)
def test_probabilities_may_be_any_row_of_numbers(answer: Any) -> None:
    result = result_of(answer)

    assert isinstance(result, Result)
    assert json.loads(result.body)["probabilities"] == [0.25, 0.75, 0]
    assert json.loads(result.body)["predicted_class"] == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([0.5, 0.5], id="too-short"),
        pytest.param(np.zeros((3, 1)), id="a-column"),
        pytest.param([[1], [2, 3], 4], id="ragged"),
        pytest.param(["a", "b", "c"], id="words"),
        pytest.param(np.zeros(3, complex), id="complex"),
        pytest.param(None, id="none"),
        pytest.param({0: 1}, id="a-dict"),
        pytest.param(torch.zeros(3, requires_grad=True), id="with-a-gradient"),
    ],
)
def test_what_is_not_a_row_of_probabilities_is_a_bad_answer(answer: Any) -> None:
    assert isinstance(result_of(answer), BadAnswer)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_probability_that_is_not_finite_is_not_stored(odd: float) -> None:
    failure = result_of([0.5, odd, 0])

    assert type(failure) is PredictionFailed
    assert "not finite" in str(failure)


@pytest.mark.parametrize("answer", [Score(score=1, text="a"), {"score": 1, "text": "a"}])
def test_a_document_may_be_an_object_or_what_makes_one(answer: Any) -> None:
    result = result_of(answer, WordsModel.spec)

    assert isinstance(result, Result)
    assert json.loads(result.body)["output"] == {"score": 1.0, "text": "a"}


def test_a_document_that_does_not_fit_says_where() -> None:
    failure = result_of({"score": 1}, WordsModel.spec)

    assert str(failure) == "the model's answer did not fit its spec: text: Field required"


@pytest.mark.parametrize("answer", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
def test_bytes_are_the_output(answer: Any) -> None:
    result = result_of(answer, ScalesModel.spec)

    assert isinstance(result, Result)
    assert result.output == b"abc"
    assert json.loads(result.body)["output"]["bytes"] == 3


@pytest.mark.parametrize("answer", ["abc", 3, None, [1, 2]])
def test_what_is_not_bytes_is_a_bad_answer(answer: Any) -> None:
    assert isinstance(result_of(answer, ScalesModel.spec), BadAnswer)


@pytest.mark.parametrize(
    ("spec", "answer"),
    [
        pytest.param(THREE, [0.1, 0.2, 0.7], id="probabilities"),
        pytest.param(WordsModel.spec, {"score": 1, "text": "a"}, id="json"),
        pytest.param(ScalesModel.spec, bytes(200), id="bytes"),
    ],
)
def test_a_result_may_have_as_many_bytes_as_the_setting_says(spec: Any, answer: Any) -> None:
    result = result_of(answer, spec)
    assert isinstance(result, Result)
    size = len(result.output or result.body)

    assert result_of(answer, spec, max_bytes=size) == result
    assert isinstance(result_of(answer, spec, max_bytes=size - 1), ResultTooLarge)
