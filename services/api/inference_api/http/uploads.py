"""Reads the picture in a request: the form field `file`, or the raw body."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from inference_api.errors import InvalidRequest, RequestTimeout
from inference_api.http.buffers import Body
from inference_bridge.errors import EmptyInput, InputTooLarge

FIELD = "file"
#: Most bytes of boundaries, part headers and other fields in a form.
FORM_OVERHEAD_BYTES = 65_536
READ_TIMEOUT_S = 30.0
_REMEDY = f"send it as one form field named '{FIELD}', or as the raw body"


async def read_picture(
    headers: Mapping[str, str], chunks: AsyncIterator[bytes], *, max_bytes: int, share: Body
) -> bytes:
    """Return the picture's bytes; stop reading at the size limit.

    Args:
        headers: of the request.
        chunks: its body.
        max_bytes: most bytes of a picture.
        share: counts this body in the memory for all bodies.

    Raises:
        BuffersFull: the bodies of all calls fill their memory, and this one was evicted.
        EmptyInput: the picture has no bytes.
        InputTooLarge: the picture has more than `max_bytes`.
        InvalidRequest: the form is malformed or has not exactly one `file`, or the connection closed.
        RequestTimeout: the body did not arrive within `READ_TIMEOUT_S`.
    """
    kind, options = parse_options_header(headers.get("content-type"))
    is_form = kind == b"multipart/form-data"
    _refuse_declared_length(headers, max_bytes + FORM_OVERHEAD_BYTES if is_form else max_bytes, max_bytes)
    sink = FormPicture(options.get(b"boundary", b""), max_bytes) if is_form else RawPicture(max_bytes)
    try:
        async with asyncio.timeout(READ_TIMEOUT_S) as timer:
            async for chunk in chunks:
                share.take(len(chunk), timer)
                sink.write(chunk)
            share.keep()
    except ClientDisconnect:
        raise InvalidRequest("the connection closed before the end of the body; send all of it") from None
    except TimeoutError:
        if share.is_evicted:
            raise share.full() from None
        raise RequestTimeout(f"the body did not arrive within {READ_TIMEOUT_S} s; send it faster") from None
    picture = sink.finish()
    if not picture:
        raise EmptyInput(f"the picture has 0 bytes, expected 1 or more; {_REMEDY}")
    return picture


class RawPicture:
    """A picture as the raw body."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._picture = bytearray()

    def write(self, chunk: bytes) -> None:
        """Add the next bytes of the body."""
        self._picture += chunk
        if len(self._picture) > self._max_bytes:
            raise _too_large(self._max_bytes)

    def finish(self) -> bytes:
        """Return the picture."""
        return bytes(self._picture)


class FormPicture:
    """A picture in a `multipart/form-data` body (RFC 7578); other fields are ignored."""

    def __init__(self, boundary: bytes, max_bytes: int) -> None:
        if not boundary:
            raise InvalidRequest(f"the form's content-type names no boundary; {_REMEDY}")
        self._max_bytes = max_bytes
        self._body_bytes = 0
        self._pictures: list[bytearray] = []
        self._names: list[str] = []
        self._header = (bytearray(), bytearray())
        self._is_picture = False
        self._is_complete = False
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except FormParserError as error:
            raise InvalidRequest(f"the form's boundary cannot be used ({error}); {_REMEDY}") from error

    def write(self, chunk: bytes) -> None:
        """Add the next bytes of the body."""
        self._body_bytes += len(chunk)
        if self._body_bytes > self._max_bytes + FORM_OVERHEAD_BYTES:
            raise _too_large(self._max_bytes)
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequest(f"the form is malformed ({error}); {_REMEDY}") from error

    def finish(self) -> bytes:
        """Return the one picture."""
        if not self._is_complete:
            raise InvalidRequest(f"the form ends before its last boundary; {_REMEDY}")
        if len(self._pictures) != 1:
            names = ", ".join(sorted({name[:64] for name in self._names})) or "none"
            raise InvalidRequest(
                f"the form has {len(self._pictures)} fields named '{FIELD}' (all fields: {names}), "
                f"expected 1; {_REMEDY}"
            )
        return bytes(self._pictures[0])

    def _callbacks(self) -> Any:
        return {
            "on_header_field": lambda chunk, start, end: self._header[0].extend(chunk[start:end]),
            "on_header_value": lambda chunk, start, end: self._header[1].extend(chunk[start:end]),
            "on_header_end": self._on_header_end,
            "on_part_begin": self._on_part_begin,
            "on_part_data": self._on_part_data,
            "on_end": self._on_end,
        }

    def _on_part_begin(self) -> None:
        self._is_picture = False

    def _on_header_end(self) -> None:
        name, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            field = parse_options_header(value)[1].get(b"name", b"").decode("utf-8", "replace")
            self._names.append(field)
            self._is_picture = field == FIELD
            if self._is_picture:
                self._pictures.append(bytearray())

    def _on_part_data(self, chunk: bytes, start: int, end: int) -> None:
        if self._is_picture:
            self._pictures[-1] += chunk[start:end]
            if len(self._pictures[-1]) > self._max_bytes:
                raise _too_large(self._max_bytes)

    def _on_end(self) -> None:
        self._is_complete = True


def _refuse_declared_length(headers: Mapping[str, str], most: int, max_bytes: int) -> None:
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> InputTooLarge:
    return InputTooLarge(f"the picture has more than {max_bytes} bytes, the limit; send a smaller one")
