"""Takes the paper out of a picture: its colour, its brightness, its shadows and its printed lines.

In: a decoded picture. Out: ink that is light on black, and nothing else that the paper had. Raises `UnreadableImage`
for a picture without contrast.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from inference_pictures.errors import UnreadableImage
from mnist_api.morphology import Grey, Mask, dilated, opened

#: Longer side, in pixels, on which strokes are told from shadows: noise and speckles average out.
COARSE_SIDE = 96
#: Shortest longer side, in pixels, on which strokes can be worked on.
SMALLEST_SIDE = 112
#: Weakest ink, in grey levels of the paper's 255, that counts as ink.
MIN_CONTRAST = 12
#: Ink must stand this many standard deviations above the noise.
MIN_NOISE_RATIO = 6
#: Window sizes, in coarse pixels, that a stroke may just fill.
WINDOWS = (3, 5, 7, 9, 13, 17, 23, 31, 41, 55)
#: Windows to compare a window with, and the share of the strongest ink that is full strength.
LOOK_AHEAD = 3
FULL_SHARE = 0.6
#: Least share of the picture that must lie on a smooth slope of light for the slope to be believed.
MIN_PAPER = 0.7
#: Most by which paper may lie under that slope, as a logarithm: 0.15 is 14 percent of the light, and no ink.
MAX_MISFIT = 0.15
#: Weakest printed line, of 255: far below a stroke, since paper shows through.
MIN_LINE = 20
#: Ruled lines: steepest tilt (about 3.5 degrees), least covered share, most thickness as a share of the longer side.
MAX_TILT = 0.06
MIN_COVERAGE = 0.8
MAX_THICKNESS = 0.02
#: A line's strongest pixel over its median.
LINE_SPREAD = 1.8


def enlarge_small(picture: Grey) -> Grey:
    """Return a picture whose longer side has `SMALLEST_SIDE` pixels or more: strokes of one pixel have no inside."""
    factor = SMALLEST_SIDE / max(picture.shape)
    if factor <= 1:
        return picture
    height, width = (max(1, round(length * factor)) for length in picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def grey_by_contrast(picture: Grey) -> Grey:
    """Return the grey in which the ink stands out most from the paper around it, (h, w) uint8.

    A yellow pen on white is nearly as bright as the paper; along the axis of the largest local differences in colour
    (the first principal component) it is not.

    Args:
        picture: (h, w, 3) colours, or (h, w) grey, which stays as it is; uint8.
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
    """Tell the ink's side by three signs: it is the minority, long for its width, and seldom all along the border."""
    return sum(polarity_signs(grey)) > 0


def polarity_signs(grey: Grey) -> tuple[float, float, float]:
    """Return the signs, each above 0 for dark ink: minority (-1..1), log of relative length, light border (-1..1)."""
    coarse = shrunk(grey, COARSE_SIDE)
    local = coarse.astype(np.float32) - _surroundings(coarse)
    minority = -np.cbrt((local**3).mean()) / (np.sqrt((local**2).mean()) + 1e-6)
    dark, light = stroke_length(~coarse), stroke_length(coarse)
    middle = (float(coarse.min()) + float(coarse.max())) / 2
    ring = np.concatenate([coarse[0], coarse[-1], coarse[:, 0], coarse[:, -1]])
    return float(minority), float(np.log((dark + 1) / (light + 1))), float(2 * (ring > middle).mean() - 1)


