"""The inputs that a check gives to a model."""

import io
import json
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_bridge.errors import ConfigurationError, InvalidInput
from inference_bridge.imports import import_named
from inference_bridge.jobs import Job
from inference_bridge.kinds import File, Json, Picture, Tensor, Text, has_type
from inference_bridge.spec import ModelSpec
from inference_worker.items import as_input

_NPY = b"\x93NUMPY"
_ODD_TEXT = "\u202e\U0001f9d1\u200d\U0001f680 a\u0301\ufffd\u0000"
#: The default of INFERENCE_MAX_PIXELS.
_MAX_PIXELS = 16_000_000


def example_body(spec: ModelSpec) -> bytes:
    """Return the example as a worker gets it; zeros for a picture that cannot be decoded here.

    Raises:
        InvalidInput: the example is not of the kind that the model takes.
    """
    takes = spec.takes
    if spec.example == b"\0" and not isinstance(takes, Tensor):
        raise InvalidInput("it is missing, so that nobody can try the model")
    if isinstance(takes, Picture):
        prepare = find_decoder(takes)
        body = prepare(spec.example, max_pixels=_MAX_PIXELS) if prepare else bytes(takes.max_body_bytes)
        return body() if callable(body) else body
    if isinstance(takes, Tensor):
        return _tensor(spec.example, takes)
    given = as_input(Job("", spec.example, submitted_s=0, deadline_ms=0), spec).value
    length, most = (len(given), takes.max_chars) if isinstance(takes, Text) else (len(spec.example), takes.max_bytes)
    if length > most:
        raise InvalidInput(f"its length is {length}, but the spec allows {most}")
    if isinstance(takes, File) and not any(has_type(spec.example, media_type) for media_type in takes.types):
        raise InvalidInput(f"its first bytes are not those of {' or '.join(takes.types)}")
    return spec.example


def find_decoder(takes: Picture) -> Any:
    """Return the API's function that decodes pictures for this model; None where it is not installed."""
    try:
        if takes.prepare:
            return import_named(takes.prepare)
        fitted: Any = import_named("inference_pictures.fit:read_fitted")
    except ConfigurationError:
        return None
    return partial(fitted, width=takes.width, height=takes.height, mode=takes.mode, fit=takes.fit)


def other_bodies(spec: ModelSpec, example: bytes) -> list[bytes]:
    """Return inputs that differ from the example: noise for a picture, else the example shuffled, cut or changed.

    Those made from a document or a file may be invalid.
    """
    random = np.random.default_rng(seed=0)
    match spec.takes:
        case Picture():
            return [random.bytes(len(example)) for _ in range(3)]
        case Tensor():
            return [random.permutation(_elements(example, spec.takes)).tobytes() for _ in range(3)]
        case Text():
            return [part.encode() for part in _parts(example.decode()) if len(part) <= spec.takes.max_chars]
        case Json():
            whole = json.loads(example)
            fields = whole.items() if isinstance(whole, dict) else ()
            return [json.dumps({**whole, name: _lessen(value)}).encode() for name, value in fields]
        case File():
            return [part for part in _parts(example) if len(part) <= spec.takes.max_bytes]


def _parts(whole: Any) -> list[Any]:
    half = len(whole) // 2 + 1
    return [whole[:half] + whole[half:][::-1], whole[:half], whole * 2]


def _lessen(value: Any) -> Any:
    """Return a JSON value of the same form with smaller numbers, and with shorter texts and lists."""
    if isinstance(value, dict):
        return {name: _lessen(one) for name, one in value.items()}
    if isinstance(value, str | list):
        return value[: len(value) // 2 + 1]
    return value if value is None or isinstance(value, bool) else type(value)(value * 0.75)


def odd_body(spec: ModelSpec, example: bytes) -> bytes:
    """Return an input that a client may send and a model may not like."""
    match spec.takes:
        case Tensor() if "float" in spec.takes.dtype:
            return np.full_like(_elements(example, spec.takes), np.nan).tobytes()
        case Text():
            return _ODD_TEXT[: spec.takes.max_chars].encode()
        case Json():
            return b"{}"
        case File():
            return np.random.default_rng(seed=1).bytes(min(1_000, spec.takes.max_bytes))
    return b"\xff" * len(example) if isinstance(spec.takes, Picture) else bytes(len(example))


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
