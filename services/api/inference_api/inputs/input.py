"""A model's input, of any kind, as the routes see it."""

from collections.abc import Callable
from dataclasses import dataclass

from inference_bridge.errors import EmptyInput, InputTooLarge

#: The media type of any bytes.
ANY_BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Input:
    """The input of one model.

    Attributes:
        noun: names it in messages.
        max_bytes: most bytes of an upload.
        media_types: of a raw upload, for the documentation.
        prepare: returns the body of a job, or a function that does; the API runs the function in a thread, several at
            once. It blocks the event loop, so it returns a body only if that is fast. Raises InvalidInput.
        type_of: media type of a valid upload; raises InvalidInput if it has none.
        job_type_of: media type of the job of a valid upload; empty for the only one of the kind.
        empty: the error for an upload without a byte.
        too_large: the error for an upload over `max_bytes`.
    """

    noun: str
    max_bytes: int
    media_types: tuple[str, ...]
    prepare: Callable[[bytes], bytes | Callable[[], bytes]]
    type_of: Callable[[bytes], str] = lambda _: ANY_BYTES
    job_type_of: Callable[[bytes], str] = lambda _: ""
    empty: type[EmptyInput] = EmptyInput
    too_large: type[InputTooLarge] = InputTooLarge
