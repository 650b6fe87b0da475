"""Reads the items of a batch: the form fields `file`, a JSON array, or lines of JSON."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pydantic_core import from_json, to_json
from python_multipart.multipart import parse_options_header

from inference_api.errors import InvalidRequest
from inference_api.http.buffers import Body
from inference_api.http.plain_form import boundary_of
from inference_api.http.uploads import FormUpload, receive, too_large
from inference_api.inputs.input import Input
from inference_bridge.errors import InputTooLarge, InvalidInput, UnsupportedInput
from inference_bridge.kinds import Json, Takes, Text

MAX_ITEMS = 256
#: Most bytes of the body of a batch.
MAX_BATCH_BYTES = 67_108_864
#: Most bytes of a JSON array, because all of it is in memory as objects at once; lines have no such limit.
MAX_ARRAY_BYTES = 1_048_576
BATCH_TIMEOUT_S = 120.0
ARRAY = b"application/json"
LINES = (b"application/x-ndjson", b"application/ndjson", b"application/jsonl")


@dataclass(frozen=True, slots=True)
class Uploads:
    """The items of a batch.

    Attributes:
        items: as they arrived; an item over its limit is cut after one byte too many.
        given: the model's input.
        decode: returns the upload in an item; raises InvalidInput.
    """

    items: Sequence[bytes | bytearray]
    given: Input
    decode: Callable[[bytes], bytes]

    def read(self, index: int) -> bytes:
        """Return the upload at an index.

        Raises:
            InvalidInput: the item is empty, too large or, for a text in JSON, not a text.
        """
        upload = self.decode(bytes(self.items[index]))
        if not upload:
            raise self.given.empty(f"the {self.given.noun} has 0 bytes, expected 1 or more")
        if len(upload) > self.given.max_bytes:
            raise too_large(self.given)
        return upload

    def digest(self, more: str) -> str:
        """Return the SHA-256 of the items and of `more`, in hex; no single upload has it."""
        whole = sha256(b"batch")
        for item in (*self.items, more.encode()):
            whole.update(sha256(item).digest())
        return whole.hexdigest()


async def read_uploads(
    headers: Mapping[str, str], chunks: AsyncIterator[bytes], given: Input, takes: Takes, *, share: Body, max_bytes: int
) -> Uploads:
    """Return the items of a batch, 1 to `MAX_ITEMS`; each is checked by itself later.

    Args:
        headers: of the request.
        chunks: its body.
        given: the model's input.
        takes: its kind; only documents and texts come as JSON, too.
        share: counts this body in the memory for all bodies.
        max_bytes: most bytes of the body.

    Raises:
        BuffersFull: the bodies of all calls fill their memory.
        InputTooLarge: the body has too many bytes.
        InvalidRequest: the body is malformed, has no item or too many, or came too slowly.
        UnsupportedInput: the body is of another type.
    """
    content_type = headers.get("content-type")
    boundary = boundary_of(content_type)
    if boundary is not None:
        form = FormUpload(boundary, given, other_fields=False, most=MAX_ITEMS)
        await _receive(chunks, form.write, share, max_bytes)
        return Uploads(form.finish_all(), given, bytes)
    kind, _ = parse_options_header(content_type)
    split = SPLIT_BY_TYPE.get(kind)
    if split is None or not isinstance(takes, Json | Text):
        types = ", application/json or application/x-ndjson" if isinstance(takes, Json | Text) else ""
        found = f"is of the type {kind.decode('latin-1')[:64]!r}" if kind else "has no content-type"
        raise UnsupportedInput(f"the batch {found}; send form fields named 'file'{types}")
    body = bytearray()
    await _receive(chunks, body.extend, share, min(max_bytes, MAX_ARRAY_BYTES) if kind == ARRAY else max_bytes)
    return Uploads(split(body), given, _text_of if isinstance(takes, Text) else bytes)


async def _receive(chunks: AsyncIterator[bytes], write: Callable[[bytes], object], share: Body, max_bytes: int) -> None:
    def write_within(chunk: bytes) -> None:
        if share.byte_count > max_bytes:
            raise InputTooLarge(f"the batch has more than {max_bytes} bytes, the limit; send several batches")
        write(chunk)

    await receive(chunks, write_within, share=share, timeout_s=BATCH_TIMEOUT_S)


def _split_lines(body: bytearray) -> list[bytearray]:
    body = body.strip()
    _check_count(body.count(b"\n") + 1 if body else 0)
    return body.split(b"\n")


def _split_array(body: bytearray) -> list[bytes]:
    try:
        items = from_json(bytes(body), allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"the batch is not valid JSON ({error}); correct it") from None
    if not isinstance(items, list):
        raise InvalidRequest("the batch is not a JSON array; put the inputs between [ and ]")
    _check_count(len(items))
    return [to_json(item) for item in items]


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_ITEMS:
        raise InvalidRequest(f"the batch has {count} items, expected 1 to {MAX_ITEMS}; send a batch of that size")


#: How the items are found in a body, by its media type.
SPLIT_BY_TYPE: dict[bytes, Callable[[bytearray], Sequence[bytes | bytearray]]] = {
    ARRAY: _split_array,
    **dict.fromkeys(LINES, _split_lines),
}


def _text_of(item: bytes) -> bytes:
    try:
        text = from_json(item)
    except ValueError as error:
        raise InvalidInput(f"the text is not valid JSON ({error}); write it between quotes") from None
    if not isinstance(text, str):
        raise InvalidInput("the text is not a JSON string; write it between quotes")
    return text.encode()
