"""Removes uneven light from a picture: slopes, dark corners and shadows.

In: light ink on darker paper. Out: ink alone. Raises `UnreadableImage` for a picture without contrast.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference_pictures.errors import UnreadableImage
from mnist_model.prepare.measure import (
    COARSE_SIDE,
    find_median,
    has_even_paper,
    noise_of,
    shrink,
    stroke_window,
    strongest,
    to_bytes,
)
from mnist_model.prepare.morphology import Grey, apply_opening

#: Least contrast of ink with its paper, in grey levels of 255.
MIN_CONTRAST = 12
#: Least strength of ink, in standard deviations of the noise.
MIN_NOISE_RATIO = 6
#: Least share of the picture that a fitted slope of light must explain; otherwise the slope is ignored.
MIN_PAPER = 0.7
#: Most by which paper may lie below that slope, as a logarithm: 0.15 is 14 percent of the light, less than ink takes.
MAX_MISFIT = 0.15
#: About the rows that suffice to measure the noise.
NOISE_ROWS = 64


def flatten_light(ink: Grey) -> Grey:
    """Remove slopes of light and dark corners from a picture with light ink, (h, w) uint8.

    Brightness is the paper's times the light's, so its logarithm is a sum. The light's part is a quadratic surface
    through the paper. Each round fits the surface again, without the pixels that are darker than the last one.
    """
    coarse = shrink(ink, COARSE_SIDE)
    if has_even_paper(coarse):
        return ink
    coarse = shrink(coarse, COARSE_SIDE // 2)
    brightness = np.log(256.0 - coarse).ravel()  # (n,)
    terms = _quadratic_terms(coarse.shape)  # (6, n)
    is_paper = brightness >= find_median(brightness)
    for _ in range(4):
        paper = terms * is_paper
        # A trace of the identity, because a picture one pixel wide leaves terms without a value.
        weights = np.linalg.solve(paper @ terms.T + 1e-6 * np.eye(6), paper @ brightness)  # (6,)
        error = brightness - weights @ terms
        is_paper = error > -np.clip(2 * find_median(np.abs(error[is_paper])), 0.05, MAX_MISFIT)
    # Much ink or the edge of a shadow: the surface does not fit, and would add false ridges.
    if is_paper.mean() < MIN_PAPER:
        return ink
    surface = _draw_surface(weights.astype(np.float32), ink.shape)
    gain = np.exp(surface.max() - surface)
    return to_bytes(256 - (np.float32(256) - ink) * gain)


def _quadratic_terms(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    y, x = (np.broadcast_to(axis, shape).ravel() for axis in _place_pixels(shape))
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def _draw_surface(weights: npt.NDArray[np.float32], shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    y, x = (axis.astype(np.float32) for axis in _place_pixels(shape))
    one, x1, y1, xx, xy, yy = weights
    surface: npt.NDArray[np.float32] = (one + y * (y1 + yy * y)) + x * ((x1 + xy * y) + xx * x)
    return surface


def _place_pixels(shape: tuple[int, ...]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    # The middles of the pixels, -1..1 from border to border: (h, 1) and (1, w).
    y, x = ((2 * np.arange(length) + 1) / length - 1 for length in shape)
    return y[:, None], x[None]


def remove_shadows(grey: Grey) -> Grey:
    """Remove everything wider than a stroke; return ink alone, 0 = paper, 255 = the strongest ink, (h, w) uint8.

    A morphological opening with a window a little wider than the strokes leaves the paper. Ink is measured as a share
    of the light on that paper, so it is as strong in a shadow as beside it.

    Raises:
        UnreadableImage: no ink stands out from the paper and its noise.
    """
    paper = find_paper(grey)
    above = np.maximum(grey, paper) - paper
    gain = 255 / (np.float32(255) - paper).clip(16)
    rows = slice(None, None, 1 + len(grey) // NOISE_ROWS)
    # With even paper, a table of 256 levels replaces the arithmetic on every pixel.
    is_even = len(paper) == 1
    ink, scale = (above, float(gain[0, 0])) if is_even else (to_bytes(above * gain), 1.0)
    strength = strongest(ink) * scale
    noise = noise_of(above[rows]) * scale if is_even else noise_of(above[rows] * gain[rows])
    least = max(MIN_CONTRAST, MIN_NOISE_RATIO * noise)
    if strength < least:
        raise UnreadableImage(
            f"picture is blank: its ink stands out from the paper by {strength:.0f} of 255 grey levels, "
            f"expected {least:.0f} or more; send a picture with darker or thicker strokes"
        )
    floor = max(2 * noise, 0.1 * strength)
    levels = to_bytes((np.arange(256) * scale - floor) * (255 / (0.9 * strength - floor)))
    return np.take(levels, ink)


def find_paper(grey: Grey) -> Grey:
    """Return the brightness of the paper under light ink, (h, w) uint8, or (1, w) if it is even."""
    coarse = shrink(grey, COARSE_SIDE)
    if has_even_paper(coarse):
        # A whole row: numpy is slow with a single value beside an array of bytes.
        return np.full((1, grey.shape[1]), find_median(coarse))
    window = stroke_window(coarse) + 2
    paper = Image.fromarray(apply_opening(coarse, window, window))
    return np.asarray(paper.resize(grey.shape[::-1], Image.Resampling.BILINEAR))