def _surroundings(coarse: Grey) -> Grey:
    # A median over half the picture follows slopes and shadows and no stroke. Its cost grows with the fourth power of
    # the side, so it is taken on a thumbnail.
    small = shrunk(coarse, COARSE_SIDE // 3)
    median = Image.fromarray(small).filter(ImageFilter.MedianFilter(max(small.shape) // 4 * 2 + 1))
    return np.asarray(median.resize(coarse.shape[::-1], Image.Resampling.BILINEAR))


def stroke_length(grey: Grey) -> float:
    """Return how many times its own width the light part of a coarse picture is long."""
    window = stroke_window(grey)
    ink = top_hat(grey, window)
    return float(ink.sum()) / max(strongest(ink), 1) / window**2


def flatten_light(ink: Grey) -> Grey:
    """Return the picture as if the light on the paper were even, (h, w) uint8, ink light: no slope, no dark corners.

    Brightness is the paper's times the light's, so its logarithm is a sum; the light's part is a quadratic surface
    through the paper, found by leaving out, round by round, what is darker than it.
    """
    coarse = shrunk(ink, COARSE_SIDE)
    brightness = np.log(256.0 - coarse).ravel()  # (n,)
    terms = _quadratic_terms(coarse.shape)  # (n, 6)
    is_paper = brightness >= np.median(brightness)
    for _ in range(4):
        surface = terms @ np.linalg.lstsq(terms[is_paper], brightness[is_paper])[0]  # (n,)
        error = brightness - surface
        is_paper = error > -np.clip(2 * np.median(np.abs(error[is_paper])), 0.05, MAX_MISFIT)
    # Much ink, or the edge of a shadow: the surface fits neither, and would add ridges of its own.
    if is_paper.mean() < MIN_PAPER:
        return ink
    light = Image.fromarray(np.exp(surface.max() - surface).reshape(coarse.shape).astype(np.float32))
    gain = np.asarray(light.resize(ink.shape[::-1], Image.Resampling.BILINEAR))
    return to_bytes(256 - (256.0 - ink) * gain)


def _quadratic_terms(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j])
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def remove_shadows(grey: Grey) -> Grey:
    """Return ink alone, 0 = paper, 255 = the strongest ink, (h, w) uint8: whatever is wider than a stroke is gone.

    What a window a little wider than the strokes cannot see beneath is paper. Ink is measured as a share of the
    light that falls on the paper there, so it is as strong in the shadow as beside it.

    Raises:
        UnreadableImage: no ink stands out from the paper and its noise.
    """
    coarse = shrunk(grey, COARSE_SIDE)
    window = stroke_window(coarse) + 2
    paper = Image.fromarray(opened(coarse, window, window)).resize(grey.shape[::-1], Image.Resampling.BILINEAR)
    room = 255.0 - np.asarray(paper, np.float32)
    ink = (grey.astype(np.float32) - np.asarray(paper)).clip(0) * (255 / room.clip(16))
    strength = strongest(ink)
    noise = noise_of(ink)
    least = max(MIN_CONTRAST, MIN_NOISE_RATIO * noise)
    if strength < least:
        raise UnreadableImage(
            f"picture is blank: its ink stands out from the paper by {strength:.0f} of 255 grey levels, "
            f"expected {least:.0f} or more; send one with darker or thicker strokes"
        )
    floor = max(2 * noise, 0.1 * strength)
    return to_bytes((ink - floor) * (255 / (0.9 * strength - floor)))


def remove_ruled_lines(ink: Grey) -> Grey:
    """Return the ink without thin straight lines that run from border to border, (h, w) uint8.

    Where a stroke crosses a line, it stays: the ink there is longer across the line than the line is thick.
    """
    level = np.where(_on_level_line(ink), 0, ink).astype(np.uint8)
    return np.where(_on_level_line(level.T).T, 0, level).astype(np.uint8)


def _on_level_line(ink: Grey) -> Mask:
    limit = dilated(_level_lines(ink), 5, 1)
    thickness = int(MAX_THICKNESS * max(ink.shape)) + 3 | 1
    is_thick = opened(np.where(ink >= MIN_LINE, 255, 0).astype(np.uint8), thickness, 1) > 0
    return (ink <= limit) & ~is_thick


def _level_lines(ink: Grey) -> Grey:
    # For each pixel on a line the most that the line itself may have there, 0 elsewhere: a pen along the line is
    # stronger than print. Three pixels for one: a line that is a step off the pixels' grid still covers its row.
    ink = dilated(ink, 3, 1)
    mask = ink >= MIN_LINE
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    lines = np.zeros_like(ink)
    margin = int(width * MAX_TILT)
    across = np.arange(width)
    # One step tilts a line by one pixel from border to border; a row of `counts` is what such a line covers.
    for tilt in np.arange(-margin, margin + 1) / width:
        shift = np.rint(tilt * (across - width / 2)).astype(np.intp)  # (w,)
        counts = np.bincount(rows - shift[columns] + margin, minlength=height + 2 * margin)
        for row in np.flatnonzero(counts >= MIN_COVERAGE * width) - margin:
            inside = (row + shift >= 0) & (row + shift < height)
            down, along = (row + shift)[inside], across[inside]
            if _reaches_both_borders(mask[down, along]):
                limit = min(LINE_SPREAD * float(np.median(ink[down, along])), 255)
                lines[down, along] = np.maximum(lines[down, along], round(limit))
    return lines


def _reaches_both_borders(covered: Mask) -> bool:
    end = len(covered) // 50 + 1
    return bool(covered[:end].any() and covered[-end:].any())


def stroke_window(grey: Grey) -> int:
    """Return the smallest window, in pixels, that fits nowhere into the light strokes of a coarse picture.

    That is the first that sees as much ink at full strength as windows up to three times as large: a thin frame beside
    a thick digit must not decide. Shadows are wider and weaker than ink, so they do not count.
    """
    windows = [window for window in WINDOWS if window <= max(*grey.shape, WINDOWS[0])]
    hats = [top_hat(grey, window) for window in windows]
    strength = max(strongest(hat) for hat in hats)
    areas = [int((hat >= FULL_SHARE * strength).sum()) for hat in hats]
    wider = areas[LOOK_AHEAD:] + areas[-1:] * LOOK_AHEAD
    return next(w for w, area, later in zip(windows, areas, wider, strict=False) if area and later <= 1.05 * area)


def top_hat(grey: Grey, window: int) -> Grey:
    """Return how much lighter each pixel is than anything as wide as the window around it, (h, w) uint8."""
    return grey - opened(grey, window, window)


def to_bytes(values: npt.NDArray[np.floating[Any]]) -> Grey:
    """Return the values rounded and clipped to 0..255, uint8."""
    rounded: Grey = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded


def strongest(ink: npt.NDArray[np.generic]) -> float:
    """Return the strength that the strongest pixels reach: the mean of the top one in a thousand, 12 or more."""
    count = max(12, ink.size // 1000)
    return float(np.sort(ink, axis=None)[-count:].mean())


def noise_of(ink: npt.NDArray[np.floating[Any]]) -> float:
    """Return the standard deviation of the noise, in grey levels, from the median difference between neighbours."""
    return float(np.median(np.abs(np.diff(ink.ravel())))) * 1.05  # 1.4826 / sqrt(2)


def shrunk(grey: Grey, side: int) -> Grey:
    """Return the picture with at most `side` pixels on its longer side, each the mean of those it stands for."""
    scale = side / max(grey.shape)
    if scale >= 1:
        return grey
    height, width = (max(1, round(length * scale)) for length in grey.shape)
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BOX))
