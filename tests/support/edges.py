"""Draws kinds of pictures with something along an edge that is not ink.

`python -m tests.unit.models.mnist.edges_table` prints how many of each are read right. A kind takes a digit on paper
and draws around it; its docstring is its row in that table. To add one, write a function with `@kind`. `plain` draws
nothing: the others are measured against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Rng: TypeAlias = np.random.Generator
Bytes: TypeAlias = npt.NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]
Kind: TypeAlias = Callable[["Page"], Image.Image]

#: Pens and papers: dark on light, light on dark, colours on either.
STYLES: tuple[tuple[Colour, Colour], ...] = (
    ((25, 25, 28), (242, 241, 236)),
    ((30, 50, 160), (250, 250, 248)),
    ((190, 25, 30), (250, 235, 150)),
    ((20, 20, 20), (205, 175, 130)),
    ((225, 225, 215), (40, 60, 50)),
    ((255, 255, 255), (0, 0, 0)),
)
#: A thing along an edge takes this share of the side.
THICKNESS = (0.02, 0.1)
KINDS: dict[str, Kind] = {}


def kind(function: Kind) -> Kind:
    """Add a function to the kinds, by its name."""
    KINDS[function.__name__] = function
    return function


@dataclass(frozen=True, slots=True)
class Page:
    """A digit on its paper, clear of the outermost eighth: the picture, the two colours, and chance."""

    image: Image.Image
    pen: Colour
    paper: Colour
    rng: Rng

    @property
    def side(self) -> int:
        """Width and height in pixels."""
        return self.image.width

    def choose_colour(self) -> Colour:
        """Return any colour that stands out from the paper by a quarter of the scale or more."""
        while True:
            colour = tuple(map(int, self.rng.integers(0, 256, 3)))
            if max(abs(a - b) for a, b in zip(colour, self.paper, strict=True)) >= 64:
                return colour  # type: ignore[return-value]

    def choose_thickness(self) -> int:
        """Return pixels."""
        return max(1, round(self.side * self.rng.uniform(*THICKNESS)))

    def draw_bar(self, edge: int, colour: Colour, thickness: int, *, gap: int = 0) -> None:
        """Draw along an edge: 0 left, 1 top, 2 right, 3 bottom; `gap` pixels from it."""
        last = self.side - 1
        near, far = gap, gap + thickness - 1
        boxes = (
            (near, 0, far, last),
            (0, near, last, far),
            (last - far, 0, last - near, last),
            (0, last - far, last, last - near),
        )
        ImageDraw.Draw(self.image).rectangle(boxes[edge], fill=colour)


@kind
def plain(page: Page) -> Image.Image:
    """Nothing: the digit on its paper."""
    return page.image


@kind
def line_one_side(page: Page) -> Image.Image:
    """A line in the pen's colour along one edge."""
    page.draw_bar(int(page.rng.integers(4)), page.pen, page.choose_thickness())
    return page.image


@kind
def line_two_sides(page: Page) -> Image.Image:
    """Lines in the pen's colour along two edges that meet."""
    first = int(page.rng.integers(4))
    for edge in (first, (first + 1) % 4):
        page.draw_bar(edge, page.pen, page.choose_thickness())
    return page.image


@kind
def cell(page: Page) -> Image.Image:
    """A cell of a form: lines in the pen's colour along all four edges."""
    thickness = page.choose_thickness()
    for edge in range(4):
        page.draw_bar(edge, page.pen, thickness)
    return page.image


@kind
def cell_uneven(page: Page) -> Image.Image:
    """Lines of one colour along all four edges, each of its own thickness."""
    colour = page.choose_colour()
    for edge in range(4):
        page.draw_bar(edge, colour, page.choose_thickness())
    return page.image


@kind
def rim_dark(page: Page) -> Image.Image:
    """A scanner's black rim, or a white one round a dark board."""
    colour = (15, 15, 15) if sum(page.paper) > 380 else (245, 245, 245)
    thickness = page.choose_thickness()
    for edge in range(4):
        page.draw_bar(edge, colour, thickness)
    return page.image.filter(ImageFilter.GaussianBlur(page.side / 400))


@kind
def rim_coloured(page: Page) -> Image.Image:
    """A rim of any colour along all four edges."""
    colour, thickness = page.choose_colour(), page.choose_thickness()
    for edge in range(4):
        page.draw_bar(edge, colour, thickness)
    return page.image


@kind
def bar_one_side(page: Page) -> Image.Image:
    """A bar of any colour along one edge."""
    page.draw_bar(int(page.rng.integers(4)), page.choose_colour(), page.choose_thickness())
    return page.image


