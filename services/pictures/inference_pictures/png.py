"""Drops a PNG's metadata: Pillow refuses the whole picture when one of these chunks is broken or large."""

import re
import struct
import zlib
from collections.abc import Iterator

#: Besides the critical chunks, whose names start with a capital, these say what to show: alpha, and further frames.
SHOWN = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
#: Most bytes of a text that tells how the picture was held; Pillow unpacks as many.
MAX_TEXT_BYTES = 1_048_576

_HEAD = struct.Struct(">I4s")
#: An XMP packet, or EXIF as ImageMagick wrote it before PNG had a chunk for it.
_HELD_TEXT = re.compile(rb"XML:com\.adobe\.xmp\0\0|Raw profile type exif\0")
_PACKED = re.compile(rb"Raw profile type exif\0\0")


def drop_metadata(picture: bytes) -> bytes:
    """Return the PNG without what its pixels do not need: profiles, texts, times; the camera's orientation stays."""
    spans = list(find_chunks(picture))
    kept = [span for span in spans if _is_kept(picture, *span)]
    if len(kept) == len(spans):
        return picture
    view = memoryview(picture)
    return b"".join([view[:8], *(view[start:end] for start, end in kept)])


def find_chunks(picture: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each chunk of a PNG begins and ends; its kind is in the four bytes behind the first four."""
    at = 8
    while at < len(picture):
        start = at
        length = _HEAD.unpack_from(picture, at)[0] if at + _HEAD.size <= len(picture) else 0
        at += length + 12
        yield start, min(at, len(picture))


def _is_kept(picture: bytes, start: int, end: int) -> bool:
    kind = picture[start + 4 : start + 8]
    if kind in SHOWN or not kind[:1].islower():
        return True
    return kind in (b"eXIf", b"tEXt", b"zTXt", b"iTXt") and _tells_orientation(kind, picture[start + 4 : end])


def _tells_orientation(kind: bytes, chunk: bytes) -> bool:
    body = chunk[4:-4]
    if len(body) > MAX_TEXT_BYTES or zlib.crc32(chunk[:-4]) != int.from_bytes(chunk[-4:]):
        return False
    if kind == b"zTXt":
        return _unpacks(body)
    return kind == b"eXIf" or bool(_HELD_TEXT.match(body))


def _unpacks(body: bytes) -> bool:
    name = _PACKED.match(body)
    if not name:
        return False
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(body[name.end() :], MAX_TEXT_BYTES)
    except zlib.error:
        return False
    return not unpacker.unconsumed_tail
