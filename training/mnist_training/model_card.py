"""Writes the model card, `MODEL_CARD.md`, and its pictures from an evaluation.

Training ends with this. To measure the weights again and rewrite the card, without training:

    python -m mnist_training.model_card --data data
"""

import argparse
import inspect
import textwrap
from pathlib import Path

import torch
from torch import Tensor

from mnist_model.predict.network import MIN_DOUBT, ConvNet
from mnist_model.predict.weights import DEFAULT_WEIGHTS, WeightsInfo, load_weights
from mnist_training.corruptions import CORRUPTIONS
from mnist_training.data import Split, load_split, prepare
from mnist_training.evaluate import SURE, Evaluation, Others, evaluate, evaluate_others
from mnist_training.no_digit import KINDS
from mnist_training.pictures import draw_confusion, draw_histogram, draw_mistakes

CARD_DIRECTORY = DEFAULT_WEIGHTS.parents[3]  # models/mnist
"""The card's directory in the repository; the package is installed from a checkout."""

MISTAKE_COUNT = 25
OTHERS_COUNT = 100
"""Pictures of each kind without a digit."""

_CARD = """\
# Model card: {model}, version {version}

Written by `python -m mnist_training.train`; `python -m mnist_training.model_card` measures and writes it again.
Nothing in it is edited by hand.

| | |
| --- | --- |
| Task | which digit, 0 to 9, is in a picture of {shape} pixels |
| Network | two 3x3 convolutions (32, 64), max-pool, two dense layers (128, 10): `mnist_model.predict.network.ConvNet` |
| Parameters | {parameter_count:,} |
| Weights | `models/mnist/mnist_model/predict/trained/{weights_name}`, float32, safetensors |
| Input | uint8, 0 = background, 255 = ink; the digit fits 20x20 pixels and its centre of mass is in the middle |
| Output | {class_count} probabilities |

## Accuracy

{accuracy:.2%} of MNIST's {test_count:,} test pictures are classified correctly: {mistake_count} are not.
The other rows are the same pictures after a change. All figures are of the float32 network, as it is served.

{figures}

ECE is the expected calibration error (Guo et al., 2017): the mean distance, over 15 bins, between how sure the network
is and how often it is right. At 1 %, answers given with 90 % are right in 89 to 91 of 100 cases. The next column is the
same before the doubt below is taken into account; the last counts wrong answers with more than {sure:.0%}.

![Confusion matrix: how often each written digit was read as which](pictures/confusion.svg)

The {shown_count} most confident mistakes, as label → answer, with the probability of the answer. Some of the labels
are debatable, and a few are wrong: no network should score 100 %.

![The most confident mistakes](pictures/mistakes.svg)

## Doubt

A picture may hold no digit, or a digit that clutter has spoilt. The network estimates how likely that is, from the
values that it reads the digit from, and spreads this doubt evenly over the ten digits. The order of the digits, and so
the answer, stays the same.

- No answer is surer than {most:.2%}. The least doubt is {least:.2%}: people found 15 wrong labels among MNIST's 10,000
  test pictures (Northcutt et al., Pervasive Label Errors in Test Sets, 2021), and no network can be surer than those
  labels.
- With full doubt, an answer has between 9 % and 19 %.
- Digits are doubted a little, too: the network is more often right than it says. The two columns of ECE show how much.
- There is no second field such as `confidence`: the largest probability is the confidence. Results keep their form, and
  no two numbers can contradict each other.

## Pictures without a digit

{others_count} pictures of each kind, drawn by `mnist_training.no_digit` and prepared as the API does; the network was
fitted to other pictures of the same kinds, so expect somewhat less doubt about kinds that are not listed. Refused
pictures, such as blank ones, get no answer. The columns tell how sure the answers to the others are: the median of the
largest probability, the share of answers above 50 % and 90 %, and the latter without doubt.

{others}

![How sure the answers are to pictures without a digit, with doubt and without](pictures/no-digit.svg)

## Training

{wrapped_recipe}

- It took {minutes:.1f} minutes of wall time, calibration included, on {trained_on}, with PyTorch {torch_version} and
  torchvision {torchvision_version}; the seed was {seed}.
- Each picture is changed anew each time it is seen. Half of a batch broadly: shifted, turned, scaled, slanted, wobbled,
  its stroke made thinner or thicker, blurred, made fainter, some given grain and speckles; the other half gently, in
  one way only. The ranges are the constants of `augment.py` and `gentle.py` in `training/mnist_training`, and each
  setting has its reason beside it in `train.py`.
- Settings were chosen, and the probabilities calibrated, on 5,000 training pictures that the network never saw. An
  earlier run, with broad changes only, had been measured on the test pictures too and missed its goals; the present
  settings were then found on the 5,000.

## Data

MNIST (LeCun, Cortes, Burges): 60,000 pictures to train with and 10,000 to test with, of digits written by employees of
the US Census Bureau and by American high-school students. Fetch and check it with
`python -m mnist_training.data --data data`.

| file | MD5 after decompression |
| --- | --- |
{checksums}

## Intended use

To stand in for any PyTorch model in this service, and to recognise single handwritten digits where a mistake costs
little. Photos and scans must be prepared as `mnist_model.prepare` does it.

## Limits

- There is no answer *none of these*. A letter, a blot or two digits at once are still given a digit, now and then with
  a high probability: see *Pictures without a digit*. Take an answer with less than 50 % as *not sure*.
- The writers were American, so some habits are rare in the data: a 1 with a long upstroke, a crossed 7,
  an open 4, digits of other scripts. Expect more mistakes there than the table says.
- The figures hold for pictures prepared like MNIST's. How well a photo is cropped and inverted matters more than the
  difference between the rows above.
- Not for decisions about people (ballots, cheques, examinations) without a person who checks.
"""


