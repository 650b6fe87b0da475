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


def flatten_light(ink: Grey) -> Grey:
    """Remove slopes of light and dark corners from a picture with light ink, (h, w) uint8.

    Brightness is the paper's times the light's, so its logarithm is a sum. The light's part is a quadratic surface
    through the paper. Each round fits the surface again, without the pixels that are darker than the last one.
    """
    coarse = shrink(shrink(ink, COARSE_SIDE), COARSE_SIDE // 2)
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
    coarse = shrink(grey, COARSE_SIDE)
    if has_even_paper(coarse):
        return subtract_level(grey, int(find_median(coarse)))
    paper = find_paper(coarse, (grey.shape[1], grey.shape[0]))
    ink = (np.maximum(grey, paper) - paper) * (255 / (np.float32(255) - paper).clip(16))
    return strengthen(to_bytes(ink), noise_of(ink))


def find_paper(coarse: Grey, size: tuple[int, int]) -> Grey:
    """Return the brightness of the paper under light ink, uint8, of this width and height."""
    window = stroke_window(coarse) + 2
    paper = Image.fromarray(apply_opening(coarse, window, window))
    return np.asarray(paper.resize(size, Image.Resampling.BILINEAR))


def subtract_level(grey: Grey, level: int) -> Grey:
    """Return the light ink on paper of one level as `remove_shadows` does, (h, w) uint8."""
    # A whole row: numpy is slow with a single value beside an array of bytes.
    paper = np.full((1, grey.shape[1]), level, np.uint8)
    above = np.maximum(grey, paper) - paper
    return strengthen(above, noise_of(above), 255 / max(255 - level, 16))


def strengthen(ink: Grey, noise: float, scale: float = 1) -> Grey:
    """Return the ink without the paper's noise, the strongest ink at 255, (h, w) uint8.

    Args:
        ink: 0 = paper.
        noise: its standard deviation, in levels of `ink`.
        scale: levels of the light on the paper, of 255, for one level of `ink`.

    Raises:
        UnreadableImage: no ink stands out from the paper and its noise.
    """
    strength = strongest(ink)
    least = max(MIN_CONTRAST / scale, MIN_NOISE_RATIO * noise)
    if strength < least:
        raise UnreadableImage(
            f"picture is blank: its ink stands out from the paper by {strength * scale:.0f} of 255 grey levels, "
            f"expected {least * scale:.0f} or more; send a picture with darker or thicker strokes"
        )
    floor = max(2 * noise, 0.1 * strength)
    levels = to_bytes((np.arange(256) - floor) * (255 / (0.9 * strength - floor)))
    # Bytes are translated in two thirds of the time of `take`.
    return np.frombuffer(ink.tobytes().translate(levels.tobytes()), np.uint8).reshape(ink.shape)
