import torch

from mnist_training.augment import Augment
from mnist_training.data import Split


def test_pictures_keep_their_shape_and_dtype(bars: Split) -> None:
    augmented = Augment()(bars.images[:70])

    assert augmented.shape == (70, 28, 28)
    assert augmented.dtype == torch.uint8


def test_a_picture_looks_different_each_time(bars: Split) -> None:
    augment = Augment()

    assert not torch.equal(augment(bars.images[:40]), augment(bars.images[:40]))


def test_the_same_seed_gives_the_same_pictures(bars: Split) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        once = Augment()(bars.images[:40])
        torch.manual_seed(1)
        again = Augment()(bars.images[:40])

    assert torch.equal(once, again)


def test_pictures_of_one_batch_move_apart(bars: Split) -> None:
    equal = bars.images[:1].repeat(16, 1, 1)

    augmented = Augment()(equal)

    assert len({image.numpy().tobytes() for image in augmented}) == 16


def test_most_ink_is_kept(bars: Split) -> None:
    augmented = Augment()(bars.images).flatten(1).float()

    assert (augmented.amax(dim=1) > 40).float().mean() > 0.95
