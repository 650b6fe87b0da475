"""Prints, for each style, how many pictures are read right only without, or only with one step of the preparation.

    python models/mnist/docs/without.py --data DIR [--step NAME] [--count N] [STYLE ...]

`DIR` is as in `sheets.py`. Without `lift_ink`, even paper takes the steps of shaded paper.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import photographs
import torch
from handwriting import Bytes
from sheets import MAX_PIXELS, load_digits

from inference_bridge.errors import InvalidInput
from inference_pictures.decode import open_picture
from mnist_model.predict.classifier import DigitClassifier
from mnist_model.prepare import read_pixels
from mnist_model.prepare.steps import STEPS, Step, run_steps, try_shortcut

STYLES = {style.__name__.removeprefix("draw_"): style for style in photographs.STYLES}
STEP_NAMES = [step.__name__ for step in STEPS]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measures what a step of the preparation gains and loses.")
    parser.add_argument("styles", nargs="*", metavar="STYLE", help=f"of {', '.join(STYLES)}; default all")
    parser.add_argument("--data", type=Path, required=True, help="folder with the MNIST test set")
    parser.add_argument("--step", choices=STEP_NAMES, default="clear_edges", help="default clear_edges")
    parser.add_argument("--count", type=int, default=1_000, help="pictures per style, default 1,000")
    options = parser.parse_args()
    digits, labels = load_digits(options.data, options.count)
    classifier = DigitClassifier.load(None, torch.device("cpu"))
    print(f"| style ({len(digits):,} pictures each) | changed | right only without | right only with | difference |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in options.styles or STYLES:
        pairs = [draw_pair(name, place, digit, options.step) for place, digit in enumerate(digits)]
        changed = [(*pair, int(label)) for pair, label in zip(pairs, labels, strict=True) if pair is not None]
        is_right = [(read(classifier, without) == label, read(classifier, whole) == label)
                    for without, whole, label in changed]  # fmt: skip
        lost, won = is_right.count((True, False)), is_right.count((False, True))
        print(f"| {name} | {len(changed)} | {lost} | {won} | {(won - lost) / len(digits):+.2%} |", flush=True)


def draw_pair(name: str, place: int, digit: Bytes, step: str) -> tuple[Bytes | None, Bytes | None] | None:
    """Return a digit in the style, prepared without and with the step of that name; None if both are the same.

    An input is (28, 28) uint8, or None for a refused picture.
    """
    file = STYLES[name](digit, np.random.default_rng([place, 1_000]))
    pixels = read_pixels(open_picture(file), max_pixels=MAX_PIXELS)
    if try_shortcut(pixels) is not None:
        return None
    without = finish(pixels, [other for other in STEPS if other.__name__ != step])
    whole = finish(pixels, STEPS)
    return None if without is whole or np.array_equal(without, whole) else (without, whole)


def finish(picture: Bytes, steps: Sequence[Step]) -> Bytes | None:
    """Return the picture after the steps; None where they refuse it."""
    try:
        *_, (_, digit) = run_steps(picture, steps)
        return digit
    except InvalidInput:
        return None


def read(classifier: DigitClassifier, ready: Bytes | None) -> int | None:
    """Return the digit that an input is read as; None for a refused picture."""
    return None if ready is None else int(classifier.predict_batch(ready[None]).argmax())


if __name__ == "__main__":
    main()
