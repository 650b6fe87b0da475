"""The pictures that are sent: small PNG files, photographs of digits on paper, and both in a form."""

import io
import itertools

import numpy as np
from PIL import Image

from tests.support.pictures import SAMPLES, encoded, moved, sample

WIDTH, HEIGHT = 640, 480
PAPER, PEN = np.array((248, 247, 243)), np.array((40, 60, 150))
BOUNDARY = b"boundary-of-the-benchmark"
#: The digits of the photographs, in their order, over and over.
DRAWN = tuple({"three": 3, "four": 4, "seven": 7}[path.stem] for path in SAMPLES)


def make_pictures() -> list[bytes]:
    """Return PNG files of 28x28: each sample, moved in several ways, so that no two neighbours are equal."""
    return [
        encoded(moved(sample(path.stem), shift, -shift)) for path, shift in itertools.product(SAMPLES, range(-2, 3))
    ]


def draw_photographs(count: int) -> list[bytes]:
    """Return photographs of 640x480, JPEG, always the same.

    Each is a sample in blue pen on white paper, with a slope of light, a shadow and noise.
    """
    random = np.random.default_rng(1)
    return [draw_photograph(SAMPLES[number % len(SAMPLES)].stem, random) for number in range(count)]


def draw_photograph(name: str, random: np.random.Generator) -> bytes:
    """Return a photograph of a sample."""
    ink = Image.new("L", (WIDTH, HEIGHT))
    side = int(random.integers(200, 360))
    drawn = sample(name).rotate(random.uniform(-8, 8)).resize((side, side), Image.Resampling.BICUBIC)
    ink.paste(drawn, (int(random.integers(20, WIDTH - side - 20)), int(random.integers(20, HEIGHT - side - 20))))
    covered = (np.asarray(ink, np.float32) / 255)[..., None]  # (480, 640, 1)
    y, x = np.indices((HEIGHT, WIDTH), np.float32) / WIDTH
    light = 1 - random.uniform(0, 0.3) * x - random.uniform(0, 0.2) * y
    light = light * (1 - 0.35 / (1 + np.exp(np.clip((x - y - random.uniform(-0.3, 0.6)) / 0.03, -30, 30))))
    picture = (PAPER * (1 - covered) + PEN * covered) * light[..., None] + random.normal(0, 5, (HEIGHT, WIDTH, 1))
    file = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=80)
    return file.getvalue()


def wrap_in_form(file: bytes) -> bytes:
    """Return a multipart body with the field `file`."""
    head = b'--%b\r\nContent-Disposition: form-data; name="file"; filename="digit.png"\r\n' % BOUNDARY
    return head + b"Content-Type: image/png\r\n\r\n%b\r\n--%b--\r\n" % (file, BOUNDARY)
