"""Fits a picture into a model's input of a fixed size."""

from typing import Literal

from PIL import Image, ImageOps

from inference_pictures.decode import decode, open_picture

Mode = Literal["L", "RGB"]
Fit = Literal["cover", "contain", "stretch"]
#: Most sides of the result in the decoded picture's; a larger picture is averaged down to half of it or more.
OVERSAMPLING = 4
_SCALER = Image.Resampling.BILINEAR


def read_fitted(file: bytes, *, max_pixels: int, width: int, height: int, mode: Mode, fit: Fit) -> bytes:
    """Return the picture's pixels as uint8, row-major: `width * height` in mode `L`, three times that in `RGB`.

    It is turned upright. A transparent part shows white.

    Args:
        file: a PNG, JPEG, WebP, GIF, BMP, TIFF or PNM file.
        max_pixels: most pixels, width times height, by the file's header.
        width: of the result.
        height: of the result.
        mode: of the result.
        fit: how it gets its size, see `inference_bridge.kinds.Picture`.

    Raises:
        UnsupportedImage: the file has another format.
        UnreadableImage: the picture is broken, too large or animated.
    """
    image = open_picture(file)
    # After this reduction the shorter side still has the pixels of the result, whichever way up.
    longest_side = OVERSAMPLING * -(-max(width, height) * max(image.size) // max(1, min(image.size)))
    decoded = decode(image, max_pixels=max_pixels, longest_side=longest_side)
    return resize(_lay_on_white(decoded).convert(mode), (width, height), fit).tobytes()


def resize(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """Return the picture in exactly this size."""
    match fit:
        case "cover":
            return ImageOps.fit(image, size, _SCALER)
        case "contain":
            return _contain(image, size)
        case "stretch":
            return image.resize(size, _SCALER)


def _contain(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    scale = min(size[0] / image.width, size[1] / image.height)
    width, height = (max(1, round(side * scale)) for side in image.size)
    whole = Image.new(image.mode, size)  # black
    whole.paste(image.resize((width, height), _SCALER), ((size[0] - width) // 2, (size[1] - height) // 2))
    return whole


def _lay_on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    picture = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
