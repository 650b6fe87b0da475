"""A thing along an edge is not ink, unless the digit itself touches the edge."""

import numpy as np
import pytest
from PIL import Image

from mnist_model.prepare.edges import clear_edges
from mnist_model.prepare.steps import find_digit
from mnist_training.data import Split, load_split
from tests.support.edges import KINDS
from tests.support.pictures import sample
from tests.unit.models.mnist.edges_table import MNIST_DATA, measure

HAS_MNIST = (MNIST_DATA / "t10k-images-idx3-ubyte.gz").exists()


def on_paper(left: int, top: int, *, side: int = 240) -> np.ndarray:
    """A four in black on white, without paper of its own, its upper left corner at this place."""
    ink = sample("four")
    ink = ink.crop(ink.getbbox()).resize((120, 160), Image.Resampling.BICUBIC)
    page = Image.new("L", (side, side), 245)
    page.paste(20, (left, top), ink)
    return np.asarray(page)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.fixture(scope="module")
def digits() -> Split:
    if not HAS_MNIST:
        pytest.skip(f"{MNIST_DATA} holds no MNIST; see CONTRIBUTING.md")
    return load_split(MNIST_DATA, "t10k").cut(0, 10)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read(name: str, digits: Split) -> None:
    share, _, _ = measure(name, digits)

    assert share >= 0.9  # the table counts 100


@pytest.mark.parametrize("left", [0, 120], ids=["left edge", "right edge"])
@pytest.mark.parametrize("top", [0, 80], ids=["top", "bottom"])
def test_a_digit_that_touches_an_edge_loses_nothing(left: int, top: int) -> None:
    picture = on_paper(left, top)

    assert np.array_equal(clear_edges(picture), picture)


def test_a_digit_may_touch_the_line_along_the_edge() -> None:
    picture = on_paper(60, 12)
    picture = picture.copy()
    picture[:16] = 20

    assert likeness(find_digit(picture), np.asarray(sample("four"))) >= 0.8


def test_a_stroke_that_crosses_a_ruled_line_near_the_edge_keeps_its_end() -> None:
    picture = on_paper(60, 2).copy()
    picture[20:23] = 20

    assert np.array_equal(clear_edges(picture), picture)


def test_shade_in_the_corners_of_a_photograph_stays() -> None:
    y, x = np.indices((240, 240)) / 240 - 0.5
    picture = (on_paper(60, 40) * (1 - 1.3 * (x * x + y * y))).astype(np.uint8)

    assert np.array_equal(clear_edges(picture), picture)


def test_paper_with_nothing_but_a_bar_stays_as_it_is() -> None:
    picture = np.full((200, 200), 240, np.uint8)
    picture[:10] = 0

    assert np.array_equal(clear_edges(picture), picture)


@pytest.mark.parametrize(
    "colours", [(0, 255), (255, 0), ((242, 172, 65), (249, 60, 137))], ids=["light", "dark", "coloured"]
)
def test_a_stroke_from_edge_to_edge_of_a_narrow_picture_stays(colours: tuple[object, object]) -> None:
    """The paper on its sides hugs the edges."""
    paper, ink = np.array(colours, np.uint8)
    picture = np.tile(paper, (448, 120) + (1,) * paper.ndim)
    picture[:, 52:68] = ink

    assert np.array_equal(clear_edges(picture), picture)
