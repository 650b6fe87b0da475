"""A model's answers: their number, and the result that each becomes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from inference_bridge.errors import BadAnswer, PredictionFailed, ResultTooLarge
from inference_bridge.kinds import Json, Probabilities
from inference_bridge.results import Result, answered, classified, produced
from inference_bridge.spec import ModelSpec
from inference_worker.failures import Failure, first_problem

#: So few probabilities are encoded faster than a thread is woken.
FEW_CLASSES = 100


def check_count(answers: Any, count: int) -> list[Any]:
    """Return the answers to `count` items as a list.

    Raises:
        BadAnswer: they are not a sequence or an array, or not as many as the items.
    """
    is_array = getattr(answers, "ndim", 0) > 0
    if not is_array and (not isinstance(answers, Sequence) or isinstance(answers, str | bytes | bytearray)):
        raise BadAnswer(f"the model answered a {type(answers).__name__} to a batch of {count}, not a sequence")
    if len(answers) != count:
        raise BadAnswer(f"the model gave {len(answers)} answers to a batch of {count}")
    return list(answers)


def to_result(inference_id: str, answer: Any, spec: ModelSpec, *, max_bytes: int) -> Result | Failure:
    """Return the result that an answer becomes, or the reason why it becomes none.

    Args:
        inference_id: the id of the job.
        answer: of the kind in the spec, or not.
        spec: the model.
        max_bytes: most bytes of a result's body, or of its output.
    """
    try:
        result = _encode(inference_id, answer, spec)
    except PredictionFailed as error:
        return error
    except ValidationError as error:
        return BadAnswer(f"the model's answer did not fit its spec: {first_problem(error)}")
    except Exception as error:
        return BadAnswer(
            f"the model's answer, a {type(answer).__name__}, did not fit its spec ({type(error).__name__})"
        )
    size = len(result.body if result.output is None else result.output)
    if size > max_bytes:
        return ResultTooLarge(f"the answer has {size} bytes, but INFERENCE_MAX_RESULT_BYTES allows {max_bytes}")
    return result


def _encode(inference_id: str, answer: Any, spec: ModelSpec) -> Result:
    kind = spec.answers
    if isinstance(kind, Probabilities):
        return classified(inference_id, _numbers(answer, kind), spec)
    if isinstance(kind, Json):
        return answered(inference_id, _document(answer, kind), spec)
    return produced(inference_id, _output(answer), kind.content_type, spec)


def _numbers(answer: Any, kind: Probabilities) -> list[float]:
    row = np.asarray(answer)
    if row.shape != (kind.count,) or row.dtype.kind not in "fiu":
        raise BadAnswer(f"the model answered shape {row.shape} of {row.dtype}, expected {kind.count} numbers")
    if not np.isfinite(row).all():
        raise PredictionFailed("the model answered probabilities that are not finite for this input")
    numbers: list[float] = row.tolist()
    return numbers


def _document(answer: Any, kind: Json) -> bytes:
    model: Any = kind.document
    encoded: str = model.model_validate(answer).model_dump_json(by_alias=True, warnings="error")
    # An object that was changed after its creation may hold anything, and a NaN has become null.
    model.model_validate_json(encoded)
    return encoded.encode()


def _output(answer: Any) -> bytes:
    if not isinstance(answer, bytes | bytearray | memoryview):
        raise BadAnswer(f"the model answered a {type(answer).__name__}, expected bytes")
    return bytes(answer)


def needs_threads(spec: ModelSpec) -> bool:
    """Tell whether an answer of this model may take long to encode."""
    return not isinstance(spec.answers, Probabilities) or spec.answers.count > FEW_CLASSES
