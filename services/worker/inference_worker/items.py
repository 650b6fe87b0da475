"""Items: a model's inputs, read from the bodies of jobs."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from inference_bridge.errors import InvalidInput
from inference_bridge.jobs import Job
from inference_bridge.kinds import Json, Picture, Tensor, Text
from inference_bridge.spec import ModelSpec
from inference_worker.failures import Failure, failure_of, first_problem
from inference_worker.model import Input, Model
from inference_worker.pinned import concatenate


class Item(NamedTuple):
    """An input that is ready for the model.

    Attributes:
        value: what `decode` has returned; the body itself for a model whose items are only joined.
        group: items of an equal group share a forward pass.
    """

    value: Any
    group: Hashable = None


class ItemReader:
    """Reads the items of one model.

    Attributes:
        is_immediate: the items are the bodies, so that reading needs no thread.
        has_groups: the model groups its items.
    """

    def __init__(self, model: Model) -> None:
        self._spec = model.spec
        self._decode: Callable[[Input], Any] | None = getattr(model, "decode", None)
        self._group: Callable[[Any], Hashable] | None = getattr(model, "group", None)
        takes = self._spec.takes
        self._arrays = takes if isinstance(takes, Picture | Tensor) and self._decode is None else None
        self.has_groups = self._group is not None
        self.is_immediate = self._arrays is not None and not self.has_groups

    def read(self, job: Job) -> Item | Failure:
        """Return the item of a job, or the reason why it has none; calls `decode` and `group`."""
        if self.is_immediate:
            return Item(job.body)
        try:
            given = as_input(job, self._spec)
            value = given.value if self._decode is None else self._decode(given)
            group = None if self._group is None else self._group(value)
            hash(group)
        # The boundary to a model's code: any exception is an error of this job.
        except Exception as error:
            return failure_of(error)
        return Item(value, group)

    def join(self, values: Sequence[Any]) -> Any:
        """Return the values of a group as `predict_batch` gets them: one array (B, *shape), or a list."""
        if self._arrays is None:
            return list(values)
        if self.has_groups:
            return np.stack(values)  # (B, *shape)
        return _array(concatenate(values), self._arrays).reshape(-1, *self._arrays.shape)  # (B, *shape)

    def example(self) -> Job:
        """Return a job for the warm-up: zeros where the API prepares the input, else the example of the spec."""
        takes = self._spec.takes
        body = bytes(takes.max_body_bytes) if isinstance(takes, Picture | Tensor) else self._spec.example
        return Job("", body, submitted_s=0, deadline_ms=0)


def as_input(job: Job, spec: ModelSpec) -> Input:
    """Return the input of a job.

    Raises:
        InvalidInput: the body or the parameters do not fit the spec.
    """
    params = None if spec.params is None else _parse(spec.params, job.params or "{}", "params")
    return Input(_value(job.body, spec), params, job.content_type or spec.takes.content_types[0])


def _value(body: bytes, spec: ModelSpec) -> Any:
    takes = spec.takes
    if isinstance(takes, Picture | Tensor):
        return _array(bytearray(body), takes).reshape(takes.shape)  # shape
    if isinstance(takes, Json):
        return _parse(takes.document, body, takes.noun)
    if isinstance(takes, Text):
        return _text(body)
    return body


def _array(data: bytearray | NDArray[np.uint8], takes: Picture | Tensor) -> NDArray[Any]:
    return np.frombuffer(data, dtype=np.dtype(takes.dtype).newbyteorder("<"))


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the text is not valid UTF-8 at byte {error.start}; send UTF-8") from error


def _parse(model: Any, text: str | bytes, noun: str) -> BaseModel:
    try:
        parsed: BaseModel = model.model_validate_json(text)
    except ValidationError as error:
        raise InvalidInput(f"the {noun} did not fit: {first_problem(error)}") from error
    return parsed