def write_card(
    directory: Path, info: WeightsInfo, evaluation: Evaluation, test: Split, others: dict[str, Others]
) -> None:
    """Write `MODEL_CARD.md` and `pictures/` into the directory.

    `test` holds the evaluated pictures; `others` is from `evaluate_others`.
    """
    pictures = directory / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    worst = evaluation.find_worst_mistakes(MISTAKE_COUNT)
    captions = [_write_caption(evaluation, index) for index in worst]
    (pictures / "confusion.svg").write_text(draw_confusion(evaluation.confusion), encoding="utf-8")
    (pictures / "mistakes.svg").write_text(draw_mistakes(test.images[worst], captions), encoding="utf-8")
    (pictures / "no-digit.svg").write_text(_draw_others(others), encoding="utf-8")
    (directory / "MODEL_CARD.md").write_text(render_card(info, evaluation, others), encoding="utf-8")


def render_card(info: WeightsInfo, evaluation: Evaluation, others: dict[str, Others]) -> str:
    """Return the card as Markdown."""
    mistakes = evaluation.find_worst_mistakes(len(evaluation.labels))
    return _CARD.format(
        **info.to_metadata()
        | {"accuracy": info.accuracy, "parameter_count": info.parameter_count, "minutes": info.training_s / 60},
        wrapped_recipe=textwrap.fill(f"{info.recipe}.", 116),
        weights_name=DEFAULT_WEIGHTS.name,
        test_count=len(evaluation.labels),
        mistake_count=len(mistakes),
        shown_count=min(MISTAKE_COUNT, len(mistakes)),
        figures=_render_figures(evaluation),
        checksums=_render_checksums(info),
        sure=SURE,
        least=MIN_DOUBT,
        most=1 - MIN_DOUBT * (1 - 1 / info.class_count),
        others_count=max(answers.refused + len(answers.largest) for answers in others.values()),
        others=_render_others(others),
    )


def _render_figures(evaluation: Evaluation) -> str:
    rows = [
        f"| pictures | change | accuracy | ECE | without doubt | wrong and over {SURE:.0%} |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, accuracy in evaluation.accuracy.items():
        description = inspect.getdoc(CORRUPTIONS[name]) or ""
        errors = f"{evaluation.calibration_error[name]:.2%} | {evaluation.error_without_doubt[name]:.2%}"
        rows.append(f"| {name} | {description} | {accuracy:.2%} | {errors} | {evaluation.sure_mistakes[name]} |")
    return "\n".join(rows)


def _render_others(others: dict[str, Others]) -> str:
    rows = [
        "| kind | refused | median | over 50 % | over 90 % | without doubt |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, answers in others.items():
        shares = _render_shares(answers.largest, answers.without_doubt)
        rows.append(f"| {inspect.getdoc(KINDS[name])} | {answers.refused} | {shares} |")
    every, without = _join_others(others)
    refused = sum(answers.refused for answers in others.values())
    return "\n".join([*rows, f"| **all** | {refused} | {_render_shares(every, without)} |"])


def _render_shares(largest: Tensor, without_doubt: Tensor) -> str:
    if not len(largest):
        return "– | – | – | –"
    shares = ((largest > 0.5), (largest > 0.9), (without_doubt > 0.9))
    return " | ".join(
        f"{float(value):.0%}" for value in (largest.median(), *(share.float().mean() for share in shares))
    )


def _draw_others(others: dict[str, Others]) -> str:
    every, without = _join_others(others)
    return draw_histogram({"with doubt": every, "without": without})


def _join_others(others: dict[str, Others]) -> tuple[Tensor, Tensor]:
    answers = others.values()
    return torch.cat([each.largest for each in answers]), torch.cat([each.without_doubt for each in answers])


def _render_checksums(info: WeightsInfo) -> str:
    return "\n".join("| {} | {} |".format(*entry.split("=")) for entry in info.data_md5.split())


def _write_caption(evaluation: Evaluation, index: int) -> str:
    confidence, predicted = evaluation.probabilities[index].max(dim=0)
    return f"{int(evaluation.labels[index])} → {int(predicted)}, {float(confidence):.0%}"


def main() -> None:
    """Measure weights on MNIST's test set and write their card."""
    parser = argparse.ArgumentParser(prog="python -m mnist_training.model_card", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory with MNIST, or to fetch it into")
    parser.add_argument(
        "--weights", type=Path, default=DEFAULT_WEIGHTS, help="file to measure; default: the model's own weights"
    )
    arguments = parser.parse_args()
    prepare(arguments.data)
    test = load_split(arguments.data, "t10k")
    state, info = load_weights(arguments.weights)
    network = ConvNet()
    network.load_state_dict(state)
    others = evaluate_others(network, count=OTHERS_COUNT)
    write_card(CARD_DIRECTORY, info, evaluate(network, test), test, others)


if __name__ == "__main__":
    main()
