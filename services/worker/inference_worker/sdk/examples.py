"""The inputs that a check gives to a model."""

import io
import re

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from inference_bridge.errors import InvalidInput
from inference_bridge.kinds import FILE_SIGNATURES, File, Json, Picture, Tensor, Text
from inference_bridge.spec import ModelSpec
from inference_worker.items import first_problem

_NPY = b"\x93NUMPY"
_ODD_TEXT = "\u202e\U0001f9d1\u200d\U0001f680 a\u0301\ufffd\u0000"


def example_body(spec: ModelSpec) -> bytes:
    """Return the example as a worker gets it; zeros for a picture, because only the API decodes pictures.

    Raises:
        InvalidInput: the example is not of the kind that the model takes.
    """
    match spec.takes:
        case Picture():
            return bytes(spec.takes.max_body_bytes)
        case Tensor():
            return _tensor(spec.example, spec.takes)
        case Text():
            _check_text(spec.example, spec.takes)
        case Json():
            _check_document(spec.example, spec.takes)
        case File():
            _check_file(spec.example, spec.takes)
    return spec.example


def other_bodies(spec: ModelSpec, count: int) -> list[bytes]:
    """Return inputs for a batch: noise for a picture, a shuffled example for a tensor, else the example itself."""
    random = np.random.default_rng(seed=0)
    body = example_body(spec)
    match spec.takes:
        case Picture():
            return [random.bytes(len(body)) for _ in range(count)]
        case Tensor():
            return [random.permutation(_elements(body, spec.takes)).tobytes() for _ in range(count)]
    return [body] * count


def odd_body(spec: ModelSpec) -> bytes:
    """Return an input that a client may send and a model may not like."""
    body = example_body(spec)
    match spec.takes:
        case Tensor() if "float" in spec.takes.dtype:
            return np.full_like(_elements(body, spec.takes), np.nan).tobytes()
        case Text():
            return _ODD_TEXT[: spec.takes.max_chars].encode()
        case Json():
            return b"{}"
        case File():
            return np.random.default_rng(seed=1).bytes(min(1_000, spec.takes.max_bytes))
    return b"\xff" * len(body) if isinstance(spec.takes, Picture) else bytes(len(body))


def _elements(body: bytes, takes: Tensor) -> NDArray[np.generic]:
    return np.frombuffer(body, np.dtype(takes.dtype).newbyteorder("<"))


def _tensor(example: bytes, takes: Tensor) -> bytes:
    if example.startswith(_NPY):
        array = np.load(io.BytesIO(example), allow_pickle=False)
        if (array.dtype.name, array.shape) != (takes.dtype, takes.shape):
            raise InvalidInput(f"it is {array.dtype} {array.shape}, expected {takes.dtype} {takes.shape}")
        example = array.astype(array.dtype.newbyteorder("<")).tobytes()
    if len(example) != takes.max_body_bytes:
        raise InvalidInput(f"it has {len(example)} bytes, but {takes.dtype} {takes.shape} has {takes.max_body_bytes}")
    return example


def _check_text(example: bytes, takes: Text) -> None:
    try:
        length = len(example.decode())
    except UnicodeDecodeError as error:
        raise InvalidInput(f"it is not valid UTF-8 at byte {error.start}; encode the text") from error
    if length > takes.max_chars:
        raise InvalidInput(f"it has {length} characters, but max_chars is {takes.max_chars}")


def _check_document(example: bytes, takes: Json) -> None:
    if len(example) > takes.max_bytes:
        raise InvalidInput(f"it has {len(example)} bytes, but max_bytes is {takes.max_bytes}")
    try:
        takes.document.model_validate_json(example)  # type: ignore[union-attr]
    except ValidationError as error:
        raise InvalidInput(f"it does not fit the document: {first_problem(error)}") from error


def _check_file(example: bytes, takes: File) -> None:
    if len(example) > takes.max_bytes:
        raise InvalidInput(f"it has {len(example)} bytes, but max_bytes is {takes.max_bytes}")
    starts = [start for media_type in takes.types for start in FILE_SIGNATURES[media_type]]
    if not any(re.match(re.escape(start).replace(rb"\.", b"."), example, re.DOTALL) for start in starts):
        raise InvalidInput(f"its first bytes are not those of {' or '.join(takes.types)}")
