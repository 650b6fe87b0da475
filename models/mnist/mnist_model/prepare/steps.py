"""Makes a decoded picture look like MNIST, in steps; a caller can look at the result of each.

In: a picture from `read_pixels`, any size, grey or colour. Out: (28, 28) uint8, 0 = background, 255 = ink. Raises
`UnreadableImage` for a picture without ink.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from mnist_model.prepare.edges import clear_edges
from mnist_model.prepare.even import lift_ink
from mnist_model.prepare.light import flatten_light, remove_shadows
from mnist_model.prepare.lines import remove_ruled_lines
from mnist_model.prepare.measure import enlarge_small
from mnist_model.prepare.morphology import Grey
from mnist_model.prepare.placement import SIDE, centre, crop, even_strokes, has_digit_size, is_centred, scale
from mnist_model.prepare.polarity import grey_by_contrast, light_on_dark
from mnist_model.prepare.strokes import keep_digit

Step: TypeAlias = Callable[[Grey], Grey | None]

#: The steps on uneven paper, which `lift_ink` leaves alone.
SHADED: tuple[Step, ...] = (light_on_dark, flatten_light, remove_shadows)
#: Every step takes and returns a uint8 picture; from the fourth step on, ink is light.
STEPS: tuple[Step, ...] = (
    enlarge_small,
    clear_edges,
    grey_by_contrast,
    lift_ink,
    *SHADED,
    remove_ruled_lines,
    keep_digit,
    crop,
    even_strokes,
    scale,
    centre,
)


def find_digit(picture: Grey) -> Grey:
    """Return the picture's digit as in MNIST, (28, 28) uint8; a picture like MNIST's is returned unchanged.

    Args:
        picture: (h, w) grey or (h, w, 3) colours, uint8.
    """
    ready = try_shortcut(picture)
    if ready is not None:
        return ready
    *_, (_, digit) = run_steps(picture)
    return digit


def run_steps(picture: Grey, steps: Sequence[Step] = STEPS) -> Iterator[tuple[str, Grey]]:
    """Yield the name of each step and the picture after it, without the steps that its paper does not need."""
    is_lifted = False
    for step in steps:
        after = None if is_lifted and step in SHADED else step(picture)
        if after is not None:
            picture, is_lifted = after, is_lifted or step is lift_ink
            yield step.__name__, picture


def try_shortcut(picture: Grey) -> Grey | None:
    """Return the digit of a (28, 28) picture that needs at most inverting or moving; for any other, None."""
    if picture.shape != (SIDE, SIDE):
        return None
    if has_digit_size(picture):
        return picture if is_centred(picture) else centre(crop(picture))
    inverted = ~picture
    return inverted if has_digit_size(inverted) and is_centred(inverted) else None
