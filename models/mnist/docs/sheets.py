"""Draws the pictures of `preprocessing.md`; with the MNIST test set, it also fills in the table.

    python models/mnist/docs/sheets.py                          the pictures, pictures/*.svg
    python models/mnist/docs/sheets.py --data DIR [--count N]   also the table: N digits per style, classified

`DIR` holds `t10k-images-idx3-ubyte.gz` and `t10k-labels-idx1-ubyte.gz`.
"""

import argparse
import base64
import gzip
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
import photographs
from handwriting import Bytes
from PIL import Image

from inference_bridge.errors import InvalidInput
from inference_pictures.decode import open_picture
from mnist_model.prepare import prepare, read_pixels
from mnist_model.prepare.steps import run_steps, try_shortcut

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
ROOT = HERE.parents[2]
SAMPLES = ROOT / "samples"
MAX_PIXELS = 16_000_000
TABLE_START, TABLE_END = "<!-- table: written by models/mnist/docs/sheets.py -->", "<!-- end of table -->"

#: By file name: the title, the sample, the style, and a seed that places the digit well.
EXAMPLES = {
    "photograph": (
        "A photograph: blue pen on ruled paper, half in the shadow",
        "three",
        photographs.draw_photograph,
        24,
    ),
    "coloured-pen": ("A yellow pen on white paper", "four", photographs.draw_highlighter, 2),
    "frame": ("A digit in a drawn frame", "seven", photographs.draw_frame, 1),
    "canvas": ("White strokes on nothing, exported from a canvas", "three", photographs.draw_canvas_white, 3),
    "off-centre": ("A 28x28 picture off centre: moved, nothing else", "seven", photographs.draw_off_centre, 4),
}

TILE, GAP, LABEL, COLUMNS = 112, 14, 26, 7
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif">
  <title>{title}</title>
  <rect width="{width}" height="{height}" rx="10" fill="#fbfcfd"/>
  <text x="{gap}" y="30" font-size="17" font-weight="600" fill="#1d2731">{title}</text>
{tiles}
</svg>
"""
TILE_SVG = """  <g transform="translate({x} {y})">
    <rect width="{tile}" height="{tile}" rx="4" fill="#e3e8ee"/>
    <image x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" href="{href}"/>
    <rect width="{tile}" height="{tile}" rx="4" fill="none" stroke="#b8c2cc"/>
    <text x="{middle}" y="{below}" font-size="12" text-anchor="middle" fill="#33404d">{label}</text>
  </g>"""


def main() -> None:
    """Draw every example; with `--data`, measure every style."""
    parser = argparse.ArgumentParser(description="Draws the pictures of preprocessing.md and fills in its table.")
    parser.add_argument("--data", type=Path, help="folder with the MNIST test set; fills in the table")
    parser.add_argument("--count", type=int, default=300, help="digits per style, default 300")
    options = parser.parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, (title, sample, style, seed) in EXAMPLES.items():
        file = style(read_digit(sample), np.random.default_rng(seed))
        path = PICTURES / f"{name}.svg"
        path.write_text(draw_sheet(title, show_stages(file)), encoding="utf-8")
        print(path.relative_to(ROOT))
    if options.data:
        write_table(measure(options.data, options.count), options.count)


def read_digit(name: str) -> Bytes:
    """Return a sample, (28, 28) uint8, light on dark."""
    with Image.open(SAMPLES / f"{name}.pgm") as image:
        return np.asarray(image.convert("L"))


def show_stages(file: bytes) -> list[tuple[str, Image.Image]]:
    """Return the picture as sent, and after each step, each with its name."""
    sent = Image.open(BytesIO(file))
    pixels = read_pixels(open_picture(file), max_pixels=MAX_PIXELS)
    pictures = [("as sent", lay_on_chequers(sent))]
    if try_shortcut(pixels) is None:
        pictures.append(("decode", Image.fromarray(pixels)))
        pictures += [(name.replace("_", " "), Image.fromarray(pixels)) for name, pixels in run_steps(pixels)]
    else:
        pictures.append(("centre", Image.frombytes("L", (28, 28), prepare(file, max_pixels=MAX_PIXELS))))
    return pictures


def lay_on_chequers(image: Image.Image) -> Image.Image:
    """Lay an image with alpha over chequers, the usual sign of transparency."""
    if image.mode != "RGBA":
        return image
    y, x = np.indices((image.height, image.width)) // (image.width // 20)
    ground = Image.fromarray(np.where((x + y) % 2, 150, 190).astype(np.uint8)).convert("RGBA")
    return Image.alpha_composite(ground, image).convert("RGB")


def draw_sheet(title: str, pictures: list[tuple[str, Image.Image]]) -> str:
    """Return an SVG with the pictures in rows, each above its name."""
    rows = -(-len(pictures) // COLUMNS)
    tiles = []
    for place, (label, image) in enumerate(pictures):
        row, column = divmod(place, COLUMNS)
        tiles.append(draw_tile(label, image, GAP + column * (TILE + GAP), 48 + row * (TILE + LABEL + 8)))
    width, height = GAP + COLUMNS * (TILE + GAP), 48 + rows * (TILE + LABEL + 8)
    return SVG.format(width=width, height=height, title=title, gap=GAP, tiles="\n".join(tiles))


def draw_tile(label: str, image: Image.Image, x: int, y: int) -> str:
    """Return the SVG of one picture, as large as its tile, above its name."""
    factor = TILE / max(image.size)
    width, height = image.width * factor, image.height * factor
    return TILE_SVG.format(
        x=x, y=y, tile=TILE, left=(TILE - width) / 2, top=(TILE - height) / 2, width=width, height=height,
        href=embed(image), middle=TILE // 2, below=TILE + 17, label=label,
    )  # fmt: skip


def embed(image: Image.Image) -> str:
    """Return the picture as a data: URL, reduced to the pixels that a tile can show on a fine screen."""
    if max(image.size) <= 28:  # each pixel should be visible
        factor = TILE // max(image.size)
        enlarged = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
        return build_url(photographs.encode(enlarged, "PNG"), "png")
    small = image.copy()
    small.thumbnail((TILE * 3 // 2, TILE * 3 // 2))
    return build_url(photographs.encode(small, "JPEG", quality=80), "jpeg")


def build_url(file: bytes, kind: str) -> str:
    """Return a file as a data: URL."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def measure(data: Path, count: int) -> list[tuple[str, float, int, float]]:
    """Return each style's description, its share of right answers, its number of refused pictures, its CPU-ms."""
    import torch

    from mnist_model.predict.classifier import DigitClassifier  # only the table needs PyTorch

    digits, labels = load_digits(data, count)
    classifier = DigitClassifier.load(None, torch.device("cpu"))
    rows = []
    for style in photographs.STYLES:
        files = [style(digit, np.random.default_rng([i, count])) for i, digit in enumerate(digits)]
        inputs, spent_ms = prepare_all(files)
        seen = [i for i, picture in enumerate(inputs) if picture is not None]
        batch = np.stack([picture for picture in inputs if picture is not None])  # (b, 28, 28)
        right = int((classifier.predict_batch(batch).argmax(1) == labels[seen]).sum())
        rows.append((str(style.__doc__).strip(), right / count, count - len(seen), spent_ms))
        name = style.__name__.removeprefix("draw_")
        print(f"{name:16}{right / count:8.2%}{count - len(seen):4} refused{spent_ms:7.1f} ms")
    return rows


