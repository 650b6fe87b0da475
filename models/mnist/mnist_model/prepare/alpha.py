"""Removes alpha from a decoded picture, and colour if it is all grey."""

import numpy as np
from PIL import Image


def lay_on_ground(image: Image.Image) -> Image.Image:
    """Lay a picture with alpha over a grey that its ink stands out from; return it in mode L or RGB."""
    if image.mode not in ("LA", "RGBA"):
        return image
    ground = Image.new("RGBA", image.size, (*[choose_ground(image)] * 3, 255))
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def choose_ground(image: Image.Image) -> int:
    """Return the grey, 0 to 255, to lay the picture over.

    Strokes on a transparent canvas get the opposite of their brightness. A mostly solid picture, such as a photograph
    with rounded corners, gets its own median brightness.
    """
    grey, alpha = (np.asarray(band).ravel() for band in (image.convert("L"), image.getchannel("A")))
    weight = int(alpha.sum(dtype=np.int64))
    if weight == 0:
        return 0
    if weight > 0.5 * 255 * alpha.size and np.ptp(np.percentile(grey[alpha > 127], (2, 98))) > 48:
        return int(np.median(grey[alpha > 127]))
    mean = float(grey.astype(np.float32) @ alpha.astype(np.float32)) / weight
    return 255 if mean < 128 else 0


def drop_colour(image: Image.Image) -> Image.Image:
    """Return a picture in mode RGB whose colours are all grey in mode L; return any other unchanged."""
    if image.mode != "RGB":
        return image
    # Most coloured pictures show it in the first row already.
    for part in (image.crop((0, 0, image.width, 1)), image):
        red, green, blue = part.split()
        if not red.tobytes() == green.tobytes() == blue.tobytes():
            return image
    return red
