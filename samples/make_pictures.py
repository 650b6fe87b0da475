"""Writes the samples as picture files that can be sent: a centred 3, a blurry 4 and a low 7, from MNIST's test set.

    python samples/make_pictures.py [DIRECTORY]

The digits are kept as plain text (`*.pgm`); the pictures go to `build/samples` unless another directory is named.
"""

import sys
from pathlib import Path

from PIL import Image, ImageFilter

HERE = Path(__file__).parent
CANVAS_PX = 40


def digit(name: str) -> Image.Image:
    """Return a sample, 28x28, light on dark."""
    with Image.open(HERE / f"{name}.pgm") as image:
        return image.convert("L")


def at_the_bottom(picture: Image.Image) -> Image.Image:
    """Return the picture on a larger canvas, low and a little to the left."""
    canvas = Image.new("L", (CANVAS_PX, CANVAS_PX))
    canvas.paste(picture, (4, CANVAS_PX - picture.height))
    return canvas


def main() -> None:
    """Write the pictures and print their paths."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "build" / "samples"
    directory.mkdir(parents=True, exist_ok=True)
    pictures = {
        "three.jpeg": digit("three"),
        "four.jpg": digit("four").filter(ImageFilter.GaussianBlur(1)),
        "seven.webp": at_the_bottom(digit("seven")),
    }
    for name, picture in pictures.items():
        picture.save(directory / name)
        print(directory / name)


if __name__ == "__main__":
    main()
