"""Files that only the model can read: the API checks their first bytes."""

from functools import partial

from inference_api.inputs.input import ANY_BYTES, Input
from inference_bridge.errors import UnsupportedInput
from inference_bridge.kinds import File, has_type


def file_input(takes: File) -> Input:
    """Return the input of a model that takes files."""
    find = partial(find_type, types=takes.types)

    def prepare(upload: bytes) -> bytes:
        find(upload)
        return upload

    return Input(
        noun=takes.noun,
        max_bytes=takes.max_body_bytes,
        media_types=takes.types,
        prepare=prepare,
        type_of=find,
        job_type_of=find,
    )


def find_type(upload: bytes, *, types: tuple[str, ...]) -> str:
    """Return which of the types the file has, by its first bytes.

    Raises:
        UnsupportedInput: it has none of them.
    """
    # Any file matches the type of any bytes, so that comes last.
    for media_type in sorted(types, key=ANY_BYTES.__eq__):
        if has_type(upload, media_type):
            return media_type
    raise UnsupportedInput(f"the first bytes of the file are not those of {' or '.join(types)}; send one of these")
