"""Removes alpha from a decoded picture."""

import numpy as np
from PIL import Image

from mnist_model.prepare.morphology import Grey


def lay_on_ground(image: Image.Image) -> Image.Image:
    """Lay a picture with alpha over a grey that its ink stands out from; return it in mode L or RGB."""
    if image.mode not in ("LA", "RGBA"):
        return image
    *bands, alpha = image.split()
    if all(band.tobytes() == bands[0].tobytes() for band in bands[1:]):
        bands = bands[:1]  # black or white strokes need a third of the work
    grey = bands[0] if len(bands) == 1 else image.convert("L")
    ground = Image.new("L", image.size, choose_ground(np.asarray(grey), np.asarray(alpha)))
    laid = [Image.composite(band, ground, alpha) for band in bands]
    return Image.merge("RGB", laid) if len(laid) == 3 else laid[0]


def choose_ground(grey: Grey, alpha: Grey) -> int:
    """Return the grey, 0 to 255, to lay a picture over, by its brightness and its alpha, (h, w) uint8 each.

    Strokes on a transparent canvas get the opposite of their brightness. A mostly solid picture, such as a photograph
    with rounded corners, gets its own median brightness.
    """
    share = alpha.ravel().astype(np.float32)
    weight = float(share.sum())
    if weight == 0:
        return 0
    if weight > 0.5 * 255 * alpha.size:
        solid = grey[alpha > 127]
        if np.ptp(np.percentile(solid, (2, 98))) > 48:
            return int(np.median(solid))
    mean = float(grey.ravel().astype(np.float32) @ share) / weight
    return 255 if mean < 128 else 0
