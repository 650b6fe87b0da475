"""Takes ink off even paper: drawings, canvases and screenshots need none of the steps against shadows."""

from mnist_model.prepare.light import subtract_level
from mnist_model.prepare.measure import COARSE_SIDE, find_median, has_even_paper, shrink
from mnist_model.prepare.morphology import Grey


def lift_ink(grey: Grey) -> Grey | None:
    """Return the ink alone, 0 = paper, 255 = the strongest ink, (h, w) uint8, if the paper is even; otherwise None.

    The paper tells which side is ink. Ink that few tiles hold leaves it even on both sides; the ink is then what
    differs most from it.

    Raises:
        UnreadableImage: no ink stands out from the paper and its noise.
    """
    coarse = shrink(grey, COARSE_SIDE)
    is_light_even, is_dark_even = has_even_paper(~coarse), has_even_paper(coarse)
    if not (is_light_even or is_dark_even):
        return None
    if is_light_even and (not is_dark_even or reaches_farther_down(coarse)):
        grey, coarse = ~grey, ~coarse
    return subtract_level(grey, int(find_median(coarse)))


def reaches_farther_down(coarse: Grey) -> bool:
    """Tell whether the darkest pixel differs more from the median than the lightest does."""
    median = int(find_median(coarse))
    return median - int(coarse.min()) > int(coarse.max()) - median
