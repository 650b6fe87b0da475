"""Trains the network that the worker serves, measures it and writes its weights and its model card.

From the repository's root:

    python -m mnist_training.train --data data                            # train; fetch MNIST if it is missing
    python -m mnist_training.train --data data --limit 2000 --epochs 1    # try it; keep nothing

Without `--limit` and `--weights`, it overwrites the model's own weights and `models/mnist/MODEL_CARD.md`. Read
from top to bottom: settings, data, loop, figures.
"""

import argparse
import copy
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from mnist_model.predict.network import ConvNet, normalize
from mnist_model.predict.weights import DEFAULT_WEIGHTS, WeightsInfo, format_shape, save_weights
from mnist_model.spec import ANSWER, SPEC
from mnist_training.augment import Augment
from mnist_training.calibration import apply_temperature, fit_temperature
from mnist_training.corruptions import CORRUPTIONS, corrupt
from mnist_training.data import MD5_OF_FILE, Split, load_split, prepare
from mnist_training.doubt import RECIPE, learn_doubt
from mnist_training.evaluate import Evaluation, compute_logits, evaluate, evaluate_others
from mnist_training.gentle import Gentle
from mnist_training.model_card import CARD_DIRECTORY, OTHERS_COUNT, write_card

# -- settings ----------------------------------------------------------------------------------------------------------

SEED = 20  # any; fixed, so that a run can be repeated
THREADS = 2  # CPU cores; sums are split among threads, so another number gives slightly different weights
EPOCHS = 28  # 12 minutes on 2 free cores; each picture is seen 28 times, each time changed differently
BATCH_SIZE = 256  # faster per picture than 128
MAX_LEARNING_RATE = 3e-3  # peak of the one-cycle schedule; no other peak was tried
WARM_UP = 0.2  # share of the run in which the learning rate rises; after it, the rate falls to almost 0
WEIGHT_DECAY = 0.05  # small: augmentation already prevents most overfitting
LABEL_SMOOTHING = 0.02  # some labels of MNIST are wrong; more smoothing would blunt the probabilities
AVERAGE_DECAY = 0.998  # the average covers about the last 500 steps, 2 epochs
HELD_OUT = 5_000  # training pictures that the network never sees; settings and temperature are chosen on them

# -- data --------------------------------------------------------------------------------------------------------------


def load_data(directory: Path, limit: int | None) -> tuple[Split, Split, Split]:
    """Return the training set, the held-out part of MNIST's training set, and the test set, each cut to the limit."""
    prepare(directory)
    whole, test = load_split(directory, "train"), load_split(directory, "t10k")
    seen = len(whole) - HELD_OUT
    training, held_out = whole.cut(0, seen), whole.cut(seen, len(whole))
    return training.cut(0, limit), held_out.cut(0, limit), test.cut(0, limit)


