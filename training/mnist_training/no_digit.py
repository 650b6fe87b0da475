"""Draws kinds of pictures that hold no digit: a face, a page of text, noise, paper.

The model card shows how sure the network is of its answers to them. To add a kind, write a function with `@kind`: it
draws on a page, and its docstring is its row in the card.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from mnist_training.page import Page, Point, draw_clouds, encode, paint, shake, take_page, turn_a_little

Kind: TypeAlias = Callable[[Page], Image.Image]

#: Capital letters that no digit resembles: not B, D, G, I, J, L, O, Q, S, T, U, Z.
LETTERS = "ACEFHKMNPRVWXY"
WORDS = ("paper", "garden", "window", "morning", "bread", "river", "maybe", "quiet", "number", "after", "green", "and")
KINDS: dict[str, Kind] = {}


def kind(function: Kind) -> Kind:
    """Add a function to the kinds, by its name."""
    KINDS[function.__name__] = function
    return function


@kind
def paper(page: Page) -> Image.Image:
    """Blank paper in uneven light, with grain."""
    light = draw_clouds(page, 3, 0.6, 1.1)
    return paint(np.asarray(page.image) * light + page.rng.normal(0, 5, (page.side, page.side, 1)))


@kind
def noise(page: Page) -> Image.Image:
    """Every pixel drawn by chance, coarse or fine."""
    side = page.side // int(page.rng.choice([1, 2, 4, 8, 16]))
    grain = Image.fromarray(page.rng.integers(0, 256, (side, side, 3), np.uint8))
    return grain.resize(page.image.size, Image.Resampling.NEAREST)


@kind
def clouds(page: Page) -> Image.Image:
    """Soft patches of light and dark, as in cloth, fog or a wall."""
    return paint(220 * draw_clouds(page, int(page.rng.integers(4, 12)), 0, 1))


@kind
def pattern(page: Page) -> Image.Image:
    """Stripes, checks or waves across the whole picture."""
    y, x = np.indices((page.side, page.side)) / page.side
    turn, pitch = page.rng.uniform(0, np.pi), page.rng.uniform(4, 14)
    along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    wave = np.sin(2 * np.pi * pitch * (along + page.rng.choice([0, 0.03]) * np.sin(9 * across)))
    checks = wave * np.sin(2 * np.pi * pitch * across) if page.rng.random() < 0.4 else wave
    return Image.composite(Image.new("RGB", page.image.size, page.pen), page.image, Image.fromarray(checks > 0))


@kind
def text(page: Page) -> Image.Image:
    """A page of printed text."""
    pitch = float(page.rng.uniform(0.05, 0.12))
    for y in np.arange(0.08, 0.95, pitch):
        page.write(" ".join(page.rng.choice(WORDS, int(0.6 / pitch))), 0.5, float(y), pitch * 0.6)
    return page.image


@kind
def word(page: Page) -> Image.Image:
    """One printed word."""
    page.write(str(page.rng.choice(WORDS)), 0.5, page.choose(0.3, 0.7)[0], float(page.rng.uniform(0.1, 0.22)))
    return page.image


@kind
def letter(page: Page) -> Image.Image:
    """A capital letter that resembles no digit, a little turned."""
    capital = str(page.rng.choice(list(LETTERS)))
    x, y = page.choose(0.4, 0.6, 2)
    page.write(capital, x, y, float(page.rng.uniform(0.3, 0.7)))
    return turn_a_little(page)


@kind
def face(page: Page) -> Image.Image:
    """A drawn face: an outline, eyes, a nose, a mouth, hair."""
    page.draw_ring(0.5, 0.5, *page.choose(0.25, 0.42, 2))
    for x in (0.38, 0.62):
        page.draw_ring(x, 0.42, *page.choose(0.02, 0.06, 2))
    page.draw_line((0.5, 0.45), (0.47, 0.57), (0.52, 0.58))
    page.draw_line((0.38, 0.66), (0.5, page.choose(0.64, 0.74)[0]), (0.62, 0.66))
    for x in page.choose(0.3, 0.7, int(page.rng.integers(0, 9))):
        page.draw_line((x, 0.2), (x + 0.05, 0.08))
    return turn_a_little(page)


@kind
def portrait(page: Page) -> Image.Image:
    """A head and shoulders before a wall, in soft areas of colour, as in a photograph."""
    draw = ImageDraw.Draw(page.image)
    skin, hair, cloth = (tuple(map(int, page.rng.integers(20, 236, 3))) for _ in range(3))
    middle, high = page.choose(0.42, 0.58)[0], page.choose(0.15, 0.25)[0]
    for fill, left, top, right, bottom in (
        (cloth, -0.35, 0.7, 0.35, 1.3),
        (hair, -0.22, -0.02, 0.22, 0.5),
        (skin, -0.17, 0.08, 0.17, 0.52),
        (hair, -0.1, 0.22, -0.05, 0.25),
        (hair, 0.05, 0.22, 0.1, 0.25),
        (cloth, -0.06, 0.4, 0.06, 0.43),
    ):
        corners = page.scale((middle + left, high + top), (middle + right, high + bottom))
        draw.ellipse([*corners[0], *corners[1]], fill=fill)
    return paint(
        np.asarray(page.image) * draw_clouds(page, 4, 0.6, 1.1) + page.rng.normal(0, 6, (page.side,) * 2 + (3,))
    )


@kind
def landscape(page: Page) -> Image.Image:
    """Hills before a sky, with trees."""
    draw = ImageDraw.Draw(page.image)
    for low in sorted(page.choose(0.3, 0.8, 3)):
        tops = [(x, low + float(page.rng.uniform(-0.1, 0.1))) for x in np.linspace(0, 1, 6)]
        draw.polygon(page.scale((0, 1), *tops, (1, 1)), fill=tuple(map(int, page.rng.integers(30, 220, 3))))
    for x, y in zip(page.choose(0.1, 0.9, 4), page.choose(0.5, 0.8, 4), strict=True):
        draw.polygon(page.scale((x, y - 0.2), (x - 0.06, y), (x + 0.06, y)), fill=(20, 60, 30))
    return paint(np.asarray(page.image) * draw_clouds(page, 5, 0.7, 1.1))


@kind
def house(page: Page) -> Image.Image:
    """A child's drawing of a house."""
    left, right, top, wall = *page.choose(0.2, 0.3), *page.choose(0.7, 0.8), *page.choose(0.1, 0.25), 0.45
    page.draw_line((left, wall), (left, 0.85), (right, 0.85), (right, wall), (left, wall), (0.5, top), (right, wall))
    page.draw_line((0.45, 0.85), (0.45, 0.62), (0.56, 0.62), (0.56, 0.85))
    return turn_a_little(page)


