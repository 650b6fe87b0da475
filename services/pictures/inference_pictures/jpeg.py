"""Drops a JPEG's metadata: Pillow refuses the whole picture when one of these segments is too short."""

from collections.abc import Iterator

#: Application segments without a say in the pixels: profiles, second views, Photoshop's; and comments.
_METADATA = frozenset((*range(0xE2, 0xEE), 0xEF, 0xFE))
#: Bytes below which a decoder ignores a JFIF or an Adobe segment, with its length: both tell how colours are stored.
_LEAST_BYTES = {0xE0: 16, 0xEE: 14}
#: Restarts, the start and the end of the picture, the start of a scan, and a byte that fills: the walk ends there.
_WITHOUT_LENGTH = frozenset((*range(0xD0, 0xDB), 0xFF))


def drop_metadata(picture: bytes) -> bytes:
    """Return the JPEG without what its pixels do not need; the camera's orientation (EXIF, XMP) stays."""
    view, kept, last = memoryview(picture), [], 0
    for start, end in _find_metadata(picture):
        kept.append(view[last:start])
        last = end
    return b"".join([*kept, view[last:]]) if kept else picture


def _find_metadata(picture: bytes) -> Iterator[tuple[int, int]]:
    at = 2
    while picture[at : at + 1] == b"\xff" and at + 4 <= len(picture):
        kind = picture[at + 1]
        if kind < 0xC0 or kind in _WITHOUT_LENGTH:
            return
        length = int.from_bytes(picture[at + 2 : at + 4])
        if kind in _METADATA or length < _LEAST_BYTES.get(kind, 0):
            yield at, min(at + 2 + length, len(picture))
        at += 2 + length
