"""Pictures: decoded here, so that no hostile file reaches a worker."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from inference_api.inputs.input import ANY_BYTES, Input
from inference_bridge.errors import ConfigurationError
from inference_bridge.imports import import_named
from inference_bridge.kinds import Picture
from inference_pictures.decode import find_media_type
from inference_pictures.errors import EmptyImage, ImageTooLarge
from inference_pictures.fit import read_fitted


class PreparePicture(Protocol):
    """Turns a picture file into the body of a job. Its module does not import torch."""

    def __call__(self, file: bytes, *, max_pixels: int) -> bytes | Callable[[], bytes]:
        """Return the body, or a function that returns it; the API runs the function in a thread, several at once.

        Args:
            file: from any client, so possibly hostile.
            max_pixels: most pixels of a picture, width times height.

        Returns:
            `takes.max_body_bytes` bytes. The call blocks the event loop, so it returns bytes only if that is fast.

        Raises:
            InvalidInput: the file is invalid.
        """


def picture_input(takes: Picture, *, max_bytes: int, max_pixels: int) -> Input:
    """Return the input of a model that takes pictures of at most `max_bytes` and `max_pixels`.

    Raises:
        ConfigurationError: the function that prepares is not there.
    """
    prepare = _fit_into(takes) if takes.prepare is None else import_prepare(takes.prepare)
    return Input(
        noun=takes.noun,
        max_bytes=max_bytes,
        media_types=("image/*", ANY_BYTES),
        prepare=partial(prepare, max_pixels=max_pixels),
        type_of=find_media_type,
        empty=EmptyImage,
        too_large=ImageTooLarge,
    )


def import_prepare(path: str) -> PreparePicture:
    """Return the function called `package.module:function`.

    Raises:
        ConfigurationError: there is no such function.
    """
    found: Any = import_named(path)
    if not callable(found):
        raise ConfigurationError(f"{path!r}, the preparation in a spec, is not a function; name a function")
    prepare: PreparePicture = found
    return prepare


def _fit_into(takes: Picture) -> PreparePicture:
    def prepare(file: bytes, *, max_pixels: int) -> Callable[[], bytes]:
        return partial(
            read_fitted,
            file,
            max_pixels=max_pixels,
            width=takes.width,
            height=takes.height,
            mode=takes.mode,
            fit=takes.fit,
        )

    return prepare
