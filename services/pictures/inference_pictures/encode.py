"""Writes a model's input as a file that people can look at."""

from io import BytesIO

from PIL import Image

from inference_pictures.fit import Mode


def to_png(pixels: bytes, *, width: int, height: int, mode: Mode) -> bytes:
    """Return a PNG file of pixels as `read_fitted` returns them."""
    file = BytesIO()
    Image.frombytes(mode, (width, height), pixels).save(file, "PNG")
    return file.getvalue()
