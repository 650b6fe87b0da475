"""Removes uneven light from a picture: slopes, dark corners and shadows.

In: light ink on darker paper. Out: ink alone. Raises `UnreadableImage` for a picture without contrast.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference_pictures.errors import UnreadableImage
from mnist_model.prepare.measure import COARSE_SIDE, noise_of, shrink, stroke_window, strongest, to_bytes
from mnist_model.prepare.morphology import Grey, apply_opening

#: Least contrast of ink with its paper, in grey levels of 255.
MIN_CONTRAST = 12
#: Least strength of ink, in standard deviations of the noise.
MIN_NOISE_RATIO = 6
#: Least share of the picture that a fitted slope of light must explain; otherwise the slope is ignored.
MIN_PAPER = 0.7
#: Most by which paper may lie below that slope, as a logarithm: 0.15 is 14 percent of the light, less than ink takes.
MAX_MISFIT = 0.15


def flatten_light(ink: Grey) -> Grey:
    """Remove slopes of light and dark corners from a picture with light ink, (h, w) uint8.

    Brightness is the paper's times the light's, so its logarithm is a sum. The light's part is a quadratic surface
    through the paper. Each round fits the surface again, without the pixels that are darker than the last one.
    """
    coarse = shrink(ink, COARSE_SIDE)
    brightness = np.log(256.0 - coarse).ravel()  # (n,)
    terms = _quadratic_terms(coarse.shape)  # (n, 6)
    is_paper = brightness >= np.median(brightness)
    for _ in range(4):
        surface = terms @ np.linalg.lstsq(terms[is_paper], brightness[is_paper])[0]  # (n,)
        error = brightness - surface
        is_paper = error > -np.clip(2 * np.median(np.abs(error[is_paper])), 0.05, MAX_MISFIT)
    # Much ink or the edge of a shadow: the surface does not fit, and would add false ridges.
    if is_paper.mean() < MIN_PAPER:
        return ink
    light = Image.fromarray(np.exp(surface.max() - surface).reshape(coarse.shape).astype(np.float32))
    gain = np.asarray(light.resize(ink.shape[::-1], Image.Resampling.BILINEAR))
    return to_bytes(256 - (256.0 - ink) * gain)


def _quadratic_terms(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j])
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def remove_shadows(grey: Grey) -> Grey:
    """Remove everything wider than a stroke; return ink alone, 0 = paper, 255 = the strongest ink, (h, w) uint8.

    A morphological opening with a window a little wider than the strokes leaves the paper. Ink is measured as a share
    of the light on that paper, so it is as strong in a shadow as beside it.

    Raises:
        UnreadableImage: no ink stands out from the paper and its noise.
    """
    coarse = shrink(grey, COARSE_SIDE)
    window = stroke_window(coarse) + 2
    paper = Image.fromarray(apply_opening(coarse, window, window)).resize(grey.shape[::-1], Image.Resampling.BILINEAR)
    room = 255.0 - np.asarray(paper, np.float32)
    ink = (grey.astype(np.float32) - np.asarray(paper)).clip(0) * (255 / room.clip(16))
    strength = strongest(ink)
    noise = noise_of(ink)
    least = max(MIN_CONTRAST, MIN_NOISE_RATIO * noise)
    if strength < least:
        raise UnreadableImage(
            f"picture is blank: its ink stands out from the paper by {strength:.0f} of 255 grey levels, "
            f"expected {least:.0f} or more; send a picture with darker or thicker strokes"
        )
    floor = max(2 * noise, 0.1 * strength)
    return to_bytes((ink - floor) * (255 / (0.9 * strength - floor)))
