"""What a model may offer to the API, and the door through which it is loaded."""

from collections.abc import Callable
from typing import Any, Protocol

from inference_bridge.errors import ConfigurationError, InvalidInput
from inference_bridge.imports import import_named
from inference_bridge.spec import ModelSpec


class Prepare(Protocol):
    """Turns what a caller sends into the body of a job. Its module imports no torch."""

    def __call__(self, file: bytes, *, max_pixels: int) -> bytes | Callable[[], bytes]:
        """Return the body, or a function that returns it; that one runs in a thread, several at once.

        Args:
            file: from anyone.
            max_pixels: most pixels of a picture, width times height.

        Returns:
            `spec.body_bytes` bytes; at once only if that takes next to no time: the event loop waits.

        Raises:
            InvalidInput: the file cannot be used.
        """


def import_prepare(spec: ModelSpec) -> Prepare:
    """Return the function that a spec names; without one, the caller sends the body itself.

    Raises:
        ConfigurationError: there is none.
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
