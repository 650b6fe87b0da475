import torch

from mnist_training.data import Split
from mnist_training.gentle import Gentle
from mnist_training.train import BroadAndGentle


def test_gently_changed_pictures_keep_their_shape_and_dtype(bars: Split) -> None:
    changed = Gentle()(bars.images[:70])

    assert changed.shape == (70, 28, 28)
    assert changed.dtype == torch.uint8


def test_every_picture_keeps_ink(bars: Split) -> None:
    assert (Gentle()(bars.images).flatten(1).amax(dim=1) > 40).all()


def test_a_batch_of_both_kinds_keeps_its_size(bars: Split) -> None:
    marked = bars.images[:10].clone()

    changed = BroadAndGentle()(marked)

    assert changed.shape == marked.shape
    assert changed.dtype == torch.uint8
