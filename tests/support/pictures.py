"""Pictures for tests: the samples of the repository, and any number of variations of them."""

import io
from collections.abc import Iterator
from itertools import count, product
from typing import Any

from PIL import Image

from tests.support.deployment import ROOT

SAMPLES = tuple(sorted((ROOT / "samples").glob("*.pgm")))


def sample(name: str) -> Image.Image:
    """Return a sample by name, such as `three`: 28x28, light on dark."""
    with Image.open(ROOT / "samples" / f"{name}.pgm") as image:
        return image.convert("L")


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """Return the picture as a file; the options are those of Pillow for its format."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def moved(image: Image.Image, right: int, down: int) -> Image.Image:
    """Return the picture moved by some pixels; pixels that leave it are lost."""
    canvas = Image.new("L", image.size)
    canvas.paste(image, (right, down))
    return canvas


def variations() -> Iterator[bytes]:
    """Yield PNG files without end, each a sample turned and moved in another way."""
    for turn in count():
        for path, right, down in product(SAMPLES, range(-3, 4), range(-3, 4)):
            yield encoded(moved(sample(path.stem).rotate(turn * 7 % 360), right, down))
