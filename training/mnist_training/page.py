"""Paper to draw on: a page of any size, with a pen."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Rng: TypeAlias = np.random.Generator
Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]

SIDES = (120, 200, 400, 600)
#: Pens and papers: dark on light, light on dark, colours on either.
STYLES: tuple[tuple[Colour, Colour], ...] = (
    ((25, 25, 28), (242, 241, 236)),
    ((30, 50, 160), (250, 250, 248)),
    ((190, 25, 30), (250, 235, 150)),
    ((225, 225, 215), (40, 60, 50)),
    ((255, 255, 255), (0, 0, 0)),
)


@dataclass(frozen=True, slots=True)
class Page:
    """Empty paper, a pen for it, and chance. Places and lengths are shares of the side, 0 to 1."""

    image: Image.Image
    pen: Colour
    rng: Rng

    @property
    def side(self) -> int:
        """Width and height in pixels."""
        return self.image.width

    @property
    def width(self) -> int:
        """Width of a stroke in pixels, drawn by chance."""
        return max(1, round(self.side * self.rng.uniform(0.01, 0.05)))

    def scale(self, *points: Point) -> list[Point]:
        """Return points in pixels."""
        return [(x * self.side, y * self.side) for x, y in points]

    def draw_line(self, *points: Point) -> None:
        """Draw a stroke through the points."""
        ImageDraw.Draw(self.image).line(self.scale(*points), fill=self.pen, width=self.width, joint="curve")

    def draw_ring(self, x: float, y: float, right: float, down: float) -> None:
        """Draw an ellipse around a middle, by its two radii."""
        box = self.scale((x - right, y - down), (x + right, y + down))
        ImageDraw.Draw(self.image).ellipse([*box[0], *box[1]], outline=self.pen, width=self.width)

    def write(self, text: str, x: float, y: float, height: float) -> None:
        """Write a text around a middle, in printed letters."""
        font = ImageFont.load_default(height * self.side)
        ImageDraw.Draw(self.image).text(self.scale((x, y))[0], text, self.pen, font, anchor="mm")

    def choose(self, low: float, high: float, count: int = 1) -> list[float]:
        """Return numbers between two limits."""
        return [float(number) for number in self.rng.uniform(low, high, count)]


def take_page(rng: Rng) -> Page:
    """Return an empty page of any size and style."""
    pen, background = STYLES[int(rng.integers(len(STYLES)))]
    side = int(rng.choice(SIDES))
    return Page(Image.new("RGB", (side, side), background), pen, rng)


def encode(image: Image.Image, seed: int) -> bytes:
    """Return the picture as a file: a PNG for an even seed, a JPEG for an odd one."""
    file = BytesIO()
    if seed % 2:
        image.save(file, "JPEG", quality=85)
    else:
        image.save(file, "PNG")
    return file.getvalue()


def draw_clouds(page: Page, knots: int, low: float, high: float) -> npt.NDArray[np.float32]:
    """Return light that changes slowly over the page, (side, side, 1) between two limits."""
    coarse = Image.fromarray(page.rng.uniform(low, high, (knots, knots)).astype(np.float32))
    return np.asarray(coarse.resize(page.image.size, Image.Resampling.BICUBIC))[..., None]


def paint(pixels: npt.NDArray[np.floating[Any]]) -> Image.Image:
    """Return the picture of numbers, (h, w, 1 or 3), cut to 0..255."""
    colours = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    return Image.fromarray(colours.clip(0, 255).astype(np.uint8))


def shake(page: Page, count: int) -> tuple[list[float], list[float]]:
    """Return how far a hand misses each of some points, to the right and downwards."""
    return page.choose(-0.04, 0.04, count), page.choose(-0.04, 0.04, count)


def turn_a_little(page: Page) -> Image.Image:
    """Return the picture turned by up to 15 degrees."""
    background = page.image.getpixel((0, 0))
    return page.image.rotate(float(page.rng.uniform(-15, 15)), Image.Resampling.BICUBIC, fillcolor=background)