@kind
def symbol(page: Page) -> Image.Image:
    """A tick, a cross, a star, an arrow, a heart, a triangle or a square."""
    shapes: list[list[Point]] = [
        [(0.2, 0.5), (0.4, 0.75), (0.8, 0.2)],
        [(0.2, 0.2), (0.8, 0.8), (0.5, 0.5), (0.2, 0.8), (0.8, 0.2)],
        [(0.5, 0.15), (0.7, 0.8), (0.17, 0.4), (0.83, 0.4), (0.3, 0.8), (0.5, 0.15)],
        [(0.2, 0.5), (0.8, 0.5), (0.6, 0.3), (0.8, 0.5), (0.6, 0.7)],
        [(0.5, 0.8), (0.2, 0.4), (0.3, 0.25), (0.5, 0.4), (0.7, 0.25), (0.8, 0.4), (0.5, 0.8)],
        [(0.5, 0.2), (0.8, 0.75), (0.2, 0.75), (0.5, 0.2)],
        [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75), (0.25, 0.25)],
    ]
    shape = shapes[int(page.rng.integers(len(shapes)))]
    page.draw_line(*((x + dx, y + dy) for (x, y), dx, dy in zip(shape, *shake(page, len(shape)), strict=True)))
    return turn_a_little(page)


@kind
def scribble(page: Page) -> Image.Image:
    """A pen that went to and fro."""
    count = int(page.rng.integers(8, 25))
    page.draw_line(*zip(page.choose(0.15, 0.85, count), page.choose(0.15, 0.85, count), strict=True))
    return page.image


@kind
def signature(page: Page) -> Image.Image:
    """Loops in a row, as in a signature."""
    t = np.linspace(0, 1, 120)
    loops, high, wide = int(page.rng.integers(4, 9)), *page.choose(0.05, 0.15), *page.choose(0.03, 0.07)
    swell = 1 + 0.7 * np.sin(t * page.rng.uniform(3, 9) + page.rng.uniform(0, 6))
    x = 0.12 + 0.76 * t + wide * np.cos(2 * np.pi * loops * t)
    y = 0.5 + high * swell * np.sin(2 * np.pi * loops * t)
    page.draw_line(*zip(x.tolist(), y.tolist(), strict=True))
    return page.image


@kind
def form(page: Page) -> Image.Image:
    """An empty table of a form."""
    rows, columns = map(int, page.rng.integers(2, 8, 2))
    for y in np.linspace(0.15, 0.85, rows + 1).tolist():
        page.draw_line((0.1, y), (0.9, y))
    for x in np.linspace(0.1, 0.9, columns + 1).tolist():
        page.draw_line((x, 0.15), (x, 0.85))
    return page.image


@kind
def barcode(page: Page) -> Image.Image:
    """A bar code, or squares as in a QR code."""
    rows = int(page.rng.choice([1, 21]))
    cells = page.rng.random((rows, 42 if rows == 1 else 21)) < 0.5
    size = page.side * 7 // 10
    squares = Image.fromarray(cells).resize((size, size), Image.Resampling.NEAREST)
    page.image.paste(page.pen, (page.side // 7, page.side // 7), squares)
    return page.image


def draw(name: str, seed: int) -> bytes:
    """Return the file of a picture of the kind; every second one is a JPEG."""
    page = take_page(np.random.default_rng([seed, list(KINDS).index(name)]))
    return encode(KINDS[name](page), seed)


def draw_digit(digit: npt.NDArray[np.uint8], seed: int) -> bytes:
    """Return the file of a digit, (28, 28) uint8, on a page like those of `draw`: only the digit tells them apart."""
    page = take_page(np.random.default_rng([seed, len(KINDS)]))
    ink = Image.fromarray(digit)
    ink = ink.crop(ink.getbbox())
    factor = page.side * page.choose(0.25, 0.7)[0] / max(ink.size)
    size = [max(1, round(length * factor)) for length in ink.size]
    corner = [int((page.side - length) * share) for length, share in zip(size, page.choose(0.2, 0.8, 2), strict=True)]
    page.image.paste(page.pen, (corner[0], corner[1]), ink.resize((size[0], size[1]), Image.Resampling.BICUBIC))
    return encode(page.image, seed)