def draw_batches(split: Split, augment: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of full batches in random order: inputs (B, 1, 28, 28) float32, labels (B,) int64."""
    # The last batch is dropped if it is not full: its few pictures would weigh more than others.
    for chosen in torch.split(torch.randperm(len(split)), BATCH_SIZE):
        if len(chosen) == min(BATCH_SIZE, len(split)):
            inputs = normalize(augment(split.images[chosen]))  # (B, 1, 28, 28)
            yield inputs.contiguous(memory_format=torch.channels_last), split.labels[chosen]


class BroadAndGentle(nn.Module):
    """Changes one half of a batch broadly, the other gently."""

    def __init__(self) -> None:
        super().__init__()
        self._broad, self._gentle = Augment(), Gentle()

    def forward(self, images: Tensor) -> Tensor:
        """Return changed pictures, (B, 28, 28) uint8 in and out."""
        half = len(images) // 2
        return torch.cat([self._broad(images[:half]), self._gentle(images[half:])])  # (B, 28, 28)


# -- loop --------------------------------------------------------------------------------------------------------------


class Trainer:
    """Trains one network in one run."""

    def __init__(self, total_steps: int) -> None:
        # Channels last and bfloat16 together halve the time of a step on a CPU.
        self._network = ConvNet().to(memory_format=torch.channels_last)
        self._average = copy.deepcopy(self._network)
        self._optimizer = torch.optim.AdamW(self._network.parameters(), weight_decay=WEIGHT_DECAY, fused=True)
        self._schedule = OneCycleLR(
            self._optimizer, max_lr=MAX_LEARNING_RATE, total_steps=total_steps, pct_start=WARM_UP
        )

    @property
    def network(self) -> ConvNet:
        """The averaged network, which training returns: it is less noisy than the network of the last step."""
        return self._average

    def step(self, inputs: Tensor, labels: Tensor) -> float:
        """Learn from one batch, (B, 1, 28, 28) float32 and (B,) int64; return its loss."""
        self._network.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self._network(inputs)  # (B, 10)
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=LABEL_SMOOTHING)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        self._schedule.step()
        self._update_average()
        return loss.item()

    @torch.no_grad()
    def _update_average(self) -> None:
        for average, latest in zip(self._average.parameters(), self._network.parameters(), strict=True):
            average.lerp_(latest, 1 - AVERAGE_DECAY)


def train(training: Split, held_out: Split, *, epochs: int) -> ConvNet:
    """Return a network trained on `training`; `held_out` only shows the progress."""
    augment = BroadAndGentle()
    steps = max(1, len(training) // BATCH_SIZE)
    trainer = Trainer(total_steps=epochs * steps)
    for epoch in range(1, epochs + 1):
        losses = [
            trainer.step(inputs, labels)
            for inputs, labels in tqdm(
                draw_batches(training, augment), desc=f"epoch {epoch}/{epochs}", total=steps, leave=False
            )
        ]
        accuracy = evaluate(trainer.network, held_out, names=("clean",)).accuracy["clean"]
        tqdm.write(f"epoch {epoch}/{epochs}: loss {sum(losses) / len(losses):.4f}, held out {accuracy:.2%}")
    return trainer.network


def calibrate(network: ConvNet, held_out: Split) -> float:
    """Scale the network's logits so that it is calibrated on the held-out pictures; return the temperature.

    All corruptions have equal weight, because users' pictures are rarely as clean as MNIST's.
    """
    logits = [compute_logits(network, corrupt(held_out.images, name, seed=SEED)) for name in CORRUPTIONS]
    temperature = fit_temperature(torch.cat(logits), held_out.labels.repeat(len(logits)))
    apply_temperature(network, temperature)
    return temperature


# -- figures -----------------------------------------------------------------------------------------------------------


def describe(network: ConvNet, evaluation: Evaluation, *, training_s: float, recipe: str) -> WeightsInfo:
    """Return the metadata to store with the weights."""
    return WeightsInfo(
        model=SPEC.name,
        version=SPEC.version,
        shape=format_shape(),
        class_count=ANSWER.count,
        accuracy=evaluation.accuracy["clean"],
        parameter_count=sum(parameter.numel() for parameter in network.parameters()),
        seed=SEED,
        data_md5=" ".join(f"{name}={md5}" for name, md5 in MD5_OF_FILE.items()),
        torch_version=torch.__version__,
        torchvision_version=torchvision.__version__,
        trained_on=datetime.now(UTC).date().isoformat(),
        training_s=round(training_s, 1),
        recipe=recipe,
    )


def write_recipe(picture_count: int, epochs: int, temperature: float) -> str:
    """Return a sentence about the training."""
    return (
        f"{epochs} epochs over {picture_count:,} augmented pictures in batches of {BATCH_SIZE}; AdamW, weight decay "
        f"{WEIGHT_DECAY}, one-cycle learning rate up to {MAX_LEARNING_RATE}, label smoothing {LABEL_SMOOTHING}, moving "
        f"average of the weights with decay {AVERAGE_DECAY}, bfloat16 on {THREADS} CPU cores; logits divided by "
        f"{temperature:.3f}, fitted on {HELD_OUT:,} held-out pictures{RECIPE}"
    )


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m mnist_training.train", description="Trains the served network.")
    parser.add_argument("--data", type=Path, required=True, help="directory with MNIST, or to fetch it into")
    parser.add_argument(
        "--weights", type=Path, help="file to write, without a model card; default: the model's own weights"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"passes over the training set (default {EPOCHS})")
    parser.add_argument("--limit", type=int, help="most pictures to use of each set; only --weights is written then")
    return parser.parse_args(arguments)


def main() -> None:
    """Train, calibrate and measure the network; write its weights and its card."""
    chosen = read_arguments(sys.argv[1:])
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    training, held_out, test = load_data(chosen.data, chosen.limit)
    started_s = time.monotonic()
    network = train(training, held_out, epochs=chosen.epochs)
    temperature = calibrate(network, held_out)
    learn_doubt(network, held_out)
    training_s = time.monotonic() - started_s
    evaluation = evaluate(network, test)
    recipe = write_recipe(len(training), chosen.epochs, temperature)
    info = describe(network, evaluation, training_s=training_s, recipe=recipe)
    if chosen.weights:
        save_weights(network, chosen.weights, info)
    elif chosen.limit is None:
        save_weights(network, DEFAULT_WEIGHTS, info)
        write_card(CARD_DIRECTORY, info, evaluation, test, evaluate_others(network, count=OTHERS_COUNT))
    print(f"{training_s:.0f} s; " + ", ".join(f"{name} {share:.2%}" for name, share in evaluation.accuracy.items()))


if __name__ == "__main__":
    main()
