"""Bounds the parts of a picture's file besides its pixels, before a decoder reads them.

A file of two megabytes can keep Pillow or libjpeg busy for minutes with few pixels or none. Ordinary files stay far
below these bounds.
"""

import re
from collections.abc import Callable
from itertools import islice

import numpy as np

from inference_pictures import jpeg, png
from inference_pictures.errors import UnreadableImage

#: Pillow reads a PNG's chunks one by one; in ordinary files each has 8 kB or more.
MAX_CHUNKS = 20_000
#: An ordinary PNG has one colour profile. Pillow unpacks all of them, each to at most a megabyte.
MAX_PROFILES = 8
#: Progressive JPEGs have about ten scans; the decoder goes over the whole picture for each.
MAX_SCANS = 32
#: Cameras write some twenty segments before the first scan; Pillow reads them byte by byte.
MAX_SEGMENTS = 1_000
#: Pillow unpacks a BMP's runs one by one.
MAX_RUNS_BYTES = 1_048_576
#: Pillow reads a PNM's header byte by byte.
MAX_HEADER_BYTES = 65_536

#: A pattern that starts with one byte is searched for ten times as fast as `\xff+`, and ends at the same place.
_MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
#: Bytes of a scan that numpy searches at once for the marker after it, in half the time of a pattern.
SCAN_BLOCK = 131_072
#: JPEG markers: the start of a scan, the end of the picture, and the markers without a length.
_SOS, _EOI = 0xDA, 0xD9
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
#: By a byte after 0xff in a scan: whether the two are the marker that ends it, not data and not a restart.
_ENDS_SCAN = ~np.isin(np.arange(256), (0x00, *range(0xD0, 0xD8), 0xFF))

_PLAIN = re.compile(rb"P[123]\s")
_COMMENT = re.compile(rb"#[^\r\n]*[\r\n]?")
_SPACE = rb"(?:\s|#[^\r\n]*[\r\n])++"
_PNM_HEADER = re.compile(rb"P([56])" + (_SPACE + rb"(\d{1,8})") * 3 + rb"\s")
_BINARY_HEADER = re.compile(rb"P[456]" + (_SPACE + rb"\d{1,8}") * 2)
_NATIVE = (255, 65_535)


def bound(picture: bytes, image_format: str) -> bytes:
    """Return the file, or an equivalent file that decodes faster.

    Args:
        picture: the file.
        image_format: its format, as in `decode.SIGNATURES`.

    Raises:
        UnreadableImage: the file holds more than the bounds allow.
    """
    check = _CHECKS.get(image_format)
    return check(picture) if check else picture


def _bound_png(picture: bytes) -> bytes:
    kinds = [picture[start + 4 : start + 8] for start, _ in islice(png.find_chunks(picture), MAX_CHUNKS + 1)]
    if len(kinds) > MAX_CHUNKS:
        raise _explain_excess("more chunks", MAX_CHUNKS)
    if kinds.count(b"iCCP") > MAX_PROFILES:
        raise _explain_excess("more colour profiles", MAX_PROFILES)
    return png.drop_metadata(picture)


def _bound_jpeg(picture: bytes) -> bytes:
    segments, scans = count_jpeg_parts(picture)
    if scans > MAX_SCANS:
        raise _explain_excess("more scans", MAX_SCANS)
    if segments > MAX_SEGMENTS:
        raise _explain_excess("more segments", MAX_SEGMENTS)
    return jpeg.drop_metadata(picture)


def count_jpeg_parts(picture: bytes) -> tuple[int, int]:
    """Return a JPEG's number of segments and its number of scans; stop counting just above the limits."""
    segments = scans = 0
    position = 2
    while segments <= MAX_SEGMENTS and scans <= MAX_SCANS and (match := _MARKER.search(picture, position)):
        kind = match[1][0]
        if kind == _EOI:
            break
        # A decoder reads each byte between two segments too; the marker itself has two.
        segments += match.end() - position - 1
        position = match.end()
        if kind not in _BARE:
            position += max(2, int.from_bytes(picture[position : position + 2], "big"))
        if kind == _SOS:
            scans += 1
            position = _skip_scan(picture, position)
    return segments, scans


def _skip_scan(picture: bytes, position: int) -> int:
    """Return the place of the first marker after a scan's data, or the end of the picture."""
    whole = np.frombuffer(picture, np.uint8)
    for start in range(position, len(picture), SCAN_BLOCK):
        block = whole[start : start + SCAN_BLOCK + 1]
        # Nearly all 0xff are followed by 0, which makes them data.
        places = np.flatnonzero((block[:-1] == 0xFF) & (block[1:] != 0))
        ends = places[_ENDS_SCAN[block[places + 1]]]
        if len(ends):
            return start + int(ends[0])
    return len(picture)


def _bound_bmp(picture: bytes) -> bytes:
    has_runs = picture[30:34] in (b"\1\0\0\0", b"\2\0\0\0")
    if has_runs and len(picture) > MAX_RUNS_BYTES:
        raise _explain_excess("more bytes of run lengths", MAX_RUNS_BYTES)
    return picture


def _bound_pnm(picture: bytes) -> bytes:
    if _PLAIN.match(picture):
        # Pillow copies the rest of the file once for each comment.
        return _COMMENT.sub(b"", picture)
    if not _BINARY_HEADER.match(picture, 0, MAX_HEADER_BYTES):
        raise UnreadableImage("the picture has no width and height after its first bytes; save it again as PNG")
    header = _PNM_HEADER.match(picture)
    if header is None or int(header[4]) in _NATIVE or not 0 < int(header[4]) < _NATIVE[1]:
        return picture
    return _convert_to_native_depth(picture, header)


def _convert_to_native_depth(picture: bytes, header: re.Match[bytes]) -> bytes:
    # Pillow converts other depths in a slow loop over the samples; this computes the same values.
    kind, width, height, most = (int(field) for field in header.groups())
    bands = 3 if kind == 6 else 1
    sample_type = np.dtype(np.uint8 if most < 256 else ">u2")
    out_most = _NATIVE[1] if most > 255 and bands == 1 else _NATIVE[0]
    available = (len(picture) - header.end()) // sample_type.itemsize
    count = min(available, width * height * bands)
    samples = np.frombuffer(picture, sample_type, count, header.end()).astype(np.float64)
    scaled = np.minimum(np.rint(samples / most * out_most), out_most)
    out: bytes = scaled.astype(">u2" if out_most > 255 else np.uint8).tobytes()
    return b"P%d %d %d %d\n" % (kind, width, height, out_most) + out


def _explain_excess(found: str, most: int) -> UnreadableImage:
    return UnreadableImage(
        f"the picture has {found} than a picture needs, the limit is {most}; save it again as PNG or JPEG and send that"
    )


_CHECKS: dict[str, Callable[[bytes], bytes]] = {
    "PNG": _bound_png,
    "JPEG": _bound_jpeg,
    "BMP": _bound_bmp,
    "PPM": _bound_pnm,
}
