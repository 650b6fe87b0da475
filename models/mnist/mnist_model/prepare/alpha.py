"""Removes alpha from a decoded picture, and colour if it is all grey."""

import numpy as np
from PIL import Image

from mnist_model.prepare.morphology import Grey


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
    grey, alpha = (np.asarray(band, np.float32) for band in image.convert("LA").split())
    if not alpha.any():
        return 0
    if alpha.mean() > 0.5 * 255 and np.ptp(np.percentile(grey[alpha > 127], (2, 98))) > 48:
        return int(np.median(grey[alpha > 127]))
    return 255 if np.average(grey, weights=alpha) < 128 else 0


def drop_colour(pixels: Grey) -> Grey:
    """Return a picture whose colours are all grey as (h, w) uint8; return any other unchanged."""
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        return pixels[..., 0]
    return pixels
