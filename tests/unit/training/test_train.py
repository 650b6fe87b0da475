from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnist_model.predict.weights import load_weights, save_weights
from mnist_training.augment import Augment
from mnist_training.data import Split, load_split
from mnist_training.evaluate import compute_logits, evaluate
from mnist_training.train import Trainer, calibrate, describe, draw_batches, train
from tests.unit.training.conftest import WriteIdx


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_a_few_steps_on_files_from_disk_lower_the_loss(tmp_path: Path, bars: Split, write_idx: WriteIdx) -> None:
    split = load_split(tmp_path, "train", md5_of_file=write_idx("train", bars)).cut(0, 64)
    trainer = Trainer(total_steps=24)

    losses = [trainer.step(*batch) for _ in range(24) for batch in draw_batches(split, torch.nn.Identity())]

    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])


def test_a_batch_is_normalized_and_channels_last(bars: Split) -> None:
    inputs, labels = next(draw_batches(bars, Augment()))

    assert inputs.shape == (256, 1, 28, 28)
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    assert labels.shape == (256,)


def test_an_epoch_has_full_batches_only(bars: Split) -> None:
    assert [len(labels) for _, labels in draw_batches(bars, torch.nn.Identity())] == [256]


def test_fewer_pictures_than_a_batch_are_one_batch(bars: Split) -> None:
    assert [len(labels) for _, labels in draw_batches(bars.cut(0, 30), torch.nn.Identity())] == [30]


def test_training_ends_with_a_network_that_can_be_saved_and_served(tmp_path: Path, bars: Split) -> None:
    network = train(bars.cut(0, 32), bars.cut(32, 64), epochs=1)
    evaluation = evaluate(network, bars.cut(0, 20), names=("clean",))

    save_weights(network, tmp_path / "w.safetensors", describe(network, evaluation, training_s=1.0, recipe="brief"))
    _, info = load_weights(tmp_path / "w.safetensors")

    assert info.accuracy == evaluation.accuracy["clean"]
    assert info.parameter_count == 1_200_011


def test_calibration_divides_the_logits_by_the_temperature_it_returns(bars: Split) -> None:
    network = Trainer(total_steps=1).network
    before = compute_logits(network, bars.images[:8])

    temperature = calibrate(network, bars.cut(0, 20))

    torch.testing.assert_close(compute_logits(network, bars.images[:8]), before / temperature)
