import pytest
import torch
from torch import Tensor

from mnist_training.corruptions import CORRUPTIONS, corrupt

RANDOM = sorted({"shifted", "rotated", "scaled", "slanted", "noisy", "speckled", "faint", "scribbled"})


@pytest.fixture
def crosses() -> Tensor:
    """Return eight equal pictures (8, 28, 28) of a cross whose strokes are 3 px wide."""
    images = torch.zeros(8, 28, 28, dtype=torch.uint8)
    images[:, 6:22, 13:16] = 255
    images[:, 13:16, 9:19] = 255
    return images


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_gives_the_same_pictures(crosses: Tensor, name: str) -> None:
    assert torch.equal(corrupt(crosses, name, seed=3), corrupt(crosses, name, seed=3))


@pytest.mark.parametrize("name", RANDOM)
def test_another_seed_gives_other_pictures(crosses: Tensor, name: str) -> None:
    assert not torch.equal(corrupt(crosses, name, seed=3), corrupt(crosses, name, seed=4))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_global_generator_is_not_touched(crosses: Tensor, name: str) -> None:
    before = torch.get_rng_state()

    corrupt(crosses, name, seed=3)

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_shape_and_dtype_stay(crosses: Tensor, name: str) -> None:
    corrupted = corrupt(crosses, name, seed=3)

    assert corrupted.shape == crosses.shape
    assert corrupted.dtype == torch.uint8


def test_clean_changes_nothing(crosses: Tensor) -> None:
    assert torch.equal(corrupt(crosses, "clean", seed=3), crosses)


def test_shifting_moves_whole_pixels_by_at_most_four(crosses: Tensor) -> None:
    shifted = corrupt(crosses, "shifted", seed=3)

    candidates = [crosses[0].roll((down, right), (0, 1)) for down in range(-4, 5) for right in range(-4, 5)]
    assert all(any(torch.equal(image, candidate) for candidate in candidates) for image in shifted)


@pytest.mark.parametrize(("name", "width_px"), [("clean", 3), ("thinned", 2), ("thickened", 5)])
def test_the_stroke_has_the_width_that_is_documented(crosses: Tensor, name: str, width_px: int) -> None:
    assert int((corrupt(crosses, name, seed=3)[0, 8] == 255).sum()) == width_px


def test_every_corruption_has_a_sentence_for_the_model_card() -> None:
    assert all(corruption.__doc__ for corruption in CORRUPTIONS.values())
