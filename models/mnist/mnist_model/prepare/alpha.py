"""Makes a decoded picture solid and simple: alpha is laid over a ground, and colours that are all grey go."""

import numpy as np
from PIL import Image

from mnist_model.prepare.morphology import Grey


def lay_on_ground(image: Image.Image) -> Image.Image:
    """Return a picture with alpha laid over what its ink stands out from, in mode L or RGB."""
    if image.mode not in ("LA", "RGBA"):
        return image
    ground = Image.new("RGBA", image.size, (*[ground_of(image)] * 3, 255))
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def ground_of(image: Image.Image) -> int:
    """Return the grey, 0 to 255, to lay the picture over.

    Little ink on nothing, a canvas, gets the opposite of its brightness. A picture that is mostly solid, such as one
    with rounded corners, gets its own most common brightness.
    """
    grey, alpha = (np.asarray(band, np.float32) for band in image.convert("LA").split())
    if not alpha.any():
        return 0
    if alpha.mean() > 0.5 * 255 and np.ptp(np.percentile(grey[alpha > 127], (2, 98))) > 48:
        return int(np.median(grey[alpha > 127]))
    return 255 if np.average(grey, weights=alpha) < 128 else 0


def drop_colour(pixels: Grey) -> Grey:
    """Return colours that are all grey as grey, (h, w) uint8; others as they are."""
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        return pixels[..., 0]
    return pixels
