"""Fits the network's doubt: how likely it is that a picture holds no digit.

Training ends with this. To fit it again for trained weights, and to save them:

    python -m mnist_training.doubt --data data

It shows the network pictures without a digit, as Hendrycks et al. do (Deep Anomaly Detection with Outlier Exposure,
2019), but only the last layer learns from them: the digits keep their order, and so does every answer.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from mnist_model.predict.network import ConvNet, spread
from mnist_model.predict.weights import DEFAULT_WEIGHTS, load_weights, save_weights
from mnist_training.corruptions import CORRUPTIONS, corrupt
from mnist_training.data import Split, load_split
from mnist_training.evaluate import compute_features
from mnist_training.no_digit import KINDS
from mnist_training.prepared import draw_digits, draw_others

FIT_COUNT = 20  # pictures of each kind without a digit
FIT_SEED = 100_000  # the model card measures other pictures of these kinds
CHANGE_SEED = 20  # of the changes to held-out digits
DIGIT_COUNT = 400  # digits that are drawn and cut out like the pictures without
NO_DIGIT_SHARE = 0.03  # weight of all pictures without a digit: a larger share takes confidence from digits
WEIGHT_DECAY = 1e-4
STEPS = 200


RECIPE = (
    f"; doubt fitted on the same pictures, {DIGIT_COUNT} of them drawn on paper, and on {FIT_COUNT} pictures of each "
    f"of {len(KINDS)} kinds without a digit"
)


def fit_doubt(network: ConvNet, digits: Tensor, labels: Tensor, others: Tensor) -> None:
    """Fit the layer for doubt; the other layers stay.

    The digits should be likely; in pictures without a digit, each digit should be as likely as the others.

    Args:
        network: a trained network.
        digits: (N, 28, 28) uint8, pictures that it has not seen.
        labels: (N,) int64.
        others: (M, 28, 28) uint8, prepared pictures without a digit.
    """
    known, unknown = compute_features(network, digits), compute_features(network, others)
    with torch.no_grad():
        known_logits, unknown_logits = network.dense2(known), network.dense2(unknown)
    torch.nn.init.zeros_(network.none.weight)
    torch.nn.init.constant_(network.none.bias, float(known_logits.logsumexp(dim=1).mean()))
    optimizer = torch.optim.LBFGS(network.none.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def compute_loss() -> Tensor:
        optimizer.zero_grad()
        right = functional.nll_loss(spread(known_logits, network.none(known)).log(), labels)
        even = -spread(unknown_logits, network.none(unknown)).log().mean()
        decay = WEIGHT_DECAY * network.none.weight.square().sum()
        loss = (1 - NO_DIGIT_SHARE) * right + NO_DIGIT_SHARE * even + decay
        torch.autograd.backward(loss)
        return loss

    optimizer.step(compute_loss)


def learn_doubt(network: ConvNet, held_out: Split) -> None:
    """Fit the layer for doubt to held-out digits, to the same digits changed and drawn, and to pictures without one."""
    names = list(CORRUPTIONS)
    drawn = draw_digits(held_out.cut(0, DIGIT_COUNT), FIT_SEED)
    changed = [corrupt(held_out.images, name, seed=CHANGE_SEED) for name in names]
    others = torch.cat([draw_others(name, FIT_COUNT, FIT_SEED) for name in KINDS])
    labels = torch.cat([held_out.labels.repeat(len(names)), drawn.labels])
    fit_doubt(network, torch.cat([*changed, drawn.images]), labels, others)


def main() -> None:
    """Fit the doubt of trained weights and save them."""
    parser = argparse.ArgumentParser(prog="python -m mnist_training.doubt", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory with MNIST")
    parser.add_argument("--weights", type=Path, default=DEFAULT_WEIGHTS, help="file; default: the model's own weights")
    arguments = parser.parse_args()
    network = ConvNet()
    state, info = load_weights(arguments.weights)
    network.load_state_dict(state)
    whole = load_split(arguments.data, "train")
    learn_doubt(network, whole.cut(len(whole) - 5_000, None))
    count = sum(parameter.numel() for parameter in network.parameters())
    recipe = info.recipe.removesuffix(RECIPE) + RECIPE
    save_weights(network, arguments.weights, replace(info, parameter_count=count, recipe=recipe))


if __name__ == "__main__":
    main()
