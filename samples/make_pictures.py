"""Writes the samples as picture files to send: a centred 3, a blurry 4 and a low 7, from MNIST's test set.

    python samples/make_pictures.py [DIRECTORY]

The repository keeps the digits as plain text (`*.pgm`). The pictures go to `build/samples` by default.
"""

import sys
from pathlib import Path

from PIL import Image, ImageFilter

HERE = Path(__file__).parent
CANVAS_PX = 40


def read_digit(name: str) -> Image.Image:
    """Return a sample, 28x28, light on dark."""
    with Image.open(HERE / f"{name}.pgm") as image:
        return image.convert("L")


def move_to_bottom(picture: Image.Image) -> Image.Image:
    """Return the picture on a larger canvas, at the bottom and a little to the left."""
    canvas = Image.new("L", (CANVAS_PX, CANVAS_PX))
    canvas.paste(picture, (4, CANVAS_PX - picture.height))
    return canvas


def main() -> None:
    """Write the pictures and print their paths."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "build" / "samples"
    directory.mkdir(parents=True, exist_ok=True)
    pictures = {
        "three.jpeg": read_digit("three"),
        "four.jpg": read_digit("four").filter(ImageFilter.GaussianBlur(1)),
        "seven.webp": move_to_bottom(read_digit("seven")),
    }
    for name, picture in pictures.items():
        picture.save(directory / name)
        print(directory / name)


if __name__ == "__main__":
    main()
