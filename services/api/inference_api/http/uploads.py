"""Reads the upload in a request: the form field `file`, or the raw body."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import nullcontext
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from inference_api.errors import InvalidRequest, RequestTimeout
from inference_api.http.buffers import Body
from inference_api.http.plain_form import boundary_of, read_plain_form
from inference_api.inputs.input import Input
from inference_bridge.errors import InputTooLarge

FIELD = "file"
#: Most bytes of boundaries, part headers and other fields in a form.
FORM_OVERHEAD_BYTES = 65_536
READ_TIMEOUT_S = 30.0
_REMEDY = f"send it as one form field named '{FIELD}', or as the raw body"


async def read_upload(
    headers: Mapping[str, str],
    chunks: AsyncIterator[bytes],
    given: Input,
    *,
    share: Body,
    is_whole: bool = False,
    other_fields: bool = True,
) -> bytes:
    """Return the bytes of the upload; stop reading at the size limit.

    Args:
        headers: of the request.
        chunks: its body.
        given: the model's input, which bounds the size.
        share: counts this body in the memory for all bodies.
        is_whole: whether all of the body has arrived, so that it needs no time limit.
        other_fields: whether a form may have fields besides `file`, which are ignored.

    Raises:
        BuffersFull: the bodies of all calls fill their memory, and this one was evicted.
        EmptyInput: the upload has no bytes.
        InputTooLarge: the upload has more than `given.max_bytes`.
        InvalidRequest: the form is malformed or has the wrong fields, or the connection closed.
        RequestTimeout: the body did not arrive within `READ_TIMEOUT_S`.
    """
    boundary = boundary_of(headers.get("content-type"))
    _refuse_declared_length(headers, given, given.max_bytes + (0 if boundary is None else FORM_OVERHEAD_BYTES))
    sink = RawUpload(given) if boundary is None else FormUpload(boundary, given, other_fields)
    await receive(chunks, sink.write, share=share, is_whole=is_whole, timeout_s=READ_TIMEOUT_S)
    upload = sink.finish()
    if not upload:
        raise given.empty(f"the {given.noun} has 0 bytes, expected 1 or more; {_REMEDY}")
    return upload


async def receive(
    chunks: AsyncIterator[bytes],
    write: Callable[[bytes], None],
    *,
    share: Body,
    timeout_s: float,
    is_whole: bool = False,
) -> None:
    """Pass each chunk of a body to `write`, counted in the memory for all bodies.

    Raises:
        BuffersFull: the bodies of all calls fill their memory, and this one was evicted.
        InvalidRequest: the connection closed.
        RequestTimeout: the body did not arrive within `timeout_s`.
    """
    try:
        async with nullcontext() if is_whole else asyncio.timeout(timeout_s) as timer:
            async for chunk in chunks:
                share.take(len(chunk), timer)
                write(chunk)
            share.keep()
    except ClientDisconnect:
        raise InvalidRequest("the connection closed before the end of the body; send all of it") from None
    except TimeoutError:
        if share.is_evicted:
            raise share.full() from None
        raise RequestTimeout(f"the body did not arrive within {timeout_s} s; send it faster") from None


class RawUpload:
    """An upload as the raw body."""

    def __init__(self, given: Input) -> None:
        self._given = given
        self._upload = bytearray()

    def write(self, chunk: bytes) -> None:
        """Add the next bytes of the body."""
        self._upload += chunk
        if len(self._upload) > self._given.max_bytes:
            raise too_large(self._given)

    def finish(self) -> bytes:
        """Return the upload."""
        return bytes(self._upload)


class FormUpload:
    """The uploads in a `multipart/form-data` body (RFC 7578); other fields are ignored or refused.

    Args:
        boundary: of the form.
        given: the model's input.
        other_fields: whether other fields are ignored.
        most: uploads that a form may have. If there may be more than one, the caller bounds the body, and the rest of
            an upload that is too large is dropped after one byte too many.
    """

    def __init__(self, boundary: bytes, given: Input, other_fields: bool, most: int = 1) -> None:
        if not boundary:
            raise InvalidRequest(f"the form's content-type has no boundary; {_REMEDY}")
        self._given = given
        self._other_fields = other_fields
        self._most = most
        self._body_bytes = 0
        self._uploads: list[bytearray] = []
        self._names: list[str] = []
        self._header = (bytearray(), bytearray())
        self._is_upload = False
        self._is_complete = False
        #: The end of the text before the first boundary; None behind it.
        self._preamble: bytearray | None = bytearray(b"\n")
        self._boundary = boundary
        self._parser: MultipartParser | None = None

    def write(self, chunk: bytes) -> None:
        """Add the next bytes of the body."""
        self._body_bytes += len(chunk)
        if self._most == 1 and self._body_bytes > self._given.max_bytes + FORM_OVERHEAD_BYTES:
            raise too_large(self._given)
        if self._is_complete:
            return  # RFC 2046: text behind the last boundary is ignored
        is_first = self._body_bytes == len(chunk)
        upload = read_plain_form(chunk, self._boundary) if is_first else None
        if upload is None:
            self._parse(chunk)
        else:
            self._take_plain(upload)

    def _take_plain(self, upload: bytes) -> None:
        self._preamble, self._is_complete, self._is_upload = None, True, True
        self._names.append(FIELD)
        self._uploads.append(bytearray())
        self._on_part_data(upload, 0, len(upload))

    def _parse(self, chunk: bytes) -> None:
        if self._parser is None:
            self._parser = self._make_parser()
        try:
            self._parser.write(chunk if self._preamble is None else self._skip_preamble(chunk, self._preamble))
        except FormParserError as error:
            raise InvalidRequest(f"the form is malformed ({error}); {_REMEDY}") from error

    def _make_parser(self) -> MultipartParser:
        try:
            return MultipartParser(self._boundary, self._callbacks())
        except FormParserError as error:
            raise InvalidRequest(f"the form's boundary cannot be used ({error}); {_REMEDY}") from error

    def finish(self) -> bytes:
        """Return the one upload."""
        return bytes(self.finish_all()[0])

    def finish_all(self) -> list[bytearray]:
        """Return the uploads, 1 to `most`."""
        if self._preamble is not None and self._body_bytes:
            raise InvalidRequest(f"the form is malformed (it does not hold its content-type's boundary); {_REMEDY}")
        if not self._is_complete:
            raise InvalidRequest(f"the form ends before its last boundary; {_REMEDY}")
        if not 1 <= len(self._uploads) <= self._most:
            raise self._wrong_count()
        other = next((name for name in self._names if name != FIELD), None)
        if other is not None and not self._other_fields:
            raise InvalidRequest(f"the form has the field {other[:64]!r}; write parameters in the URL: ?name=value")
        return self._uploads

    def _wrong_count(self) -> InvalidRequest:
        names = ", ".join(sorted({name[:64] for name in self._names})) or "none"
        expected, remedy = "1", _REMEDY
        if self._most > 1:
            expected = f"1 to {self._most}"
            remedy = "send several batches" if self._uploads else f"send each input as a form field named '{FIELD}'"
        found = f"the form has {len(self._uploads)} fields named '{FIELD}' (all fields: {names})"
        return InvalidRequest(f"{found}, expected {expected}; {remedy}")

    def _skip_preamble(self, chunk: bytes, preamble: bytearray) -> bytes:
        # RFC 2046: text before the first boundary is ignored; the parser takes it for a broken boundary.
        preamble += chunk
        delimiter = b"\n--" + self._boundary
        at = preamble.find(delimiter)
        if at < 0:
            del preamble[: -len(delimiter)]
            return b""
        self._preamble = None
        return bytes(preamble[at + 1 :])

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
        self._is_upload = False

    def _on_header_end(self) -> None:
        name, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            field = parse_options_header(value)[1].get(b"name", b"").decode("utf-8", "replace")
            self._names.append(field)
            self._is_upload = field == FIELD
            if self._is_upload:
                self._uploads.append(bytearray())
            if len(self._names) > self._most > 1:
                raise self._wrong_count()

    def _on_part_data(self, chunk: bytes, start: int, end: int) -> None:
        if self._is_upload:
            self._uploads[-1] += chunk[start:end]
            if len(self._uploads[-1]) > self._given.max_bytes:
                if self._most == 1:
                    raise too_large(self._given)
                del self._uploads[-1][self._given.max_bytes + 1 :]

    def _on_end(self) -> None:
        self._is_complete = True


def _refuse_declared_length(headers: Mapping[str, str], given: Input, most: int) -> None:
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_large(given)


def too_large(given: Input) -> InputTooLarge:
    """Return the error for an upload with too many bytes."""
    return given.too_large(f"the {given.noun} has more than {given.max_bytes} bytes, the limit; send a smaller one")
