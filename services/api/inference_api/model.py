"""The API's half of a model, and how it is imported."""

from collections.abc import Callable
from typing import Any, Protocol

from inference_bridge.errors import ConfigurationError, InvalidInput
from inference_bridge.imports import import_named
from inference_bridge.spec import ModelSpec


class Prepare(Protocol):
    """Turns a client's input into the body of a job. Its module does not import torch."""

    def __call__(self, file: bytes, *, max_pixels: int) -> bytes | Callable[[], bytes]:
        """Return the body, or a function that returns it; the API runs the function in a thread, several at once.

        Args:
            file: from any client, so possibly hostile.
            max_pixels: most pixels of a picture, width times height.

        Returns:
            `spec.body_bytes` bytes. The function blocks the event loop, so it returns bytes only if that is fast.

        Raises:
            InvalidInput: the file is invalid.
        """


def import_prepare(spec: ModelSpec) -> Prepare:
    """Return the function that a spec names; if it names none, clients send the body itself.

    Raises:
        ConfigurationError: there is no such function.
    """
    if spec.prepare is None:
        return _body_of(spec)
    found: Any = import_named(spec.prepare)
    if not callable(found):
        raise ConfigurationError(f"{spec.prepare!r}, the preparation of {spec.message_type}, is not a function")
    prepare: Prepare = found
    return prepare


def _body_of(spec: ModelSpec) -> Prepare:
    def check_length(file: bytes, *, max_pixels: int) -> bytes:
        if len(file) != spec.body_bytes:
            raise InvalidInput(f"the input has {len(file)} bytes, expected {spec.body_bytes}; send a tensor of uint8")
        return file

    return check_length
