"""Tells ink from paper: finds the grey in which they differ most, and whether the ink is darker."""

import numpy as np
from PIL import Image, ImageFilter

from mnist_model.prepare.measure import COARSE_SIDE, shrink, stroke_window, strongest, to_bytes, top_hat
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
    radius = max(picture.shape) // 8
    around = np.asarray(Image.fromarray(picture).filter(ImageFilter.BoxBlur(radius)), np.float32)
    local = (picture - around).reshape(-1, 3)  # (h * w, 3)
    axis = np.linalg.eigh(local.T @ local)[1][:, -1]  # (3,)
    axis = axis * (np.sign(axis.sum()) or 1) / np.abs(axis).sum()
    grey = picture @ axis.astype(np.float32) - 255 * axis.clip(max=0).sum()  # (h, w)
    return to_bytes(grey)


def light_on_dark(grey: Grey) -> Grey:
    """Return the picture with its ink lighter than its paper, (h, w) uint8."""
    return ~grey if ink_is_dark(grey) else grey


def ink_is_dark(grey: Grey) -> bool:
    """Decide by three signs: ink is the minority, it is long for its width, and it seldom fills the border."""
    return sum(polarity_signs(grey)) > 0


def polarity_signs(grey: Grey) -> tuple[float, float, float]:
    """Return the signs, each above 0 for dark ink: minority (-1..1), log of relative length, light border (-1..1)."""
    coarse = shrink(grey, COARSE_SIDE)
    local = coarse.astype(np.float32) - _surroundings(coarse)
    minority = -np.cbrt((local**3).mean()) / (np.sqrt((local**2).mean()) + 1e-6)
    dark, light = stroke_length(~coarse), stroke_length(coarse)
    middle = (float(coarse.min()) + float(coarse.max())) / 2
    ring = np.concatenate([coarse[0], coarse[-1], coarse[:, 0], coarse[:, -1]])
    return float(minority), float(np.log((dark + 1) / (light + 1))), float(2 * (ring > middle).mean() - 1)


def _surroundings(coarse: Grey) -> Grey:
    # A median over half the picture follows slopes and shadows, but not strokes. Its cost grows with the fourth power
    # of the side, so it is computed on a thumbnail.
    small = shrink(coarse, COARSE_SIDE // 3)
    median = Image.fromarray(small).filter(ImageFilter.MedianFilter(max(small.shape) // 4 * 2 + 1))
    return np.asarray(median.resize(coarse.shape[::-1], Image.Resampling.BILINEAR))


def stroke_length(grey: Grey) -> float:
    """Return the length of the light strokes in a coarse picture, divided by their width."""
    window = stroke_window(grey)
    ink = top_hat(grey, window)
    return float(ink.sum()) / max(strongest(ink), 1) / window**2