@kind
def bars_opposite(page: Page) -> Image.Image:
    """Black or white bars along two opposite edges, as around a film."""
    colour = (0, 0, 0) if sum(page.paper) > 380 else (255, 255, 255)
    first, thickness = int(page.rng.integers(2)), page.choose_thickness()
    for edge in (first, first + 2):
        page.draw_bar(edge, colour, thickness)
    return page.image


@kind
def bars_three_sides(page: Page) -> Image.Image:
    """Bars along three edges, each of its own colour and thickness."""
    for edge in page.rng.permutation(4)[:3]:
        page.draw_bar(int(edge), page.choose_colour(), page.choose_thickness())
    return page.image


@kind
def frame_inside(page: Page) -> Image.Image:
    """A frame of any colour a little inside the edges, closed or open at a side."""
    colour, gap = page.choose_colour(), max(1, round(page.side * page.rng.uniform(0.01, 0.05)))
    thickness = max(1, round(page.side * page.rng.uniform(0.01, 0.05)))
    for edge in page.rng.permutation(4)[: int(page.rng.integers(3, 5))]:
        page.draw_bar(int(edge), colour, thickness, gap=gap)
    return page.image


@kind
def turned_scan(page: Page) -> Image.Image:
    """A scan that was turned by up to 8 degrees: its corners are black."""
    angle = float(page.rng.uniform(1, 8)) * (1 if page.rng.random() < 0.5 else -1)
    fill = (0, 0, 0) if sum(page.paper) > 380 else (255, 255, 255)
    return page.image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=fill)


@kind
def turned_scan_whole(page: Page) -> Image.Image:
    """The same, with room for the whole page: each corner is a black triangle of up to a seventh of the side."""
    angle = float(page.rng.uniform(1, 8)) * (1 if page.rng.random() < 0.5 else -1)
    fill = (0, 0, 0) if sum(page.paper) > 380 else (255, 255, 255)
    return page.image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=fill)


@kind
def rim_tilted(page: Page) -> Image.Image:
    """A rim whose sides are not quite parallel to the edges."""
    last, deep = page.side - 1, page.side * THICKNESS[1]
    near = page.rng.uniform(0.3, 1, 8) * deep
    corners = [
        (near[0], near[1]),
        (last - near[2], near[3]),
        (last - near[4], last - near[5]),
        (near[6], last - near[7]),
    ]
    inside = Image.new("L", page.image.size)
    ImageDraw.Draw(inside).polygon(corners, fill=255)
    rim = Image.new("RGB", page.image.size, page.choose_colour())
    return Image.composite(page.image, rim, inside.filter(ImageFilter.GaussianBlur(page.side / 300)))


@kind
def screenshot(page: Page) -> Image.Image:
    """A screenshot with a bar of buttons along one edge."""
    edge, thickness = int(page.rng.integers(4)), round(page.side * page.rng.uniform(0.06, 0.1))
    page.draw_bar(edge, page.choose_colour(), thickness)
    colour, draw = page.choose_colour(), ImageDraw.Draw(page.image)
    for at in np.arange(0.05, 0.95, page.rng.uniform(0.08, 0.2)) * page.side:
        near, long = thickness * 0.3, thickness * 0.4
        across = near if edge < 2 else page.side - near - long
        left, top = (across, at) if edge % 2 == 0 else (at, across)
        draw.rectangle((left, top, left + long, top + long), fill=colour)
    return page.image


def draw(name: str, digit: Bytes, seed: int) -> bytes:
    """Return the file of a digit, (28, 28) uint8, as a picture of the kind; every second one is a JPEG."""
    rng = np.random.default_rng([seed, list(KINDS).index(name)])
    image = KINDS[name](put_on_page(digit, rng))
    file = BytesIO()
    if seed % 2:
        image.save(file, "JPEG", quality=85)
    else:
        image.save(file, "PNG")
    return file.getvalue()


def put_on_page(digit: Bytes, rng: Rng) -> Page:
    """Return the digit somewhere on a page of 60 to 600 pixels, three to five eighths of its side long."""
    side = int(rng.choice([60, 120, 200, 400, 600]))
    ink = Image.fromarray(digit)
    ink = ink.crop(ink.getbbox())
    factor = side * rng.uniform(0.38, 0.62) / max(ink.size)
    ink = ink.resize((max(1, round(ink.width * factor)), max(1, round(ink.height * factor))), Image.Resampling.BICUBIC)
    room = side / 8
    left, top = (int(rng.uniform(room, side - room - length)) for length in ink.size)
    pen, paper = STYLES[int(rng.integers(len(STYLES)))]
    image = Image.new("RGB", (side, side), paper)
    image.paste(pen, (left, top), ink)
    noise = rng.normal(0, rng.uniform(0, 4), (side, side, 1))
    return Page(Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8)), pen, paper, rng)
