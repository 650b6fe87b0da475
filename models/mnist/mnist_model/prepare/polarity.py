"""Tells ink from paper: finds the grey in which they differ most, and whether the ink is darker."""

import numpy as np
from PIL import Image, ImageFilter

from mnist_model.prepare.measure import COARSE_SIDE, has_even_paper, shrink, stroke_window, strongest, top_hat
from mnist_model.prepare.morphology import Grey


def grey_by_contrast(picture: Grey) -> Grey:
    """Return the grey in which the ink stands out most from the paper around it, (h, w) uint8.

    A yellow pen on white is nearly as bright as the paper. It stands out along the axis of the largest local
    differences in colour, the first principal component.

    Args:
        picture: (h, w, 3) colours, or (h, w) grey, which is returned unchanged; uint8.
    """
    if picture.ndim == 2:
        return picture
    coarse = shrink(picture, COARSE_SIDE)
    around = Image.fromarray(coarse).filter(ImageFilter.BoxBlur(max(coarse.shape) // 8))
    local = (coarse.astype(np.float32) - np.asarray(around)).reshape(-1, 3)  # (h * w, 3)
    axis = np.linalg.eigh(local.T @ local)[1][:, -1]  # (3,)
    axis = axis * (np.sign(axis.sum()) or 1) / np.abs(axis).sum()
    lowest = 255 * float(axis.clip(max=0).sum())
    return np.asarray(Image.fromarray(picture).convert("L", (*axis.tolist(), -lowest)))


def light_on_dark(grey: Grey) -> Grey:
    """Return the picture with its ink lighter than its paper, (h, w) uint8."""
    return ~grey if ink_is_dark(grey) else grey


def ink_is_dark(grey: Grey) -> bool:
    """Decide by the paper if it is even, else by three signs.

    The signs are: ink is the minority, it is long for its width, and it seldom fills the border.
    """
    coarse = shrink(grey, COARSE_SIDE)
    is_light_even, is_dark_even = has_even_paper(~coarse), has_even_paper(coarse)
    if is_light_even != is_dark_even:
        return is_light_even
    return sum(polarity_signs(coarse)) > 0


def polarity_signs(coarse: Grey) -> tuple[float, float, float]:
    """Return the signs of a coarse picture, each above 0 for dark ink.

    They are minority, the logarithm of relative length, and light border (-1..1).
    """
    local = coarse.astype(np.float32) - _surroundings(coarse)
    minority = -np.cbrt((local**3).mean()) / (np.sqrt((local**2).mean()) + 1e-6)
    dark, light = stroke_length(~coarse), stroke_length(coarse)
    middle = (float(coarse.min()) + float(coarse.max())) / 2
    ring = np.concatenate([coarse[0], coarse[-1], coarse[:, 0], coarse[:, -1]])
    return float(minority), float(np.log((dark + 1) / (light + 1))), float(2 * (ring > middle).mean() - 1)


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
