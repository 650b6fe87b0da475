"""Draws a handwritten digit as people photograph, scan or export it, in one of several styles.

Only `sheets.py` uses this; the service does not. The docstring of a style is its row in the table of `sheets.py`.
"""

from collections.abc import Callable
from io import BytesIO
from typing import TypeAlias

import numpy as np
from handwriting import Bytes, Floats, crop, place, upscale
from PIL import Image, ImageDraw

Style: TypeAlias = Callable[[Bytes, np.random.Generator], bytes]

#: Red, green, blue of pens and papers in a phone's photographs.
PENS = [(25, 25, 30), (20, 40, 150), (190, 20, 30), (10, 120, 50), (120, 30, 140), (225, 120, 10)]
PAPERS = [(250, 250, 248), (250, 235, 150), (190, 225, 250), (250, 200, 205), (200, 240, 200), (205, 175, 130)]


def draw_plain(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Dark ink on white, JPEG, 200 to 1,500 pixels."""
    ink = place(digit, rng, side=int(rng.integers(200, 1500)))
    return encode_jpeg(paint(ink, (30, 30, 30), (245, 245, 245)), quality=85)


def draw_blackboard(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Chalk on a dark, cloudy board."""
    ink = place(digit, rng, side=600)
    board = paint(ink * draw_grain(ink.shape, rng, 0.25), (225, 225, 215), (40, 60, 50))
    return encode_jpeg(add_noise(board * draw_clouds(ink.shape, rng, 0.35), rng, 6), quality=80)


def draw_coloured_pen(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A coloured pen on white paper."""
    ink = place(digit, rng, side=500)
    return encode_jpeg(add_noise(paint(ink, PENS[int(rng.integers(1, len(PENS)))], PAPERS[0]), rng, 3), quality=80)


def draw_coloured_paper(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Any pen on coloured paper."""
    ink = place(digit, rng, side=500)
    pen, paper = PENS[int(rng.integers(len(PENS)))], PAPERS[int(rng.integers(1, len(PAPERS)))]
    return encode_jpeg(add_noise(paint(ink, pen, paper), rng, 4), quality=80)


def draw_highlighter(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A yellow pen on white: nearly as bright as the paper, told by its colour."""
    ink = place(digit, rng, side=500)
    return encode_jpeg(add_noise(paint(ink, (250, 235, 60), (250, 250, 250)), rng, 3), quality=85)


def draw_shadow(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A slope of light and the edge of a hand's shadow across the paper."""
    ink = place(digit, rng, side=800)
    return encode_jpeg(add_noise(paint(ink, PENS[0], PAPERS[0]) * cast_shade(ink.shape, rng), rng, 5), quality=80)


def draw_vignette(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Corners at a third of the light, grain of a dark room."""
    ink = place(digit, rng, side=700)
    return encode_jpeg(
        add_noise(paint(ink, PENS[1], (225, 220, 210)) * darken_corners(ink.shape, 0.65), rng, 10), quality=75
    )


def draw_ruled(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Ruled paper, a little tilted; the digit may sit on a line."""
    ink = place(digit, rng, side=800)
    return encode_jpeg(add_noise(draw_on_lines(ink, rng, across=False), rng, 4), quality=80)


def draw_squared(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Squared paper, a little tilted."""
    ink = place(digit, rng, side=800)
    return encode_jpeg(add_noise(draw_on_lines(ink, rng, across=True), rng, 4), quality=80)


def draw_frame(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A box drawn around the digit with the same pen."""
    ink = place(digit, rng, side=600, fill=(0.35, 0.6), anywhere=0.3)
    return encode_jpeg(paint(np.maximum(ink, draw_box(ink.shape, rng)), PENS[0], PAPERS[0]), quality=85)


def draw_touching(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A digit that touches one edge of the picture."""
    tight = upscale(crop(digit), 300)
    height, width = tight.shape
    ink = np.zeros((420, 420), np.float32)
    top, left = int(rng.integers(421 - height)), int(rng.integers(421 - width))
    edge = int(rng.integers(4))
    top = (0, 420 - height, top, top)[edge]
    left = (left, left, 0, 420 - width)[edge]
    ink[top : top + height, left : left + width] = tight
    return encode_jpeg(paint(ink, PENS[0], PAPERS[0]), quality=85)


def draw_tiny(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A digit of a twentieth to a tenth of the picture's side."""
    return encode_jpeg(
        add_noise(paint(place(digit, rng, side=1200, fill=(0.05, 0.1)), PENS[0], PAPERS[0]), rng, 3), quality=90
    )


def draw_huge(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A digit that fills the picture to its edges."""
    tight = upscale(crop(digit), 600)
    margin = int(rng.integers(0, 20))
    ink = np.pad(tight, ((margin, margin), (margin + 40, margin + 40)))
    return encode_jpeg(paint(ink, PENS[0], PAPERS[0]), quality=85)


def draw_pencil(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Thin grey strokes, a hundredth of the picture wide."""
    ink = place(digit, rng, side=900, pen=float(rng.uniform(5, 10)))
    return encode_jpeg(
        add_noise(paint(ink * draw_grain(ink.shape, rng, 0.3), (120, 120, 125), (240, 238, 232)), rng, 4), quality=85
    )


def draw_fineliner(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Hairlines of one to three pixels."""
    ink = place(digit, rng, side=700, pen=float(rng.uniform(1, 3)))
    return encode_jpeg(paint(ink, PENS[1], PAPERS[0]), quality=90)


def draw_marker(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Strokes of a fifth of the digit's height."""
    ink = place(digit, rng, side=600, pen=float(rng.uniform(60, 85)), fill=(0.5, 0.7))
    return encode_jpeg(paint(ink, PENS[0], PAPERS[0]), quality=80)


def draw_speckle(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Salt and pepper over a hundredth of the pixels, strong JPEG artefacts."""
    picture = paint(place(digit, rng, side=400), PENS[0], PAPERS[0])
    where = rng.random(picture.shape[:2])
    picture[where < 0.01], picture[where > 0.99] = 0, 255
    return encode_jpeg(add_noise(picture, rng, 8), quality=25)


def draw_broken(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Strokes with gaps, as a bad pen or several strokes leave them."""
    ink = place(digit, rng, side=500)
    picture = Image.fromarray((ink * 255).astype(np.uint8))
    rows, columns = np.nonzero(ink > 0.5)
    for where in rng.integers(len(rows), size=3):
        y, x = int(rows[where]), int(columns[where])
        ImageDraw.Draw(picture).line((x - 40, y - 3, x + 40, y + 3), fill=0, width=6)
    return encode_jpeg(paint(np.asarray(picture, np.float32) / 255, PENS[0], PAPERS[0]), quality=85)


def draw_specks(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Blots of ink beside the digit."""
    ink = place(digit, rng, side=500, anywhere=0.5)
    picture = Image.fromarray((ink * 255).astype(np.uint8))
    for x, y, r in zip(*rng.integers((10, 10, 2), (490, 490, 6), size=(12, 3)).T, strict=True):
        ImageDraw.Draw(picture).ellipse((x - r, y - r, x + r, y + r), fill=255)
    return encode_jpeg(paint(np.asarray(picture, np.float32) / 255, PENS[0], PAPERS[0]), quality=85)


def draw_canvas_black(digit: Bytes, rng: np.random.Generator) -> bytes:
    """Black strokes on nothing, as an HTML canvas exports them."""
    return export_canvas(place(digit, rng, side=280, pen=18), 0)


def draw_canvas_white(digit: Bytes, rng: np.random.Generator) -> bytes:
    """White strokes on nothing."""
    return export_canvas(place(digit, rng, side=280, pen=18), 255)


def draw_off_centre(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A 28x28 light-on-dark picture, moved as far as it fits."""
    tight = crop(digit)
    small = np.zeros((28, 28), np.uint8)
    top, left = rng.integers(29 - np.array(tight.shape))
    small[top : top + tight.shape[0], left : left + tight.shape[1]] = tight
    return encode(Image.fromarray(small), "PNG")


def draw_small_dark(digit: Bytes, rng: np.random.Generator) -> bytes:
    """A 28x28 dark-on-light picture, off centre, grey paper."""
    tight = crop(digit)
    small = np.zeros((28, 28), np.float32)
    top, left = rng.integers(29 - np.array(tight.shape))
    small[top : top + tight.shape[0], left : left + tight.shape[1]] = tight
    return encode(Image.fromarray((230 - small * 0.7).astype(np.uint8)), "PNG")


def draw_photograph(digit: Bytes, rng: np.random.Generator) -> bytes:
    """All at once: blue pen, ruled paper, slope of light, shadow, grain, JPEG."""
    ink = place(digit, rng, side=1000, fill=(0.3, 0.6), pen=float(rng.uniform(10, 22)))
    return encode_jpeg(
        add_noise(draw_on_lines(ink, rng, across=False) * cast_shade(ink.shape, rng), rng, 6), quality=75
    )


def draw_mirror(digit: Bytes, rng: np.random.Generator) -> bytes:
    """The MNIST picture itself, ten times as large, dark on light, JPEG."""
    del rng
    return encode(Image.fromarray(255 - digit).resize((280, 280), Image.Resampling.BICUBIC), "JPEG", quality=90)


STYLES: tuple[Style, ...] = (
    draw_mirror, draw_plain, draw_blackboard, draw_coloured_pen, draw_coloured_paper, draw_highlighter, draw_shadow,
    draw_vignette, draw_ruled, draw_squared, draw_frame, draw_touching, draw_tiny, draw_huge, draw_pencil,
    draw_fineliner, draw_marker, draw_speckle, draw_broken, draw_specks, draw_canvas_black, draw_canvas_white,
    draw_off_centre, draw_small_dark, draw_photograph,
)  # fmt: skip


def paint(ink: Floats, pen: tuple[int, int, int], paper: tuple[int, int, int]) -> Floats:
    """Return coloured ink on coloured paper, (h, w, 3) 0..255."""
    share = ink[..., None]
    return np.array(paper, np.float32) * (1 - share) + np.array(pen, np.float32) * share


def draw_on_lines(ink: Floats, rng: np.random.Generator, *, across: bool) -> Floats:
    """Return dark ink on paper with printed lines; `across` adds lines in the second direction."""
    tilt = rng.uniform(-0.03, 0.03)
    pitch, width = rng.uniform(0.06, 0.12) * ink.shape[0], rng.uniform(2, 4)
    y, x = np.indices(ink.shape, np.float32)
    phases = [(y - x * tilt + rng.uniform(0, 99)) % pitch]
    if across:
        phases.append((x + y * tilt + rng.uniform(0, 99)) % pitch)
    lines = np.max([np.clip(width / 2 + 0.5 - np.abs(phase - pitch / 2), 0, 1) for phase in phases], axis=0)
    paper = paint(lines, ((150, 180, 225), (165, 165, 165))[int(rng.integers(2))], (248, 247, 243))
    pen = np.array(PENS[int(rng.integers(2))], np.float32)
    return paper * (1 - ink[..., None]) + pen * ink[..., None]


def draw_box(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return a rectangle drawn by hand near the border, (h, w) 0..1."""
    side = shape[0]
    image = Image.new("L", (side, side))
    jitter = rng.uniform(-0.02, 0.02, 8) * side
    near, far = side * rng.uniform(0.05, 0.12), side * rng.uniform(0.88, 0.95)
    corners = np.array([near, near, far, near, far, far, near, far]) + jitter
    ImageDraw.Draw(image).line([*corners, *corners[:2]], fill=255, width=int(rng.integers(4, 14)), joint="curve")
    return np.asarray(image, np.float32) / 255


def cast_shade(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return a slope of light times a soft-edged shadow, (h, w, 1) 0.25..1."""
    y, x = np.indices(shape, np.float32) / shape[0]
    angle = rng.uniform(0, 2 * np.pi)
    slope = 0.8 + 0.4 * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5))
    turn = rng.uniform(0, 2 * np.pi)
    edge = (np.cos(turn) * (x - 0.5) + np.sin(turn) * (y - 0.5) + rng.uniform(-0.3, 0.3)) / rng.uniform(0.01, 0.08)
    shaded: Floats = slope * (1 - 0.45 / (1 + np.exp(-np.clip(edge, -30, 30))))
    return shaded[..., None]


def darken_corners(shape: tuple[int, ...], depth: float) -> Floats:
    """Return light that decreases with the square of the distance from the middle, (h, w, 1)."""
    y, x = np.indices(shape, np.float32) / shape[0] - 0.5
    light: Floats = 1 - depth * 2 * (x * x + y * y)
    return light[..., None]


def draw_clouds(shape: tuple[int, ...], rng: np.random.Generator, depth: float) -> Floats:
    """Return soft patches of brightness, (h, w, 1) 1-depth..1+depth."""
    coarse = Image.fromarray(rng.uniform(1 - depth, 1 + depth, (5, 5)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))[..., None]


def draw_grain(shape: tuple[int, ...], rng: np.random.Generator, depth: float) -> Floats:
    """Return the roughness of chalk or pencil, (h, w) 1-depth..1."""
    coarse = Image.fromarray(rng.uniform(1 - depth, 1, (shape[0] // 3, shape[1] // 3)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def add_noise(picture: Floats, rng: np.random.Generator, sigma: float) -> Floats:
    """Return the picture with a camera's noise of `sigma` grey levels."""
    return picture + rng.normal(0, sigma, picture.shape).astype(np.float32)


def export_canvas(ink: Floats, grey: int) -> bytes:
    """Return a PNG with strokes of one grey; the ink is its alpha."""
    pixels = np.full((*ink.shape, 4), grey, np.uint8)
    pixels[..., 3] = (ink * 255).astype(np.uint8)
    pixels[pixels[..., 3] == 0] = 0  # a canvas clears to transparent black
    return encode(Image.fromarray(pixels), "PNG")


def encode_jpeg(picture: Floats, *, quality: int) -> bytes:
    """Return the picture, (h, w, 3) 0..255, as a JPEG."""
    return encode(Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)), "JPEG", quality=quality)


def encode(image: Image.Image, image_format: str, **options: int) -> bytes:
    """Return the image as a file."""
    file = BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()
