"""Tells ink from paper: finds the grey in which they differ most, and whether the ink is darker."""

import numpy as np
from PIL import Image, ImageFilter

from mnist_model.prepare.measure import (
    COARSE_SIDE,
    shrink,
    shrink_image,
    stroke_window,
    strongest,
    top_hat,
)
from mnist_model.prepare.morphology import Grey

#: Least sum of the first two signs that needs no third.
CLEAR = 1.0


def grey_by_contrast(picture: Grey) -> Grey:
    """Return the grey in which the ink stands out most from the paper around it, (h, w) uint8.

    A yellow pen on white is nearly as bright as the paper. It stands out along the axis of the largest local
    differences in colour, the first principal component.

    Args:
        picture: (h, w, 3) colours, or (h, w) grey, which is returned unchanged; uint8.
    """
    if picture.ndim == 2:
        return picture
    image = Image.fromarray(picture)
    coarse = shrink_image(image, COARSE_SIDE // 2)
    around = coarse.filter(ImageFilter.BoxBlur(max(coarse.size) // 8))
    local = (np.asarray(coarse, np.float32) - np.asarray(around)).reshape(-1, 3)  # (h * w, 3)
    axis = np.linalg.eigh(local.T @ local)[1][:, -1]  # (3,)
    axis = axis * (np.sign(axis.sum()) or 1) / np.abs(axis).sum()
    lowest = 255 * float(axis.clip(max=0).sum())
    return np.asarray(image.convert("L", (*axis.tolist(), -lowest)))


def light_on_dark(grey: Grey) -> Grey:
    """Return the picture with its ink lighter than its paper, (h, w) uint8."""
    return ~grey if ink_is_dark(grey) else grey


def ink_is_dark(grey: Grey) -> bool:
    """Decide by three signs: ink is the minority, it seldom fills the border, and it is long for its width.

    The third costs most, so it is asked only where the others leave a doubt.
    """
    coarse = shrink(grey, COARSE_SIDE)
    sign = measure_minority(coarse) + measure_border(coarse)
    return (sign if abs(sign) >= CLEAR else sign + compare_lengths(coarse)) > 0


def measure_minority(coarse: Grey) -> float:
    """Return a number above 0 if the dark parts are the smaller ones: the skewness of the local differences."""
    local = coarse.astype(np.float32) - _surroundings(coarse)
    square = local * local
    return float(-np.cbrt((square * local).mean()) / (np.sqrt(square.mean()) + 1e-6))


def measure_border(coarse: Grey) -> float:
    """Return -1 for a dark border to 1 for a light one."""
    middle = (float(coarse.min()) + float(coarse.max())) / 2
    ring = np.concatenate([coarse[0], coarse[-1], coarse[:, 0], coarse[:, -1]])
    return float(2 * (ring > middle).mean() - 1)


def compare_lengths(coarse: Grey) -> float:
    """Return the logarithm of the length of the dark strokes, over that of the light ones."""
    dark, light = stroke_length(~coarse), stroke_length(coarse)
    return float(np.log((dark + 1) / (light + 1)))


def _surroundings(coarse: Grey) -> Grey:
    # A median over half the picture follows slopes and shadows, but not strokes. Its cost grows with the fourth power
    # of the side, so it is computed on a thumbnail.
    small = shrink(coarse, COARSE_SIDE // 6)
    median = Image.fromarray(small).filter(ImageFilter.MedianFilter(max(small.shape) // 4 * 2 + 1))
    return np.asarray(median.resize(coarse.shape[::-1], Image.Resampling.BILINEAR))


def stroke_length(grey: Grey) -> float:
    """Return the length of the light strokes in a coarse picture, divided by their width."""
    window = stroke_window(grey)
    ink = top_hat(grey, window)
    return float(ink.sum()) / max(strongest(ink), 1) / window**2
