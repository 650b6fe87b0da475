"""Texts in UTF-8."""

from codecs import BOM_UTF8
from functools import partial

from inference_api.inputs.input import Input
from inference_bridge.errors import EmptyInput, InvalidInput
from inference_bridge.kinds import Text


def text_input(takes: Text) -> Input:
    """Return the input of a model that takes texts."""
    (media_type,) = takes.content_types
    return Input(
        noun=takes.noun,
        max_bytes=takes.max_body_bytes + len(BOM_UTF8),
        media_types=("text/plain",),
        prepare=partial(check_text, max_chars=takes.max_chars),
        type_of=lambda _: media_type,
    )


def check_text(upload: bytes, *, max_chars: int) -> bytes:
    """Return the text without a byte order mark.

    Raises:
        InvalidInput: it is not valid UTF-8, is empty, or has too many characters.
    """
    body = upload.removeprefix(BOM_UTF8)
    try:
        count = len(body.decode())
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"the text is not valid UTF-8 at byte {error.start} ({error.reason}); encode it as UTF-8"
        ) from None
    if not count:
        raise EmptyInput("the text has 0 characters, expected 1 or more; send a text")
    if count > max_chars:
        raise InvalidInput(f"the text has {count} characters, the limit is {max_chars}; send a shorter one")
    return body