def load_digits(data: Path, count: int) -> tuple[Bytes, Bytes]:
    """Return the first of MNIST's test pictures, (count, 28, 28) uint8, and their labels, (count,)."""
    images = np.frombuffer(gzip.decompress((data / "t10k-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8)
    labels = np.frombuffer(gzip.decompress((data / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8)
    return images.reshape(-1, 28, 28)[:count], labels[:count]


def prepare_all(files: Sequence[bytes]) -> tuple[list[Bytes | None], float]:
    """Return the model's input of each file, None for a refused one, and the median CPU-ms of a file."""
    inputs, spent_s = [], []
    for file in files:
        started_s = time.thread_time()
        inputs.append(try_prepare(file))
        spent_s.append(time.thread_time() - started_s)
    return inputs, 1000 * median(spent_s)


def try_prepare(file: bytes) -> Bytes | None:
    """Return the model's input, (28, 28) uint8, or None for a refused picture."""
    try:
        return np.frombuffer(prepare(file, max_pixels=MAX_PIXELS), np.uint8).reshape(28, 28)
    except InvalidInput:
        return None


def write_table(rows: Sequence[tuple[str, float, int, float]], count: int) -> None:
    """Write the table between its marks in preprocessing.md."""
    page = HERE / "preprocessing.md"
    before, rest = page.read_text(encoding="utf-8").split(TABLE_START)
    lines = [f"| style ({count} digits each) | read right | refused | CPU ms |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {words} | {share:.1%} | {refused} | {ms:.1f} |" for words, share, refused, ms in rows]
    table = "\n".join(lines)
    page.write_text(f"{before}{TABLE_START}\n{table}\n{TABLE_END}{rest.split(TABLE_END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
